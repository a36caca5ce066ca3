"""Anthropic's error body. https://docs.anthropic.com/en/api/errors names the types and the status of each."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

import orjson

from proxy.dialects.problem import Problem
from proxy.dialects.triage import NAME, triage_member
from proxy.model import Class

TYPES: Final[Mapping[Class, str]] = MappingProxyType(
    {
        Class.RATE_LIMITED: "rate_limit_error",
        Class.BUDGET_EXHAUSTED: "billing_error",
        Class.OVERLOADED: "overloaded_error",
        Class.TIMEOUT: "timeout_error",
        Class.NETWORK: "api_error",
        Class.PROVIDER_ERROR: "api_error",
        Class.AUTH: "authentication_error",
        Class.MODEL: "not_found_error",
        Class.CONTEXT: "invalid_request_error",
        Class.CONTENT_FILTER: "invalid_request_error",
        Class.BAD_REQUEST: "invalid_request_error",
        Class.SESSION_EXPIRED: "not_found_error",
        Class.UNKNOWN: "api_error",
    }
)

# Where the status says more than the class.
_TYPES_OF_STATUS: Final[Mapping[tuple[Class, int], str]] = MappingProxyType(
    {
        (Class.AUTH, 403): "permission_error",
        (Class.BAD_REQUEST, 404): "not_found_error",
        (Class.BAD_REQUEST, 413): "request_too_large",
        (Class.CONTEXT, 413): "request_too_large",
    }
)


def error_object(problem: Problem) -> dict[str, Any]:
    """The members that Anthropic's clients read."""
    cls = problem.verdict.cls
    return {"type": _TYPES_OF_STATUS.get((cls, problem.status), TYPES[cls]), "message": problem.message}


def error_body(problem: Problem) -> bytes:
    """The body of an answer."""
    error = error_object(problem) | {NAME: triage_member(problem)}
    return orjson.dumps({"type": "error", "error": error, "request_id": problem.call_id})
