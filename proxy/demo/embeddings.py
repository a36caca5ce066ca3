"""OpenAI's embeddings: https://platform.openai.com/docs/api-reference/embeddings. They have no stream and no history."""

from __future__ import annotations

from collections.abc import Mapping

from proxy.demo import openai_errors
from proxy.demo.shape import Document, Refusal, Reply, Shape


class Embeddings(Shape):
    """Numbers as they are: the official client asks for base64, and takes both."""

    def refusals(self, model: str, wait_s: float) -> Mapping[str, Refusal]:
        return openai_errors.refusals(model, wait_s)

    def answer(self, reply: Reply) -> Document:
        return {
            "object": "list",
            "data": [{"object": "embedding", "index": 0, "embedding": [0.5, -0.25, 0.125, 0.75]}],
            "model": reply.model,
            "usage": {"prompt_tokens": 8, "total_tokens": 8},
        }
