"""The client leaves: whatever its request was waiting for, the upstream's connection is closed at once."""

from __future__ import annotations

import asyncio
import gzip
import time
from typing import Any

import pytest

from tests.way.test_streams import GOOD, HEAD, chunk, delta
from tests.wire import Connection, Request, port_of, post, proxied

ZIPPED = HEAD.replace(b"\r\n\r\n", b"\r\nContent-Encoding: gzip\r\n\r\n")
JSON = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n"
BUSY = b"HTTP/1.1 503 Busy\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n"

# What the upstream has sent by then, what of it has reached the client, and settings.
PHASES: dict[str, tuple[bytes, bytes, dict[str, Any]]] = {
    "no head has come": (b"", b"", {}),
    "the head is held for the first event": (HEAD, b"", {}),
    "a comment is held": (HEAD + chunk(b": ping\n\n"), b"", {}),
    "half of the first event is held": (HEAD + chunk(GOOD[0][:20]), b"", {}),
    "a good answer's JSON is held": (JSON + b'{"id":', b"", {}),
    "a failure's body is held": (BUSY + b'{"error":', b"", {"retry": {"max": 0}}),
    "in the stream": (HEAD + chunk(GOOD[0]), GOOD[0], {}),
    "in the middle of an event": (HEAD + chunk(GOOD[0] + GOOD[1][:9]), GOOD[0], {}),
    "in silence that heartbeats fill": (HEAD + chunk(GOOD[0]), b":\n", {"stream": {"heartbeat": "50ms"}}),
    "while the idle clock runs": (HEAD + chunk(GOOD[0]), GOOD[0], {"stream": {"idle_timeout": "5s"}}),
    "in a compressed stream": (ZIPPED + chunk(gzip.compress(GOOD[0])), b"\x1f\x8b", {}),
    "in another body": (b"HTTP/1.1 200 OK\r\nContent-Type: audio/mpeg\r\nContent-Length: 9\r\n\r\nID3", b"ID3", {}),
}


@pytest.mark.parametrize("phase", PHASES)
async def test_the_upstream_is_let_go_within_a_tenth_of_a_second(phase: str) -> None:
    sent, reached, settings = PHASES[phase]
    told, gone = asyncio.Event(), asyncio.Event()

    async def script(connection: Connection, _: Request) -> None:
        await connection.send(sent)
        told.set()
        if await connection.gone(8):
            gone.set()

    async with proxied(script, **settings) as (service, _):
        reader, writer = await asyncio.open_connection("127.0.0.1", port_of(service))
        writer.write(post())
        await asyncio.wait_for(told.wait(), 2)
        if reached:
            await asyncio.wait_for(reader.readuntil(reached), 2)
        else:
            await asyncio.sleep(0.05)
        assert not gone.is_set()
        began = time.monotonic()
        writer.close()
        await asyncio.wait_for(gone.wait(), 2)
        assert time.monotonic() - began < 0.1
        assert b"open_streams 0.0" in service.reporter.scrape("")[0]


async def test_while_a_write_waits_for_the_client() -> None:
    """It does not read, so the upstream is not read either."""
    gone = asyncio.Event()

    async def script(connection: Connection, _: Request) -> None:
        event = chunk(delta("x" * 30_000))
        try:
            await connection.send(HEAD, *[event] * 1000)
        except ConnectionError:
            gone.set()

    async with proxied(script) as (service, _):
        reader, writer = await asyncio.open_connection("127.0.0.1", port_of(service), limit=1000)
        writer.write(post())
        await asyncio.wait_for(reader.readexactly(100), 2)
        await asyncio.sleep(0.5)
        assert not gone.is_set()
        began = time.monotonic()
        writer.transport.abort()
        await asyncio.wait_for(gone.wait(), 2)
        assert time.monotonic() - began < 0.1


async def test_while_a_retry_waits() -> None:
    async def script(connection: Connection, _: Request) -> None:
        await connection.send(b"HTTP/1.1 503 Busy\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n")

    async with proxied(script) as (service, up):
        _, writer = await asyncio.open_connection("127.0.0.1", port_of(service))
        writer.write(post())
        await up.received(1)
        await asyncio.sleep(0.05)
        writer.close()
        await asyncio.sleep(1.2)
        assert len(up.requests) == 1
        assert b"inflight_requests 0.0" in service.reporter.scrape("")[0]
