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

_FIRST_CHOICE: Final = b'"choices":[{"index":0,'
_NEVER: Final = b"\0"


class ChatCourse:
    """Which choices have begun, and which have finished."""

    __slots__ = ("_alike", "_begun", "_finished")

    is_over = False  # only [DONE] is
    reads_lines = False

    def __init__(self) -> None:
        self._begun: set[int] = set()
        self._finished: set[int] = set()
        self._alike = _NEVER  # how dull reads of this stream begin, up to their only choice

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
        alike = self._alike
        if data.startswith(alike):
            start = len(alike)
            at = data.rfind(b'"finish_reason"', start)
            if (
                at > 0
                and data.startswith(b'"finish_reason":null', at)
                and data.find(b'"finish_reason"', start) == at
                and data.find(b"error", start) < 0
                and data.endswith(b"}\n\n")
            ):
                return True
        elif (at := data.find(_FIRST_CHOICE)) > 0 and data.find(b"error", 0, at) < 0:
            self._alike = data[: at + len(_FIRST_CHOICE)]
        return _are_dull(data)

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

    def error_object(self, problem: Problem) -> dict[str, Any]:
        return {"error": error_object(problem) | stream_members(problem)}

    def error_event(self, problem: Problem, last: bytes) -> bytes:
        return b"data: %b\n\n" % orjson.dumps(self.error_object(problem))


def _are_dull(data: bytes) -> bool:
    """The same of several events, and whatever their members' order.

    Where OpenAI's order does not tell it, all indexes are 0: a second tool call's is not, and is read in full.
    """
    count = data.count
    return (
        data.endswith((b"}\n\n", b"}\r\n\r\n"))
        and count(b"error") == 0
        and count(b"[DONE]") == 0
        and count(b'"choices"') > 0
        and (
            count(b'"index":0') == (indexes := count(b'"index"'))
            or count(b'"index": 0') == indexes
            or count(b'"choices":[{"index":0,"delta":') == count(b'"choices"') == count(b'"delta"')
        )
        and (
            count(b'"finish_reason":null') == (finishes := count(b'"finish_reason"'))
            or count(b'"finish_reason": null') == finishes
        )
    )
