from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.report.endpoint import ENDPOINTS, endpoint


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/v1/chat/completions", "chat_completions"),
        ("/openai/deployments/gpt/chat/completions", "chat_completions"),
        ("/v1/completions", "completions"),
        ("/v1/responses", "responses"),
        ("/v1/responses/resp_1/input_items", "responses"),
        ("/anthropic/v1/messages", "messages"),
        ("/v1/messages/count_tokens", "count_tokens"),
        ("/v1/messages/batches", "batches"),
        ("/v1/threads/thread_1/messages", "threads"),
        ("/v1/embeddings", "embeddings"),
        ("/v1beta/models/gemini-2.5-pro:streamGenerateContent", "gemini_generate"),
        ("/v1beta/models/gemini-2.5-pro:generateContent", "gemini_generate"),
        ("/v1beta/models/embed:embedContent", "embeddings"),
        ("/model/anthropic.claude/converse-stream", "bedrock_converse"),
        ("/model/anthropic.claude/invoke", "bedrock_invoke"),
        ("/api/chat", "ollama_chat"),
        ("/v1/models", "models"),
        ("/v1/models/gpt-4o", "models"),
        ("/v1/files/file-1/content", "files"),
        ("/v1/audio/speech", "audio"),
        ("/v1/images/generations", "images"),
        ("/", "other"),
        ("", "other"),
        ("/v1/filesystem", "other"),
    ],
)
def test_a_path_names_its_endpoint(path: str, name: str) -> None:
    assert endpoint(path) == name


@given(st.text())
def test_any_path_has_an_endpoint_of_the_closed_set(path: str) -> None:
    assert endpoint(path) in ENDPOINTS
