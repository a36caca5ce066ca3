"""Names the kind of a call by its path, from a closed set, so that the labels of metrics stay bounded.

A name only: whether a call may be repeated or looked into is decided elsewhere.
"""

from __future__ import annotations

from typing import Final

OTHER: Final = "other"

_ENDINGS: Final = (
    ("/chat/completions", "chat_completions"),
    ("/completions", "completions"),
    ("/responses", "responses"),
    ("/messages/count_tokens", "count_tokens"),
    ("/messages", "messages"),
    ("/embeddings", "embeddings"),
    (":generateContent", "gemini_generate"),
    (":streamGenerateContent", "gemini_generate"),
    (":countTokens", "count_tokens"),
    (":embedContent", "embeddings"),
    (":batchEmbedContents", "embeddings"),
    (":rawPredict", "vertex_predict"),
    (":streamRawPredict", "vertex_predict"),
    ("/invoke", "bedrock_invoke"),
    ("/invoke-with-response-stream", "bedrock_invoke"),
    ("/converse", "bedrock_converse"),
    ("/converse-stream", "bedrock_converse"),
    ("/api/chat", "ollama_chat"),
    ("/api/generate", "ollama_generate"),
    ("/api/embed", "embeddings"),
    ("/api/embeddings", "embeddings"),
    ("/v1/chat", "chat"),
    ("/v2/chat", "chat"),
    ("/moderations", "moderations"),
    ("/rerank", "rerank"),
)
_SEGMENTS: Final = (
    ("threads", "threads"),
    ("conversations", "conversations"),
    ("responses", "responses"),
    ("batches", "batches"),
    ("files", "files"),
    ("uploads", "files"),
    ("audio", "audio"),
    ("images", "images"),
    ("videos", "videos"),
    ("realtime", "realtime"),
    ("models", "models"),
)

ENDPOINTS: Final = frozenset(name for _, name in _ENDINGS + _SEGMENTS) | {OTHER}


def endpoint(path: str) -> str:
    """The endpoint that a path without its query names."""
    segments = path.split("/")
    # https://platform.openai.com/docs/api-reference/messages: below a thread, messages are a resource
    if "threads" in segments:
        return "threads"
    for ending, name in _ENDINGS:
        if path.endswith(ending):
            return name
    for segment, name in _SEGMENTS:
        if segment in segments:
            return name
    return OTHER
