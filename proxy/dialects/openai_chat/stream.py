"""The course of a chat completion's stream: choices begin, each says its `finish_reason`, then `[DONE]`.

https://platform.openai.com/docs/api-reference/chat-streaming. Legacy completions stream the same way. `[DONE]` is no
JSON and is known to the watch itself: many providers of other shapes send it too.
"""

from __future__ import annotations

import re
from typing import Any, Final

import orjson

from proxy.dialects.openai_chat.error import error_object
from proxy.dialects.problem import Problem
from proxy.dialects.triage import stream_members

# A key, not the text of a string: there its quotes would be escaped.
_FINISH: Final = re.compile(rb'(?<!\\)"finish_reason"\s*:\s*"')


class ChatCourse:
    """Which choices have begun, and which have finished."""

    __slots__ = ("_begun", "_finished")

    is_over = False  # only [DONE] is

    def __init__(self) -> None:
        self._begun: set[int] = set()
        self._finished: set[int] = set()

    @property
    def is_steady(self) -> bool:
        return 0 in self._begun

    @property
    def is_open(self) -> bool:
        return not self._begun <= self._finished

    @property
    def is_done(self) -> bool:
        return bool(self._begun) and self._begun <= self._finished

    @staticmethod
    def begins(body: dict[str, Any]) -> bool:
        return isinstance(body.get("choices"), list)

    def is_dull(self, data: bytes) -> bool:
        # Every choice has index 0, told from OpenAI's order of members or from the indexes alone (a second tool call
        # has another one, and is read in full then), and every finish_reason is null.
        count = data.count
        choices = count(b'"choices"')
        return (
            data.startswith(b"data:")
            and b"error" not in data
            and b"[DONE]" not in data
            and (
                count(b'"choices":[{"index":0,"delta":') == choices == count(b'"delta"')
                or count(b'"index":0') == count(b'"index"')
                or count(b'"index": 0') == count(b'"index"')
            )
            and (
                count(b'"finish_reason":null') == (finishes := count(b'"finish_reason"'))
                or count(b'"finish_reason": null') == finishes
            )
        )

    def read(self, body: dict[str, Any]) -> bool:
        is_error = False
        choices = body.get("choices")
        for choice in choices if isinstance(choices, list) else ():
            if not isinstance(choice, dict):
                continue
            index = choice.get("index")
            index = index if isinstance(index, int) else 0
            self._begun.add(index)
            if choice.get("finish_reason"):
                self._finished.add(index)
                # OpenRouter: https://openrouter.ai/docs/api-reference/errors
                is_error |= choice["finish_reason"] == "error"
        return is_error

    def skim(self, text: bytes) -> bool:
        self._begun.add(0)
        if _FINISH.search(text):
            self._finished |= self._begun
        return False

    def can_end_unfinished(self) -> bool:
        return False

    def error_object(self, problem: Problem) -> dict[str, Any]:
        return {"error": error_object(problem) | stream_members(problem)}

    def error_event(self, problem: Problem, last: bytes) -> bytes:
        return b"data: %b\n\n" % orjson.dumps(self.error_object(problem))
