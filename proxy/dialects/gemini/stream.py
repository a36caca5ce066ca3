"""The course of a generated content's stream: candidates until a `finishReason`, or a prompt that was blocked.

https://ai.google.dev/api/generate-content#v1beta.GenerateContentResponse. Comes as an event stream or, where that was
not asked for, as a JSON array.
"""

from __future__ import annotations

import re
from typing import Any, Final

import orjson

from proxy.dialects.gemini.error import error_object
from proxy.dialects.problem import Problem
from proxy.dialects.triage import stream_members

# A key, not the text of a string: there its quotes would be escaped.
_FINISH: Final = re.compile(rb'(?<!\\)"finishReason"\s*:\s*"')
_USAGE: Final = ("usageMetadata", "modelVersion", "responseId")


class GeminiCourse:
    """Whether candidates have begun, whether a reason for the end was given, and how often."""

    __slots__ = ("_finishes", "_is_blocked", "_is_open")

    is_steady = True
    reads_lines = True  # https://github.com/googleapis/python-genai/blob/main/google/genai/_api_client.py

    def __init__(self) -> None:
        self._is_open = False
        self._is_blocked = False
        self._finishes = 0

    @property
    def is_open(self) -> bool:
        return self._is_open and not self.is_done

    @property
    def is_done(self) -> bool:
        return self._is_blocked or self._finishes > 0

    @property
    def is_over(self) -> bool:
        # Some models give a reason with every piece (https://github.com/FirebaseExtended/vertexai-sdk-test-data,
        # streaming-failure-error-mid-stream.txt). Where such a stream is cut off, the reason was no end.
        return self._is_blocked or self._finishes == 1

    @staticmethod
    def begins(body: dict[str, Any]) -> bool:
        body = _inner(body)
        return isinstance(body.get("candidates"), list) or "promptFeedback" in body or all(k in body for k in _USAGE)

    def is_dull(self, data: bytes) -> bool:
        return (
            data.endswith((b"}\r\n\r\n", b"}\n\n"))
            and data.find(b'"candidates"') > 0
            and data.find(b"finishReason") < 0
            and data.find(b"error") < 0
            and data.find(b"[DONE]") < 0
        )

    def read(self, body: dict[str, Any]) -> bool:
        body = _inner(body)
        candidates = body.get("candidates")
        candidates = candidates if isinstance(candidates, list) else []
        self._is_open |= bool(candidates)
        if any(isinstance(candidate, dict) and candidate.get("finishReason") for candidate in candidates):
            self._finishes += 1
        elif "promptFeedback" in body and not candidates:
            self._is_blocked = True
        return False

    def skim(self, text: bytes) -> bool:
        self._is_open = True
        if _FINISH.search(text):
            self._finishes += 1
        return False

    def error_object(self, problem: Problem) -> dict[str, Any]:
        return {"error": error_object(problem) | stream_members(problem)}

    def error_event(self, problem: Problem, last: bytes) -> bytes:
        return b"data: %b\n\n" % orjson.dumps(self.error_object(problem))


def _inner(body: dict[str, Any]) -> dict[str, Any]:
    """Code Assist wraps each piece: https://github.com/google-gemini/gemini-cli, packages/core/src/code_assist."""
    inner = body.get("response")
    return inner if isinstance(inner, dict) and "type" not in body else body
