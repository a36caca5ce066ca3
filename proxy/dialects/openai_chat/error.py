"""OpenAI's error object, which the Responses dialect and most other providers share.

https://platform.openai.com/docs/guides/error-codes; official clients read `message`, `type`, `param` and `code`.
"""

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
        Class.BUDGET_EXHAUSTED: "insufficient_quota",
        Class.OVERLOADED: "overloaded_error",
        Class.TIMEOUT: "timeout_error",
        Class.NETWORK: "api_connection_error",
        Class.PROVIDER_ERROR: "server_error",
        Class.AUTH: "authentication_error",
        Class.MODEL: "invalid_request_error",
        Class.CONTEXT: "invalid_request_error",
        Class.CONTENT_FILTER: "invalid_request_error",
        Class.BAD_REQUEST: "invalid_request_error",
        Class.SESSION_EXPIRED: "invalid_request_error",
        Class.UNKNOWN: "api_error",
    }
)


def error_object(problem: Problem) -> dict[str, Any]:
    """The members that OpenAI's clients read."""
    verdict = problem.verdict
    return {"message": problem.message, "type": TYPES[verdict.cls], "param": None, "code": verdict.reason}


def error_body(problem: Problem) -> bytes:
    """The body of an answer."""
    return orjson.dumps({"error": error_object(problem) | {NAME: triage_member(problem)}})
