from __future__ import annotations

from typing import Any

import pytest


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/metrics", 200), ("GET", "/status", 200), ("GET", "/status.json", 200), ("GET", "/nowhere", 404),
        ("PUT", "/metrics", 405), ("POST", "/classify", 400), ("DELETE", "/quarantine/x", 404),
    ],
)  # fmt: skip
async def test_every_answer_is_hardened(admin: Any, method: str, path: str, status: int) -> None:
    client = await admin()
    answer = await client.request(method, path)
    assert answer.status == status
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert answer.headers.getall("Server") == ["llm-triage"]


async def test_an_unknown_path_names_those_that_exist(admin: Any) -> None:
    client = await admin()
    message = (await (await client.get("/v1/chat/completions")).json())["error"]["message"]
    assert "/status.json" in message
    assert "/v1/chat" not in message


async def test_a_wrong_method_names_the_right_ones(admin: Any) -> None:
    client = await admin()
    answer = await client.get("/classify")
    assert (answer.status, answer.headers["Allow"]) == (405, "POST")
    assert "POST" in (await answer.json())["error"]["message"]
