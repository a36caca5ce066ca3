"""OpenAI's Responses: https://platform.openai.com/docs/api-reference/responses."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from proxy.demo import openai_errors
from proxy.demo.shape import Document, Refusal, Reply, Shape, entries, event, parts


class Responses(Shape):
    """Responses; they can be named in later calls."""

    def refusals(self, model: str, wait_s: float) -> Mapping[str, Refusal]:
        return {
            **openai_errors.refusals(model, wait_s),
            "stale": _not_found("resp_demo"),
            "image": openai_errors.refusal(
                400, "Invalid value: 'input_image'. This model does not support image inputs.", param="input"
            ),
        }

    def answer(self, reply: Reply) -> Document:
        return _response(reply, "completed", [_message(reply, "completed", reply.text)])

    def stream(self, reply: Reply) -> Sequence[bytes]:
        place = {"item_id": f"msg_{reply.serial}", "output_index": 0, "content_index": 0}
        done = _message(reply, "completed", reply.text)
        told: list[tuple[str, Mapping[str, Any]]] = [
            ("response.created", {"response": _response(reply, "in_progress", [])}),
            ("response.in_progress", {"response": _response(reply, "in_progress", [])}),
            (
                "response.output_item.added",
                {"output_index": 0, "item": {**done, "status": "in_progress", "content": []}},
            ),
            ("response.content_part.added", {**place, "part": _text("")}),
            *(("response.output_text.delta", {**place, "delta": word, "logprobs": []}) for word in reply.words),
            ("response.output_text.done", {**place, "text": reply.text, "logprobs": []}),
            ("response.content_part.done", {**place, "part": _text(reply.text)}),
            ("response.output_item.done", {"output_index": 0, "item": done}),
            ("response.completed", {"response": self.answer(reply)}),
        ]
        return [event({"type": name, "sequence_number": at, **data}, name) for at, (name, data) in enumerate(told)]

    def error_event(self, refusal: Refusal) -> bytes:
        """The form of https://github.com/vercel/ai/issues/21345; it stands where no response has begun, too."""
        return event({"type": "error", "sequence_number": 0, **refusal.body}, "error")

    def out_of_order(self, document: Document) -> Refusal | None:
        """Calls and outputs find each other by id, wherever they stand."""
        items = entries(document, "input")
        calls = [item.get("call_id") for item in items if item.get("type") == "function_call"]
        outputs = [item.get("call_id") for item in items if item.get("type") == "function_call_output"]
        for call in calls:
            if call not in outputs:
                return openai_errors.refusal(400, f"No tool output found for function call {call}.", param="input")
        for output in outputs:
            if output not in calls and "previous_response_id" not in document:
                return openai_errors.refusal(
                    400, f"No tool call found for function call output with call_id {output}.", param="input"
                )
        return None

    def has_image(self, document: Document) -> bool:
        return any(part.get("type") == "input_image" for item in entries(document, "input") for part in parts(item))

    def stale(self, document: Document, known: Collection[str]) -> Refusal | None:
        handle = document.get("previous_response_id")
        return None if handle is None or handle in known else _not_found(str(handle))


def _not_found(handle: str) -> Refusal:
    return openai_errors.refusal(
        400,
        f"Previous response with id '{handle}' not found.",
        code="previous_response_not_found",
        param="previous_response_id",
    )


def _response(reply: Reply, status: str, output: Sequence[Document]) -> Document:
    used = {
        "input_tokens": 8,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": len(reply.words),
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": 8 + len(reply.words),
    }
    return {
        "id": f"resp_{reply.serial}",
        "object": "response",
        "created_at": 1700000000 + reply.serial,
        "status": status,
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "metadata": {},
        "model": reply.model,
        "output": output,
        "parallel_tool_calls": True,
        "temperature": 1.0,
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0,
        "usage": used if status == "completed" else None,
    }


def _message(reply: Reply, status: str, text: str) -> Document:
    return {
        "id": f"msg_{reply.serial}",
        "type": "message",
        "status": status,
        "role": "assistant",
        "content": [_text(text)],
    }


def _text(text: str) -> Document:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
