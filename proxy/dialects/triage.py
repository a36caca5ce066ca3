"""The member `triage`: what the proxy knows of a failure, for clients that read bodies and not headers.

It stands inside the `error` object of every dialect. In the proxy's own answers it is always there; into a provider's
it is inserted on request, and every other byte stays as it was.
"""

from __future__ import annotations

import re
from typing import Any, Final

import orjson

from proxy.dialects.problem import Problem

NAME: Final = "triage"

# A string, a bracket or colon, or a run of anything else that is no space (numbers, words, commas).
_TOKEN: Final = re.compile(rb'"(?:[^"\\]|\\.)*"|[{}\[\]:]|[^\s"{}\[\]:]+', re.DOTALL)


def triage_member(problem: Problem) -> dict[str, Any]:
    """What stands under `triage`."""
    verdict = problem.verdict
    return {
        "class": verdict.cls.value,
        "reason": verdict.reason,
        "action": problem.action.value,
        "retry": problem.retry,
        "retry_after": problem.retry_after_s,
        "advice": verdict.advice,
        "call_id": problem.call_id,
    }


def stream_members(problem: Problem) -> dict[str, Any]:
    """What stands beside the dialect's own members in an error that is written into a stream."""
    verdict = problem.verdict
    return {"class": verdict.cls.value, "reason": verdict.reason, "session": problem.action.value}


def annotate(body: bytes, problem: Problem) -> bytes | None:
    """`body` with the member inside its `error` object; None where it has no such object, or has the member already."""
    error = _error_of(body)
    if error is None or NAME in error:
        return None
    at = _inside_error(body)
    if at is None:
        return None
    member = b'"%b":%b' % (NAME.encode(), orjson.dumps(triage_member(problem)))
    return b"%b%b%b%b" % (body[:at], member, b"," if error else b"", body[at:])


def _error_of(body: bytes) -> dict[str, Any] | None:
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    # Gemini's streamed answers put their error into an array: [{"error": {…}}]
    if isinstance(value, list) and value:
        value = value[0]
    error = value.get("error") if isinstance(value, dict) else None
    return error if isinstance(error, dict) else None


def _inside_error(body: bytes) -> int | None:
    """Where the members of the outermost object's `error` begin; of several, the last, which is what parsers keep."""
    at: int | None = None
    depth = 0
    top = 1  # the depth of the outermost object's members
    objects = 0  # how many objects of that depth have begun
    key = b""
    is_value = False
    for token in _TOKEN.finditer(body):
        text = token.group()
        if text in (b"{", b"["):
            if not depth and text == b"[":
                top = 2
            depth += 1
            if depth == top and text == b"{":
                objects += 1
                if objects > 1:
                    break
            if depth == top + 1 and text == b"{" and is_value and key == b'"error"':
                at = token.end()
        elif text in (b"}", b"]"):
            depth -= 1
        elif text == b":":
            is_value = True
            continue
        elif depth == top and not is_value:
            key = text
        is_value = False
    return at
