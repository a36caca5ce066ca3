"""OpenAI's chat completions: https://platform.openai.com/docs/api-reference/chat."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from proxy.demo import openai_errors
from proxy.demo.shape import Document, Refusal, Reply, Shape, entries, event, parts


class OpenAIChat(Shape):
    """Chat completions."""

    def refusals(self, model: str, wait_s: float) -> Mapping[str, Refusal]:
        return openai_errors.refusals(model, wait_s)

    def answer(self, reply: Reply) -> Document:
        return {
            "id": f"chatcmpl-{reply.serial}",
            "object": "chat.completion",
            "created": 1700000000 + reply.serial,
            "model": reply.model,
            "choices": [
                {
                    "index": 0,
                    "message": {"role": "assistant", "content": reply.text, "refusal": None},
                    "logprobs": None,
                    "finish_reason": "stop",
                }
            ],
            "usage": {"prompt_tokens": 8, "completion_tokens": len(reply.words), "total_tokens": 8 + len(reply.words)},
        }

    def stream(self, reply: Reply) -> Sequence[bytes]:
        def chunk(delta: Mapping[str, Any], finish: str | None = None) -> bytes:
            return event(
                {
                    "id": f"chatcmpl-{reply.serial}",
                    "object": "chat.completion.chunk",
                    "created": 1700000000 + reply.serial,
                    "model": reply.model,
                    "choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}],
                }
            )

        return [
            chunk({"role": "assistant", "content": ""}),
            *(chunk({"content": word}) for word in reply.words),
            chunk({}, "stop"),
            b"data: [DONE]\n\n",
        ]

    def error_event(self, refusal: Refusal) -> bytes:
        return event(refusal.body)

    def out_of_order(self, document: Document) -> Refusal | None:
        """Results stand right after their call, all of them."""
        open_calls: list[str] = []
        for message in [*entries(document, "messages"), {"role": "end"}]:
            if message.get("role") == "tool":
                if message.get("tool_call_id") not in open_calls:
                    return openai_errors.refusal(
                        400,
                        "messages with role 'tool' must be a response to a preceding message with 'tool_calls'.",
                        param="messages",
                    )
                open_calls.remove(message["tool_call_id"])
                continue
            if open_calls:
                return openai_errors.refusal(
                    400,
                    "An assistant message with 'tool_calls' must be followed by tool messages responding to each "
                    f"'tool_call_id'. The following tool_call_ids did not have response messages: {', '.join(open_calls)}",
                    param="messages",
                )
            open_calls = [str(call.get("id")) for call in parts(message, "tool_calls")]
        return None

    def has_image(self, document: Document) -> bool:
        return any(part.get("type") == "image_url" for entry in entries(document, "messages") for part in parts(entry))
