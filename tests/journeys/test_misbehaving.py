"""Before a server that misbehaves on the wire: each trouble once direct, once through the proxy, with official clients."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from email.utils import formatdate
from typing import Any

import pytest

from proxy.demo.anthropic import Anthropic
from proxy.demo.openai_chat import OpenAIChat
from proxy.demo.shape import TEXT, Reply, Shape
from tests.journeys.calls import FORMS, Outcome
from tests.journeys.conftest import start_proxy
from tests.provider import (
    CLOSE,
    LAST_CHUNK,
    RESET,
    Turn,
    Upstream,
    answering,
    chunk,
    head,
    provider,
    refusing_port,
    reply,
)

SHAPES: dict[str, type[Shape]] = {
    "openai_chat": OpenAIChat,
    "openai_chat_stream": OpenAIChat,
    "anthropic": Anthropic,
    "anthropic_stream": Anthropic,
}
LEAST = 3  # repeats of the proxy's own in any ten seconds


def good(form: str) -> bytes:
    told = Reply(model="m", text=TEXT, serial=1)
    shape = SHAPES[form]()
    if not form.endswith("stream"):
        return reply(200, json.dumps(shape.answer(told)).encode())
    start = head(200, {"content-type": "text/event-stream", "transfer-encoding": "chunked"})
    return start + b"".join(map(chunk, shape.stream(told))) + LAST_CHUNK


def limited(headers: dict[str, str] | None = None, **error: Any) -> bytes:
    body = {"error": {"message": "Rate limit reached", "type": "requests", "code": "rate_limit_exceeded"} | error}
    return reply(429, json.dumps(body).encode(), headers or {})


HALF_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: applica"
DOWN = reply(503, b"upstream connect error", {"content-type": "text/plain"}, reason="Service Unavailable")

# What goes wrong before all is well: each as the turns of a server.
TROUBLES: dict[str, Sequence[Turn]] = {
    "closed before the head": [(CLOSE,)],
    "reset before the head": [(RESET,)],
    "reset inside the head": [(HALF_HEAD, 0.02, RESET)],
    "closed inside the head": [(HALF_HEAD, 0.02, CLOSE)],
    "reset behind the head": [(head(200, {"content-type": "application/json", "content-length": "90"}), 0.02, RESET)],
    "half an answer": [(reply(200, b"x" * 90)[:-45], 0.02, RESET)],
    "no HTTP": [(b"220 smtp.example ESMTP\r\n\r\n", CLOSE)],
    "a storm of two": [DOWN, DOWN],
    "a storm of a reset and two": [(RESET,), DOWN, DOWN],
}


async def tried(form: str, upstream: Upstream, url: str) -> tuple[Outcome, int]:
    outcome = await FORMS[form](url, "m")
    return outcome, len(upstream.requests)


@pytest.mark.parametrize("trouble", TROUBLES)
@pytest.mark.parametrize("form", SHAPES)
async def test_no_trouble_is_worse_through_the_proxy(form: str, trouble: str) -> None:
    turns = [*TROUBLES[trouble], good(form)]
    async with provider(answering(*turns)) as up:
        direct, made_directly = await tried(form, up, up.url)
    async with provider(answering(*turns)) as up, start_proxy(up.url) as proxy:
        through, made_through = await tried(form, up, proxy.data_url)
    assert not through.is_silent_half
    assert through.is_good or not direct.is_good
    assert made_through <= made_directly + LEAST


@pytest.mark.parametrize("form", SHAPES)
async def test_a_slow_head_is_waited_for_as_directly(form: str) -> None:
    async with provider(answering((0.4, good(form)))) as up, start_proxy(up.url) as proxy:
        begun = time.perf_counter()
        direct, _ = await tried(form, up, up.url)
        directly_s = time.perf_counter() - begun
        through, made = await tried(form, up, proxy.data_url)
        through_s = time.perf_counter() - begun - directly_s
    assert direct.is_good
    assert through.is_good
    assert made == 2
    assert through_s - directly_s < 0.25  # a client's start alone takes as long; the wire's own share is tested below


def waits() -> dict[str, tuple[bytes, float]]:
    """Every form in which a wait is stated, and how long it is."""
    google = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "0.3s"}
    body = {"error": {"code": 429, "message": "Slow", "status": "RESOURCE_EXHAUSTED", "details": [google]}}
    return {
        "retry-after": (limited({"retry-after": "1"}), 1.0),
        "retry-after-ms": (limited({"retry-after-ms": "300"}), 0.3),
        "retry-after as a date": (limited({"retry-after": formatdate(time.time() + 2, usegmt=True)}), 0.9),
        "a reset header": (
            limited({"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "300ms"}),
            0.3,
        ),
        "prose": (limited(message="Rate limit reached. Please try again in 300ms."), 0.3),
        "Google's RetryInfo": (reply(429, json.dumps(body).encode()), 0.3),
        "a member of the body": (limited(resets_in_seconds=1), 1.0),
    }


@pytest.mark.parametrize("said", waits())
async def test_a_stated_wait_is_obeyed_by_the_proxy(said: str) -> None:
    refusal, wait_s = waits()[said]
    async with provider(answering(refusal, good("openai_chat"))) as up, start_proxy(up.url) as proxy:
        outcome, made = await tried("openai_chat", up, proxy.data_url)
        first, second = (wire.arrivals[-1][0] for wire in up.wires) if len(up.wires) == 2 else _times(up)
    assert outcome.is_good
    assert made == 2
    assert wait_s <= second - first < wait_s + 1.2


def _times(up: Upstream) -> tuple[float, float]:
    """When the two requests of one connection came."""
    (wire,) = up.wires
    heads = [at for at, size in wire.arrivals if wire.received[:size].count(b"POST ") >= 1]
    return heads[0], next(at for at, size in wire.arrivals if wire.received[:size].count(b"POST ") == 2)


@pytest.mark.parametrize("form", SHAPES)
async def test_a_provider_that_comes_back_is_found(form: str) -> None:
    """Nobody listens at first."""
    with refusing_port() as port:
        pass
    settings = {"retry": {"base": "200ms", "cap": "200ms", "max": 20, "budget": 1}}

    async def ask(url: str) -> Outcome:
        return await FORMS[form](url, "m")

    async with start_proxy(f"http://127.0.0.1:{port}", **settings) as proxy:
        call = asyncio.create_task(ask(proxy.data_url))
        await asyncio.sleep(0.15)
        async with provider(answering(good(form)), port=port):
            outcome = await call
    assert outcome.is_good


class Down(asyncio.Protocol):
    """A provider's connection that answers 503 to everything, as fast as it can."""

    def __init__(self, received: list[bytes]) -> None:
        self.received = received
        self.rest = b""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.rest += data
        if self.rest.endswith(b"{}"):
            self.received.append(self.rest)
            self.rest = b""
            self.transport.write(DOWN)


async def test_a_thousand_calls_before_a_provider_that_is_down() -> None:
    """The proxy's own repeats stay within a quarter more and the minimum; another credential has all of its own."""
    received: list[bytes] = []
    server = await asyncio.get_running_loop().create_server(lambda: Down(received), "127.0.0.1", 0)

    async def calls(count: int, key: str) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(proxy.data_url.rpartition(":")[2]))
        for _ in range(count):
            writer.write(
                f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n"
                "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}".encode()
            )
            told = await reader.readuntil(b"\r\n\r\n")
            assert told.startswith(b"HTTP/1.1 503 ")
            await reader.readexactly(22)
        writer.close()

    begun = time.monotonic()
    async with start_proxy(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}") as proxy:
        await asyncio.gather(*(calls(50, "storm") for _ in range(20)))
        of_the_storm = len(received)
        took_s = time.monotonic() - begun
        await calls(1, "quiet")
    server.close()
    assert 1000 < of_the_storm <= 1250 + LEAST * (1 + took_s // 10)
    assert sum(b"quiet" in request for request in received) == 1 + LEAST
