"""The client leaves: whatever its request was waiting for, the upstream's connection is closed at once."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import socket
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from tests.way.test_streams import GOOD, HEAD, chunk, delta
from tests.wire import Connection, Request, config, get, port_of, post, proxied, running

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


async def becomes(true: Callable[[], bool]) -> float:
    """How many seconds it took until it was."""
    began = time.monotonic()
    async with asyncio.timeout(2):
        while not true():  # noqa: ASYNC110 - of what nobody tells
            await asyncio.sleep(0.002)
    return time.monotonic() - began


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


# -- while the connection is being made


async def test_while_tls_is_agreed_on() -> None:
    """The upstream has accepted, and never answers the first message of the handshake."""
    came, gone = asyncio.Event(), asyncio.Event()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(65536):
            came.set()
        gone.set()
        writer.close()

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, running(config(f"https://127.0.0.1:{port}")) as service:
        _, writer = await asyncio.open_connection("127.0.0.1", port_of(service))
        writer.write(post())
        await asyncio.wait_for(came.wait(), 2)
        assert not gone.is_set()
        began = time.monotonic()
        writer.close()
        await asyncio.wait_for(gone.wait(), 2)
        assert time.monotonic() - began < 0.1
        assert service.reporter.inflight == 0


TCP = Path("/proc/net/tcp")


def connecting_to(port: int) -> int:
    """How many connections wait to be accepted there: https://docs.kernel.org/networking/proc_net_tcp.html."""
    lines = [line.split() for line in TCP.read_text().splitlines()[1:]]
    syn_sent = "02"
    return sum(remote == f"0100007F:{port:04X}" and state == syn_sent for _, _, remote, state, *_ in lines)


@contextlib.asynccontextmanager
async def overrun() -> AsyncIterator[int]:
    """A port whose queue is full: the kernel leaves whoever wants to connect without an answer."""
    loop = asyncio.get_running_loop()
    with contextlib.ExitStack() as sockets:
        listening = sockets.enter_context(socket.socket())
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        while True:
            filling = sockets.enter_context(socket.socket())
            filling.setblocking(False)
            try:
                async with asyncio.timeout(0.1):
                    await loop.sock_connect(filling, listening.getsockname())
            except TimeoutError:
                filling.close()
                break
        yield listening.getsockname()[1]


@pytest.mark.skipif(not TCP.exists(), reason="reads /proc")
async def test_while_a_connection_is_waited_for() -> None:
    async with overrun() as port, running(config(f"http://127.0.0.1:{port}")) as service:
        _, writer = await asyncio.open_connection("127.0.0.1", port_of(service))
        writer.write(post())
        await becomes(lambda: connecting_to(port) == 1)
        writer.close()
        assert await becomes(lambda: service.reporter.inflight == 0) < 0.1
        assert connecting_to(port) == 0  # looked at once: where there are many sockets, that alone takes its time


# -- while a retry waits, or is made

STREAMING = b'{"model":"m","stream":true,"messages":[]}'
SILENT: tuple[bytes, dict[str, Any]] = (b"", {"hold": "20ms"})
BEATING: tuple[bytes, dict[str, Any]] = (b": llm-retry attempt=1/5 ", {"hold": "20ms", "heartbeat": "60ms"})
WAITS = pytest.mark.parametrize(("reached", "stream"), [SILENT, BEATING], ids=["in silence", "behind heartbeats"])


@WAITS
@pytest.mark.parametrize("body", [b"{}", b"{"], ids=["answered whole", "an answer that goes on"])
async def test_while_a_retry_waits(body: bytes, reached: bytes, stream: dict[str, Any]) -> None:
    """The wait is over at once, the answer that it followed is given up, and nobody asks again."""
    gone = asyncio.Event()

    async def script(connection: Connection, _: Request) -> None:
        await connection.send(b"HTTP/1.1 503 Busy\r\nRetry-After-Ms: 600\r\nContent-Length: 2\r\n\r\n" + body)
        if await connection.gone(8):
            gone.set()

    async with proxied(script, stream=stream) as (service, up):
        reader, writer = await asyncio.open_connection("127.0.0.1", port_of(service))
        writer.write(post(STREAMING))
        await becomes(lambda: service.reporter.waiting == 1)
        if reached:
            await asyncio.wait_for(reader.readuntil(reached), 2)
        assert not gone.is_set()
        began = time.monotonic()
        writer.close()
        assert await becomes(lambda: service.reporter.waiting == 0) < 0.1
        if body == b"{":
            await asyncio.wait_for(gone.wait(), 2)
            assert time.monotonic() - began < 0.1
        assert service.reporter.inflight == 0
        await asyncio.sleep(0.7)
        assert len(up.requests) == 1
        assert b'outcome="canceled",upstream="up"} 1.0' in service.reporter.scrape("")[0]


@WAITS
@pytest.mark.parametrize("sent", [b"", HEAD, HEAD + chunk(GOOD[0][:20])], ids=["no head", "a head", "half an event"])
async def test_while_a_retry_is_answered(sent: bytes, reached: bytes, stream: dict[str, Any]) -> None:
    gone = asyncio.Event()

    async def script(connection: Connection, _: Request) -> None:
        if not connection.requests:
            await connection.send(b"HTTP/1.1 503 Busy\r\nRetry-After-Ms: 100\r\nContent-Length: 2\r\n\r\n{}")
            return
        await connection.send(sent)
        if await connection.gone(8):
            gone.set()

    async with proxied(script, stream={**stream, "hold": "60s"}) as (service, up):
        reader, writer = await asyncio.open_connection("127.0.0.1", port_of(service))
        writer.write(post(STREAMING))
        await up.received(2)
        if reached:
            await asyncio.wait_for(reader.readuntil(reached), 2)
        await asyncio.sleep(0.05)
        assert not gone.is_set()
        began = time.monotonic()
        writer.close()
        await asyncio.wait_for(gone.wait(), 2)
        assert time.monotonic() - began < 0.1
        assert len(up.connections) == 1


# -- in a tunnel

SWITCHED = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
UPGRADE = get("/v1/realtime", "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Key: k")


@pytest.mark.parametrize("is_orderly", [True, False], ids=["an end", "a reset"])
async def test_inside_a_tunnel(is_orderly: bool) -> None:
    gone = asyncio.Event()

    async def script(connection: Connection, _: Request) -> None:
        await connection.send(SWITCHED)
        await connection.send(await connection.reader.readexactly(6))
        if await connection.gone(8):
            gone.set()

    async with proxied(script) as (service, _):
        reader, writer = await asyncio.open_connection("127.0.0.1", port_of(service))
        writer.write(UPGRADE + b"\x81\x04ping")
        await asyncio.wait_for(reader.readuntil(b"\x81\x04ping"), 2)
        assert not gone.is_set()
        began = time.monotonic()
        if is_orderly:
            writer.close()
        else:
            Connection(reader, writer, 0).reset()
        await asyncio.wait_for(gone.wait(), 2)
        assert time.monotonic() - began < 0.1
        assert service.reporter.inflight == 0


async def test_inside_a_tunnel_that_the_client_does_not_read() -> None:
    gone = asyncio.Event()

    async def script(connection: Connection, _: Request) -> None:
        await connection.send(SWITCHED)
        try:
            await connection.send(*[b"\x82\x7e\x75\x30" + b"x" * 30_000] * 1000)
        except ConnectionError:
            gone.set()

    async with proxied(script) as (service, _):
        reader, writer = await asyncio.open_connection("127.0.0.1", port_of(service), limit=1000)
        writer.write(UPGRADE)
        await asyncio.wait_for(reader.readexactly(100), 2)
        await asyncio.sleep(0.3)
        assert not gone.is_set()
        began = time.monotonic()
        writer.transport.abort()
        await asyncio.wait_for(gone.wait(), 2)
        assert time.monotonic() - began < 0.1
