"""The course of a message's stream: `message_start`, blocks with their deltas, `message_stop`; pings at any place.

https://docs.anthropic.com/en/docs/build-with-claude/streaming
"""

from __future__ import annotations

from typing import Any, Final

import orjson

from proxy.dialects.anthropic.error import error_object
from proxy.dialects.problem import Problem
from proxy.dialects.triage import stream_members

_DELTA: Final = (b"event: content_block_delta", b'data: {"type":"content_block_delta"')
_BEGINS: Final = frozenset(("message_start", "content_block_start", "content_block_delta", "message_delta"))


class AnthropicCourse:
    """Whether the message has stopped."""

    __slots__ = ("is_over",)

    is_steady = True
    reads_lines = False

    def __init__(self) -> None:
        self.is_over = False

    @property
    def is_open(self) -> bool:
        return not self.is_over

    @property
    def is_done(self) -> bool:
        return self.is_over

    @staticmethod
    def begins(body: dict[str, Any]) -> bool:
        return body.get("type") in _BEGINS

    def is_dull(self, data: bytes) -> bool:
        return data.startswith(_DELTA) and (
            data.find(b"\n\n") == len(data) - 2
            or (
                data.endswith(b"}\n\n")
                and data.find(b"error") < 0
                and data.find(b"message_stop") < 0
                and data.find(b"[DONE]") < 0
            )
        )

    def read(self, body: dict[str, Any]) -> bool:
        if body.get("type") == "message_stop":
            self.is_over = True
        return False

    def skim(self, text: bytes) -> bool:
        return False

    def error_object(self, problem: Problem) -> dict[str, Any]:
        error = error_object(problem) | stream_members(problem)
        return {"type": "error", "error": error, "request_id": problem.call_id}

    def error_event(self, problem: Problem, last: bytes) -> bytes:
        return b"event: error\ndata: %b\n\n" % orjson.dumps(self.error_object(problem))
