"""The built-in provider on the wire."""

from __future__ import annotations

import asyncio
import json

import aiohttp
import pytest

from proxy.demo.provider import Provider, start_provider
from tests.provider import dial, exchange, request

PATHS = {
    "chat": "/v1/chat/completions",
    "responses": "/v1/responses",
    "anthropic": "/v1/messages",
    "gemini": "/v1beta/models/{model}:generateContent",
    "gemini_sse": "/v1beta/models/{model}:streamGenerateContent?alt=sse",
    "gemini_array": "/v1beta/models/{model}:streamGenerateContent",
}
ENDS = {"chat": b"data: [DONE]\n\n", "responses": b"response.completed", "anthropic": b"message_stop"}


@pytest.fixture
async def provider():
    async with start_provider(wait_s=7, slow_s=0.05) as provider:
        yield provider


def call(provider: Provider, shape: str, model: str, **members: object) -> bytes:
    body = json.dumps({"model": model, "messages": [], **members}).encode()
    return request("POST", PATHS[shape].format(model=model), body)


@pytest.mark.parametrize("shape", PATHS)
async def test_other_models_answer_well_in_every_shape(provider, shape):
    answer = await exchange(provider.url, call(provider, shape, "good"))
    assert answer.status == 200
    assert answer.whole
    assert b"built into" in answer.body or b"into " in answer.body
    assert [received.model for received in provider.calls] == ["good"]


@pytest.mark.parametrize("shape", ["chat", "responses", "anthropic"])
async def test_streams_end_as_the_dialect_says(provider, shape):
    answer = await exchange(provider.url, call(provider, shape, "good", stream=True))
    assert answer.text("content-type") == "text/event-stream; charset=utf-8"
    assert ENDS[shape] in answer.body


async def test_gemini_streams_an_array_where_no_events_are_asked_for(provider):
    answer = await exchange(provider.url, call(provider, "gemini_array", "good"))
    assert answer.text("content-type") == "application/json"
    assert json.loads(answer.body)[-1]["candidates"][0]["finishReason"] == "STOP"


@pytest.mark.parametrize("shape", PATHS)
async def test_a_refusal_has_the_providers_own_status_in_every_shape(provider, shape):
    answer = await exchange(provider.url, call(provider, shape, "fail-rate-limit"))
    assert answer.status == 429
    if not shape.startswith("gemini"):
        assert answer.text("retry-after") == "7"


async def test_a_conversation_fails_so_often_then_goes_well_and_begins_anew(provider):
    asked = call(provider, "chat", "fail-then-good-2")
    statuses = [(await exchange(provider.url, asked)).status for _ in range(4)]
    assert statuses == [503, 503, 200, 503]


async def test_another_conversation_has_its_own_count(provider):
    one, other = (call(provider, "chat", "fail-then-good-1", user=user) for user in "ab")
    assert [(await exchange(provider.url, asked)).status for asked in (one, other, one, other)] == [503, 503, 200, 200]


async def test_the_connection_is_reset_before_an_answer(provider):
    async with dial(provider.url) as client:
        await client.send(call(provider, "chat", "fail-network"))
        assert await client.gone() == "reset"
        assert client.received == b""


@pytest.mark.parametrize("members", [{}, {"stream": True}], ids=["json", "stream"])
@pytest.mark.parametrize("shape", ["chat", "responses", "anthropic"])
async def test_the_connection_breaks_in_the_middle(provider, shape, members):
    answer = await exchange(provider.url, call(provider, shape, "fail-midstream", **members))
    assert answer.status == 200
    assert answer.body
    assert not answer.whole


async def test_a_stream_ends_early_in_good_order(provider):
    answer = await exchange(provider.url, call(provider, "chat", "fail-early-end", stream=True))
    assert answer.whole
    assert answer.body.endswith(b"\n\n")
    assert b"[DONE]" not in answer.body
    assert b'"finish_reason":"stop"' not in answer.body


async def test_a_stream_falls_silent_until_the_client_leaves(provider):
    async with dial(provider.url) as client:
        await client.send(call(provider, "chat", "fail-stall", stream=True))
        assert b"data: " in await client.until(b"\n\n")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await client.rest()


@pytest.mark.parametrize(("model", "begins"), [("fail-stream-error-first", True), ("fail-stream-error-later", False)])
@pytest.mark.parametrize("shape", ["chat", "responses", "anthropic", "gemini_sse"])
async def test_errors_inside_streams(provider, shape, model, begins):
    answer = await exchange(provider.url, call(provider, shape, model, stream=True))
    assert answer.status == 200
    events = answer.body.strip().split(b"\n\n")
    assert b'"error"' in events[-1]
    assert (len(events) == 1) is begins


async def test_an_error_under_a_good_status(provider):
    answer = await exchange(provider.url, call(provider, "chat", "fail-error-in-200"))
    assert answer.status == 200
    assert json.loads(answer.body)["error"]["code"] == "insufficient_quota"


async def test_a_page_instead_of_an_answer(provider):
    answer = await exchange(provider.url, call(provider, "chat", "fail-html"))
    assert answer.status == 502
    assert answer.text("content-type") == "text/html"


async def test_a_late_answer_is_a_good_one(provider):
    assert (await exchange(provider.url, call(provider, "chat", "fail-timeout"))).status == 200


async def test_a_response_is_known_until_it_is_forgotten(provider):
    first = json.loads((await exchange(provider.url, call(provider, "responses", "good"))).body)
    follow_up = call(provider, "responses", "good", previous_response_id=first["id"])
    assert (await exchange(provider.url, follow_up)).status == 200
    provider.resources.forget()
    answer = await exchange(provider.url, follow_up)
    assert answer.status == 400
    assert json.loads(answer.body)["error"]["code"] == "previous_response_not_found"


async def test_models_files_and_unknown_paths(provider):
    async with aiohttp.ClientSession(provider.url) as session:
        async with session.get("/v1/models") as answer:
            assert "fail-budget" in {model["id"] for model in (await answer.json())["data"]}
        async with session.post("/v1/files", data=b"content") as answer:
            file = await answer.json()
        assert file["bytes"] == 7
        async with session.get(f"/v1/files/{file['id']}") as answer:
            assert await answer.json() == file
        async with session.delete(f"/v1/files/{file['id']}") as answer:
            assert (await answer.json())["deleted"]
        async with session.get(f"/v1/files/{file['id']}") as answer:
            assert answer.status == 404
        async with session.post("/v1/anything-new") as answer:
            assert answer.status == 404
