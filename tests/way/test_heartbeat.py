"""While a retry waits, a streaming client hears comments; what comes after them is the stream, or an error event."""

from __future__ import annotations

import json
import re

import openai
import pytest

from proxy.way.heartbeat import asks_for_stream
from tests.provider import answering, chunk, dial, event, head, provider, reply
from tests.provider import request as message
from tests.wire import config, headers_of, post, running, status_of, talk

STREAM = b'{"model":"m","stream":true,"messages":[]}'
BEATS = {"stream": {"heartbeat": "50ms"}, "retry": {"base": "1ms", "cap": "1ms"}}
PART = event('{"object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":null}]}')
LAST = event('{"object":"chat.completion.chunk","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}')
EVENTS = PART + LAST + event("[DONE]")
GOOD = head(200, {"content-type": "text/event-stream", "transfer-encoding": "chunked"}) + chunk(EVENTS) + b"0\r\n\r\n"
BUSY = reply(429, b'{"error":{"message":"Rate limit reached","code":"rate_limit_exceeded"}}', {"retry-after-ms": "280"})
EMPTY = reply(429, b'{"error":{"message":"No money","code":"insufficient_quota"}}')
COMMENT = re.compile(rb": llm-retry attempt=(\d)/(\d) class=(\w+) wait=(\d+)s\n")


@pytest.mark.parametrize(
    ("body", "asks"),
    [
        (STREAM, True),
        (b'{"stream" : true}', True),
        (b'{"stream":false}', False),
        (b'{"messages":["\\"stream\\":true"]}', False),
        (b'{"metadata":{"stream":true}}', False),
        (b'["stream"]', False),
        (b'{"stream":true', False),
        (b"", False),
        (None, False),
    ],
)
def test_which_requests_ask_for_a_stream(body: bytes | None, asks: bool) -> None:
    assert asks_for_stream(body) is asks


async def test_the_stream_follows_the_comments() -> None:
    async with provider(answering(BUSY, GOOD)) as up, running(config(up.url, **BEATS)) as service:
        async with dial(service.data_url) as client:
            await client.send(message("POST", "/v1/chat/completions", STREAM))
            answer = await client.answer("POST")
        assert answer.status == 200
        assert answer.get("content-type") == b"text/event-stream; charset=utf-8"
        comments, _, rest = answer.body.partition(PART)
        assert PART + rest == EVENTS
        told = COMMENT.findall(comments)
        assert 3 <= len(told) <= 6
        assert b"".join(COMMENT.split(comments)) == b"".join(b"".join(each) for each in told)  # and nothing else
        assert {each[:3] for each in told} == {(b"1", b"5", b"rate_limited")}
        assert b"\n\n" not in comments
        first = client.arrivals[0][0]
        assert len(up.requests) == 2
        assert client.arrivals[-1][0] - first > 0.15
        assert up.requests[1].get("accept-encoding") == b"identity"


async def test_a_failure_behind_the_comments_is_an_error_event() -> None:
    async with provider(answering(BUSY, EMPTY)) as up, running(config(up.url, **BEATS)) as service:
        answer = await talk(service, post(STREAM), quiet_s=0.5)
        assert status_of(answer) == 200
        data = json.loads(re.findall(rb"data: (\{.*\})\n\n", answer)[0])
        assert data["error"]["class"] == "budget_exhausted"
        assert data["error"]["reason"] == "insufficient_quota"
        assert data["error"]["session"] == "keep"
        assert b"\n: llm-error class=budget_exhausted" in answer
        assert answer.endswith(b"0\r\n\r\n")
        assert b"[DONE]" not in answer


@pytest.mark.parametrize(
    "last",
    [
        reply(200, b'{"choices":[{"message":{"content":"Hi"}}]}'),
        head(200, {"content-type": "text/event-stream", "transfer-encoding": "chunked"}) + chunk(PART),
        head(200, {"content-type": "text/event-stream", "content-encoding": "gzip", "content-length": "1"}) + b"x",
    ],
    ids=["no stream", "cut", "compressed"],
)
async def test_nothing_that_follows_looks_whole_when_it_is_not(last: bytes) -> None:
    from tests.provider import CLOSE

    async with provider(answering(BUSY, (last, CLOSE))) as up, running(config(up.url, **BEATS)) as service:
        answer = await talk(service, post(STREAM), quiet_s=0.5)
        assert status_of(answer) == 200
        assert b'data: {"error":' in answer
        assert b"[DONE]" not in answer


async def test_the_official_client_reads_both() -> None:
    async with provider(answering(BUSY, GOOD, BUSY, EMPTY)) as up, running(config(up.url, **BEATS)) as service:
        async with openai.AsyncOpenAI(base_url=f"{service.data_url}/v1", api_key="k", max_retries=0) as client:
            stream = await client.chat.completions.create(model="m", messages=[], stream=True)
            parts = [part.choices[0].delta.content async for part in stream]
            assert parts == ["Hi", None]
            with pytest.raises(openai.APIError) as raised:
                async for _ in await client.chat.completions.create(model="m", messages=[], stream=True):
                    pass
        assert isinstance(raised.value.body, dict)
        assert raised.value.body["class"] == "budget_exhausted"


OTHERS = [
    ("no stream asked", post(b'{"stream":false}')),
    ("no generation", post(STREAM, "/v1/files")),
    ("Gemini's clients read no comments", post(b'{"stream":true}', "/v1beta/models/m:streamGenerateContent?alt=sse")),
    ("a page needs the provider's own head", post(STREAM, "/v1/chat/completions", "Origin: https://page.test")),
]


@pytest.mark.parametrize("call", [call for _, call in OTHERS], ids=[name for name, _ in OTHERS])
async def test_other_calls_wait_in_silence(call: bytes) -> None:
    async with provider(answering(BUSY, EMPTY)) as up, running(config(up.url, **BEATS)) as service:
        answer = await talk(service, call)
        assert status_of(answer) == 429
        assert headers_of(answer)["x-llm-error-class"] in ("budget_exhausted", "rate_limited")


async def test_a_wait_that_is_shorter_leaves_the_head_alone() -> None:
    quick = reply(429, b'{"error":{"code":"rate_limit_exceeded"}}', {"retry-after-ms": "10"})
    settings = {**BEATS, "stream": {"heartbeat": "1s"}}
    async with provider(answering(quick, EMPTY)) as up, running(config(up.url, **settings)) as service:
        answer = await talk(service, post(STREAM))
        assert headers_of(answer)["x-llm-error-class"] == "budget_exhausted"
        assert headers_of(answer)["x-llm-retries"] == "1"


async def test_without_the_setting_nobody_hears_anything() -> None:
    async with provider(answering(BUSY, EMPTY)) as up, running(config(up.url)) as service:
        assert status_of(await talk(service, post(STREAM))) == 429
