"""Failed answers as OpenAI sends them, for every path of its API.

Codes and statuses: https://platform.openai.com/docs/guides/error-codes and `x-ratelimit-*` of
https://platform.openai.com/docs/guides/rate-limits.
"""

from __future__ import annotations

from collections.abc import Mapping

from proxy.demo.shape import Refusal


def refusal(
    status: int,
    message: str,
    kind: str = "invalid_request_error",
    *,
    code: str | None = None,
    param: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> Refusal:
    error = {"message": message, "type": kind, "param": param, "code": code}
    return Refusal(status, {"error": error}, tuple((headers or {}).items()))


def refusals(model: str, wait_s: float) -> Mapping[str, Refusal]:
    return {
        "budget": refusal(
            429,
            "You exceeded your current quota, please check your plan and billing details.",
            "insufficient_quota",
            code="insufficient_quota",
        ),
        "rate-limit": refusal(
            429,
            f"Rate limit reached for {model} on requests per min (RPM): Limit 60, Used 60, Requested 1. "
            f"Please try again in {wait_s:g}s.",
            "requests",
            code="rate_limit_exceeded",
            headers={
                "retry-after": f"{wait_s:.0f}",
                "retry-after-ms": f"{wait_s * 1000:.0f}",
                "x-ratelimit-limit-requests": "60",
                "x-ratelimit-remaining-requests": "0",
                "x-ratelimit-reset-requests": f"{wait_s:g}s",
            },
        ),
        "overloaded": refusal(
            503,
            "The engine is currently overloaded, please try again later.",
            "server_error",
            code="server_is_overloaded",
        ),
        "auth": refusal(401, "Incorrect API key provided.", code="invalid_api_key"),
        "model": refusal(
            404, f"The model `{model}` does not exist or you do not have access to it.", code="model_not_found"
        ),
        "context": refusal(
            400,
            "This model's maximum context length is 8192 tokens. However, your messages resulted in 9001 tokens. "
            "Please reduce the length of the messages.",
            code="context_length_exceeded",
            param="messages",
        ),
        "content-filter": refusal(
            400, "Your request was flagged as potentially violating our usage policy.", code="content_policy_violation"
        ),
        "bad-request": refusal(
            400,
            "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
            code="unsupported_parameter",
            param="max_tokens",
        ),
        "stale": refusal(404, "No such File object: file-demo", param="id"),
        "server-error": refusal(
            500, "The server had an error while processing your request. Sorry about that!", "server_error"
        ),
        "image": refusal(
            400,
            "Invalid content type. image_url is only supported by certain models.",
            param="messages.[0].content.[0].type",
        ),
        "unknown": Refusal(460, {"note": "no"}),
    }
