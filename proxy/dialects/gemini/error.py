"""Google's error body: the status as a number and as a canonical code.

https://cloud.google.com/apis/design/errors, https://github.com/googleapis/googleapis/blob/master/google/rpc/code.proto
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

import orjson

from proxy.dialects.problem import Problem
from proxy.dialects.triage import NAME, triage_member
from proxy.model import Class

CODES: Final[Mapping[Class, str]] = MappingProxyType(
    {
        Class.RATE_LIMITED: "RESOURCE_EXHAUSTED",
        Class.BUDGET_EXHAUSTED: "FAILED_PRECONDITION",
        Class.OVERLOADED: "UNAVAILABLE",
        Class.TIMEOUT: "DEADLINE_EXCEEDED",
        Class.NETWORK: "UNAVAILABLE",
        Class.PROVIDER_ERROR: "INTERNAL",
        Class.AUTH: "UNAUTHENTICATED",
        Class.MODEL: "NOT_FOUND",
        Class.CONTEXT: "INVALID_ARGUMENT",
        Class.CONTENT_FILTER: "INVALID_ARGUMENT",
        Class.BAD_REQUEST: "INVALID_ARGUMENT",
        Class.SESSION_EXPIRED: "NOT_FOUND",
        Class.UNKNOWN: "UNKNOWN",
    }
)

# Where the status says more than the class.
_CODES_OF_STATUS: Final[Mapping[tuple[Class, int], str]] = MappingProxyType(
    {
        (Class.AUTH, 403): "PERMISSION_DENIED",
        (Class.BAD_REQUEST, 404): "NOT_FOUND",
        (Class.BAD_REQUEST, 405): "UNIMPLEMENTED",
    }
)


def error_object(problem: Problem) -> dict[str, Any]:
    """The members that Google's clients read."""
    cls, status = problem.verdict.cls, problem.status
    return {"code": status, "message": problem.message, "status": _CODES_OF_STATUS.get((cls, status), CODES[cls])}


def error_body(problem: Problem) -> bytes:
    """The body of an answer."""
    return orjson.dumps({"error": error_object(problem) | {NAME: triage_member(problem)}})
