"""The course of a response's stream: `response.created`, numbered events, then `.completed`, `.incomplete` or `.failed`.

https://platform.openai.com/docs/api-reference/responses-streaming
"""

from __future__ import annotations

import re
from typing import Any, Final

import orjson

from proxy.dialects.openai_chat.error import error_object
from proxy.dialects.problem import Problem
from proxy.dialects.triage import stream_members

_ENDS: Final = frozenset(("response.completed", "response.incomplete", "response.failed"))
_BEGINS: Final = frozenset(("response.created", "response.queued", "response.in_progress"))
_EVENTS: Final = (b"event: response.", b'data: {"type":"response.')
_NUMBER: Final = re.compile(rb'(?<!\\)"sequence_number"\s*:\s*(\d{1,15})')


class ResponsesCourse:
    """Which response it is, the last number, whether the response has ended."""

    __slots__ = ("_number", "_response", "is_over")

    is_steady = True
    reads_lines = False

    def __init__(self) -> None:
        self._response: dict[str, Any] = {}
        self._number = -1
        self.is_over = False

    @property
    def is_open(self) -> bool:
        return not self.is_over

    @property
    def is_done(self) -> bool:
        return self.is_over

    @staticmethod
    def begins(body: dict[str, Any]) -> bool:
        kind = body.get("type")
        return isinstance(kind, str) and kind.startswith("response.")

    def is_dull(self, data: bytes) -> bool:
        if not data.startswith(_EVENTS):
            return False
        find = data.find
        return (find(b"\n\n") == len(data) - 2 and data.startswith(b".delta", find(b"\n") - 6)) or (
            data.endswith(b"}\n\n")
            and find(b"error") < 0
            and find(b"complete") < 0
            and find(b"failed") < 0
            and find(b"[DONE]") < 0
        )

    def read(self, body: dict[str, Any]) -> bool:
        kind = body.get("type")
        number = body.get("sequence_number")
        if isinstance(number, int):
            self._number = number
        if kind in _BEGINS:
            response = body.get("response")
            if isinstance(response, dict):
                self._response = {name: response.get(name) for name in ("id", "created_at", "model")}
        elif kind in _ENDS:
            self.is_over = True
        return kind == "response.failed"

    def skim(self, text: bytes) -> bool:
        # The event's type stands at its beginning, which was read; its number may stand anywhere.
        return False

    def error_object(self, problem: Problem) -> dict[str, Any]:
        """`error` at the top makes OpenAI's SDKs raise; Codex reads the one inside `response`."""
        error = error_object(problem) | stream_members(problem)
        number = self._number + 1
        if not self._response.get("id"):
            told = {"code": error["code"], "message": error["message"], "param": None}
            return {"type": "error", "sequence_number": number} | told | {"error": error}
        response = {
            "id": self._response["id"],
            "object": "response",
            "created_at": self._response["created_at"],
            "status": "failed",
            "error": {"code": error["code"], "message": error["message"]} | stream_members(problem),
            "incomplete_details": None,
            "model": self._response["model"],
            "output": [],
            "usage": None,
        }
        return {"type": "response.failed", "sequence_number": number, "response": response, "error": error}

    def error_event(self, problem: Problem, last: bytes) -> bytes:
        numbers = _NUMBER.findall(last)
        self._number = max(self._number, int(numbers[-1]) if numbers else -1)
        body = self.error_object(problem)
        return b"event: %b\ndata: %b\n\n" % (body["type"].encode(), orjson.dumps(body))
