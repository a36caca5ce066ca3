"""Which dialect a path speaks. Streams are told by their events instead: a gateway may answer in another dialect."""

from __future__ import annotations

from typing import Final

from proxy.model import Dialect

_OPENAI_CHAT: Final = ("/chat/completions", "/completions")
_RESPONSES: Final = ("/responses",)
_ANTHROPIC: Final = ("/messages", "/messages/count_tokens", "/messages/batches")
_GEMINI: Final = (":generateContent", ":streamGenerateContent", ":embedContent", ":batchEmbedContents", ":countTokens")

# Clouds that serve Anthropic's models under their own paths, with Anthropic's bodies:
# https://docs.anthropic.com/en/api/claude-on-vertex-ai, https://docs.anthropic.com/en/api/claude-on-amazon-bedrock
_CLOUDS: Final = (
    ((":rawPredict", ":streamRawPredict"), "/publishers/anthropic/"),
    (("/invoke", "/invoke-with-response-stream"), "anthropic."),
)


def dialect_of(path: str) -> Dialect | None:
    """The dialect of a path without its query; None where nothing tells."""
    if path.endswith(_OPENAI_CHAT):
        return Dialect.OPENAI_CHAT
    if path.endswith(_RESPONSES):
        return Dialect.RESPONSES
    # An assistant's thread has messages too, which are OpenAI's.
    if path.endswith(_ANTHROPIC):
        return None if "/threads/" in path else Dialect.ANTHROPIC
    if path.endswith(_GEMINI):
        return Dialect.GEMINI
    if any(path.endswith(endings) and mark in path for endings, mark in _CLOUDS):
        return Dialect.ANTHROPIC
    return None
