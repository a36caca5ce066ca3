"""Paths tell their dialect by how they end."""

from __future__ import annotations

import pytest

from proxy.dialects import dialect_of
from proxy.model import Dialect


@pytest.mark.parametrize(("path", "dialect"), [
    ("/v1/chat/completions", Dialect.OPENAI_CHAT),
    ("/openai/deployments/gpt-4o/chat/completions", Dialect.OPENAI_CHAT),
    ("/v1beta/openai/chat/completions", Dialect.OPENAI_CHAT),
    ("/v1/completions", Dialect.OPENAI_CHAT),
    ("/v1/responses", Dialect.RESPONSES),
    ("/v1/messages", Dialect.ANTHROPIC),
    ("/v1/messages/count_tokens", Dialect.ANTHROPIC),
    ("/v1/messages/batches", Dialect.ANTHROPIC),
    ("/v1/projects/p/locations/l/publishers/anthropic/models/claude-sonnet-4:streamRawPredict", Dialect.ANTHROPIC),
    ("/model/anthropic.claude-3-haiku-20240307-v1:0/invoke", Dialect.ANTHROPIC),
    ("/model/us.anthropic.claude-sonnet-4-v1:0/invoke-with-response-stream", Dialect.ANTHROPIC),
    ("/v1beta/models/gemini-2.5-flash:generateContent", Dialect.GEMINI),
    ("/v1/projects/p/locations/l/publishers/google/models/gemini:streamGenerateContent", Dialect.GEMINI),
    ("/v1beta/models/gemini-embedding-001:batchEmbedContents", Dialect.GEMINI),
    ("/v1/threads/thread_1/messages", None),
    ("/v1/projects/p/locations/l/publishers/mistralai/models/mistral-large:rawPredict", None),
    ("/model/meta.llama3-8b-instruct-v1:0/invoke", None),
    ("/v1/embeddings", None),
    ("/v1/models", None),
    ("/api/chat", None),
    ("/", None),
    ("", None),
])  # fmt: skip
def test_dialect_of(path, dialect):
    assert dialect_of(path) is dialect
