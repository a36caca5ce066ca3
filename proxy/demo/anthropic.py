"""Anthropic's messages: https://docs.anthropic.com/en/api/messages, its errors: https://docs.anthropic.com/en/api/errors."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from proxy.demo.shape import Document, Refusal, Reply, Shape, entries, event, parts


class Anthropic(Shape):
    """Messages."""

    request_id = "request-id"

    def refusals(self, model: str, wait_s: float) -> Mapping[str, Refusal]:
        reset = (datetime.now(UTC) + timedelta(seconds=wait_s)).strftime("%Y-%m-%dT%H:%M:%SZ")
        limited = {
            "retry-after": f"{wait_s:.0f}",
            "x-should-retry": "true",
            "anthropic-ratelimit-requests-limit": "50",
            "anthropic-ratelimit-requests-remaining": "0",
            "anthropic-ratelimit-requests-reset": reset,
        }
        return {
            "budget": _refusal(
                400, "Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing."
            ),
            "rate-limit": _refusal(
                429,
                "This request would exceed your organization's rate limit of 50 requests per minute.",
                "rate_limit_error",
                limited,
            ),
            "overloaded": _refusal(529, "Overloaded", "overloaded_error", {"x-should-retry": "true"}),
            "auth": _refusal(401, "invalid x-api-key", "authentication_error"),
            "model": _refusal(404, f"model: {model}", "not_found_error"),
            "context": _refusal(400, "prompt is too long: 200001 tokens > 200000 maximum"),
            "content-filter": _refusal(400, "Output blocked by content filtering policy"),
            "bad-request": _refusal(400, "max_tokens: Field required"),
            "stale": _refusal(404, "Container not found: container_demo", "not_found_error"),
            "server-error": _refusal(500, "Internal server error", "api_error"),
            "image": _refusal(400, "messages.0.content.0: this model does not support image inputs"),
            "unknown": Refusal(460, {"note": "no"}),
        }

    def answer(self, reply: Reply) -> Document:
        return {
            **_begun(reply),
            "content": [{"type": "text", "text": reply.text}],
            "stop_reason": "end_turn",
            "usage": {"input_tokens": 8, "output_tokens": len(reply.words)},
        }

    def stream(self, reply: Reply) -> Sequence[bytes]:
        told: list[Mapping[str, Any]] = [
            {"type": "message_start", "message": _begun(reply)},
            {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
            {"type": "ping"},
            *(
                {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": word}}
                for word in reply.words
            ),
            {"type": "content_block_stop", "index": 0},
            {
                "type": "message_delta",
                "delta": {"stop_reason": "end_turn", "stop_sequence": None},
                "usage": {"output_tokens": len(reply.words)},
            },
            {"type": "message_stop"},
        ]
        return [event(data, data["type"]) for data in told]

    def error_event(self, refusal: Refusal) -> bytes:
        return event(refusal.body, "error")

    def out_of_order(self, document: Document) -> Refusal | None:
        """Results stand in the message right after their call, all of them."""
        open_calls: list[str] = []
        for at, message in enumerate([*entries(document, "messages"), {}]):
            results = [str(part.get("tool_use_id")) for part in parts(message) if part.get("type") == "tool_result"]
            if missing := [call for call in open_calls if call not in results]:
                return _refusal(
                    400,
                    f"messages.{at - 1}: `tool_use` ids were found without `tool_result` blocks immediately after: "
                    f"{', '.join(missing)}.",
                )
            if surplus := [result for result in results if result not in open_calls]:
                return _refusal(
                    400,
                    f"messages.{at}.content.0: unexpected `tool_use_id` found in `tool_result` blocks: {surplus[0]}.",
                )
            open_calls = [str(part.get("id")) for part in parts(message) if part.get("type") == "tool_use"]
        return None

    def has_image(self, document: Document) -> bool:
        return any(part.get("type") == "image" for entry in entries(document, "messages") for part in parts(entry))

    def stale(self, document: Document, known: Collection[str]) -> Refusal | None:
        container = document.get("container")
        if not isinstance(container, str) or container in known:
            return None
        return _refusal(404, f"Container not found: {container}", "not_found_error")


def _refusal(
    status: int, message: str, kind: str = "invalid_request_error", headers: Mapping[str, str] | None = None
) -> Refusal:
    body = {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_demo"}
    return Refusal(status, body, tuple((headers or {}).items()))


def _begun(reply: Reply) -> Document:
    return {
        "id": f"msg_{reply.serial}",
        "type": "message",
        "role": "assistant",
        "model": reply.model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {"input_tokens": 8, "output_tokens": 1},
    }
