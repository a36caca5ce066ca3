"""Gemini's generateContent: https://ai.google.dev/api/generate-content, errors as in https://google.aip.dev/193."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from proxy.demo.shape import Document, Refusal, Reply, Shape, entries, event, parts

_TYPE = "type.googleapis.com/google.rpc"


class Gemini(Shape):
    """`generateContent` in both forms, whole and streamed."""

    def refusals(self, model: str, wait_s: float) -> Mapping[str, Refusal]:
        quota = {"quotaId": "GenerateRequestsPerMinutePerProjectPerModel", "quotaValue": "10"}
        return {
            "budget": _refusal(429, "RESOURCE_EXHAUSTED", "Your prepayment credits are depleted."),
            "rate-limit": _refusal(
                429,
                "RESOURCE_EXHAUSTED",
                "You exceeded your current quota, please check your plan and billing details.",
                {"@type": f"{_TYPE}.QuotaFailure", "violations": [quota]},
                {"@type": f"{_TYPE}.RetryInfo", "retryDelay": f"{wait_s:g}s"},
            ),
            "overloaded": _refusal(503, "UNAVAILABLE", "The model is overloaded. Please try again later."),
            "auth": _refusal(
                400,
                "INVALID_ARGUMENT",
                "API key not valid. Please pass a valid API key.",
                {"@type": f"{_TYPE}.ErrorInfo", "reason": "API_KEY_INVALID", "domain": "googleapis.com"},
            ),
            "model": _refusal(404, "NOT_FOUND", f"models/{model} is not found for API version v1beta."),
            "context": _refusal(
                400,
                "INVALID_ARGUMENT",
                "The input token count (1048577) exceeds the maximum number of tokens allowed (1048576).",
            ),
            # A blocked prompt has a good status: https://ai.google.dev/api/generate-content#PromptFeedback
            "content-filter": Refusal(200, {"promptFeedback": {"blockReason": "SAFETY"}, "modelVersion": model}),
            "bad-request": _refusal(400, "INVALID_ARGUMENT", "Invalid value at 'generation_config.temperature'"),
            "stale": _refusal(403, "PERMISSION_DENIED", "CachedContent not found (or permission denied)"),
            "server-error": _refusal(500, "INTERNAL", "An internal error has occurred."),
            "image": _refusal(400, "INVALID_ARGUMENT", "This model does not support image input."),
            "unknown": Refusal(460, {"note": "no"}),
        }

    def answer(self, reply: Reply) -> Document:
        return _candidate(reply, reply.text, "STOP")

    def stream(self, reply: Reply) -> Sequence[bytes]:
        *words, last = reply.words
        return [*(event(_candidate(reply, word)) for word in words), event(_candidate(reply, last, "STOP"))]

    def error_event(self, refusal: Refusal) -> bytes:
        return event(refusal.body)

    def out_of_order(self, document: Document) -> Refusal | None:
        """A turn of calls is followed by a turn of as many responses."""
        calls = 0
        for content in [*entries(document, "contents"), {}]:
            responses = sum("functionResponse" in part for part in parts(content, "parts"))
            if responses != calls:
                return _refusal(
                    400,
                    "INVALID_ARGUMENT",
                    "Please ensure that the number of function response parts is equal to the number of function call "
                    "parts of the function call turn.",
                )
            calls = sum("functionCall" in part for part in parts(content, "parts"))
        return None

    def has_image(self, document: Document) -> bool:
        return any(
            "inlineData" in part or "inline_data" in part
            for content in entries(document, "contents")
            for part in parts(content, "parts")
        )

    def stale(self, document: Document, known: Collection[str]) -> Refusal | None:
        cached = document.get("cachedContent")
        if cached is None or cached in known:
            return None
        return _refusal(403, "PERMISSION_DENIED", "CachedContent not found (or permission denied)")


def as_array(events: Sequence[bytes]) -> Sequence[bytes]:
    """The same stream where `alt=sse` was not asked for: the pieces of one JSON array."""
    items = [item.removeprefix(b"data: ").strip() for item in events]
    return [(b",\r\n" if at else b"[") + item for at, item in enumerate(items)] + [b"]"]


def _refusal(status: int, name: str, message: str, *details: Mapping[str, object]) -> Refusal:
    error: dict[str, object] = {"code": status, "message": message, "status": name}
    return Refusal(status, {"error": {**error, "details": details} if details else error})


def _candidate(reply: Reply, text: str, finish: str | None = None) -> Document:
    candidate: dict[str, object] = {"content": {"role": "model", "parts": [{"text": text}]}, "index": 0}
    if finish is not None:
        candidate["finishReason"] = finish
    return {
        "candidates": [candidate],
        "usageMetadata": {"promptTokenCount": 8, "totalTokenCount": 8 + len(reply.words)},
        "modelVersion": reply.model,
        "responseId": f"demo-{reply.serial}",
    }
