"""Before a server that misbehaves on the wire: stated waits, recovery, storms.

Each trouble with and without the proxy is `test_side_by_side.py`'s.
"""

from __future__ import annotations

import asyncio
import json
import time
from email.utils import formatdate
from typing import Any

import pytest

from tests.journeys.calls import FORMS, Outcome
from tests.journeys.conftest import start_proxy
from tests.journeys.troubles import DOWN, good, limited
from tests.provider import Upstream, answering, provider, refusing_port, reply

SHAPES = ["openai_chat", "openai_chat_stream", "anthropic", "anthropic_stream"]
LEAST = 3  # repeats of the proxy's own in any ten seconds


async def tried(form: str, upstream: Upstream, url: str) -> tuple[Outcome, int]:
    outcome = await FORMS[form](url, "m")
    return outcome, len(upstream.requests)


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
