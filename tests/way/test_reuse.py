"""An upstream connection serves the next call only where nothing of the last one can be left on it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from proxy.app import Service
from tests.wire import (
    OK,
    Connection,
    Request,
    Script,
    Upstream,
    body_part,
    config,
    get,
    port_of,
    post,
    proxied,
    running,
    status_of,
    talk,
    upstream,
)

FOREIGN = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 12\r\n\r\n{"of":"you"}'
CHUNKED = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
END = b"2\r\n{}\r\n0\r\n\r\n"
LARGE = 20_000_000  # more than both sockets' buffers


@pytest.mark.parametrize("extra", [FOREIGN, FOREIGN[:25], b"0", b"\r\n"], ids=["answer", "half", "byte", "blank"])
@pytest.mark.parametrize("late", [True, False], ids=["later", "at once"])
@pytest.mark.parametrize("head", [OK[:-2], CHUNKED], ids=["length", "chunked"])
async def test_what_an_upstream_says_unasked_answers_nobody(head: bytes, late: bool, extra: bytes) -> None:
    async def script(at: Connection, _: Request) -> None:
        if at.number:
            await at.send(OK)
            return
        end = END if head is CHUNKED else b"{}"
        await at.send(head)
        await asyncio.sleep(0.03)
        if late:
            await at.send(end)
            await asyncio.sleep(0.03)
            await at.send(extra)
        else:
            await at.send(end + extra)

    async with proxied(script) as (service, server):
        for _ in range(3):
            received = await talk(service, post())
            assert status_of(received) == 200
            assert b"you" not in received
            assert b"{}" in body_part(received)
        assert len(server.requests) == 3
        # What came with the answer's end and tells nothing can only be waited for, or be skipped.
        assert len(server.connections) == 2 or (extra != FOREIGN and not late)


def unread(answers: asyncio.Event) -> Script:
    """An upstream that reads nothing of a body on its first connection."""

    async def script(at: Connection, _: Request) -> None:
        if at.number:
            await at.send(OK)
            return
        at.writer.transport.pause_reading()  # type: ignore[attr-defined]
        await answers.wait()
        await at.send(OK)
        await at.writer.wait_closed()

    return script


async def going_out(service: Service) -> asyncio.Transport:
    async with asyncio.timeout(10):
        while not (sending := [t for t in transports(service) if t.get_write_buffer_size()]):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    return sending[0]


def transports(service: Service) -> list[asyncio.Transport]:
    assert service._proxy is not None
    acquired = service._proxy.setup.routes.all[0].client._connector._acquired
    return [protocol.transport for protocol in acquired if protocol.transport is not None]


@contextlib.asynccontextmanager
async def stuck() -> AsyncIterator[tuple[Service, Upstream, asyncio.Event]]:
    answers = asyncio.Event()
    settings = {"history": "heal", "limits": {"replay_bytes": "64MiB"}, "retry": {"max": 0}}
    async with (
        upstream(unread(answers), reads_bodies=False) as server,
        running(config(server.url, **settings)) as service,
    ):
        yield service, server, answers


WHOLE = post(b'{"messages":[{"role":"user","content":"%b"}]}' % (b"x" * LARGE))
STREAMED = post(b"x" * LARGE, "/v1/files")


@pytest.mark.parametrize("call", [WHOLE, STREAMED], ids=["whole", "streamed"])
async def test_an_answer_that_comes_before_the_body_has_gone_leaves_its_connection_to_nobody(call: bytes) -> None:
    """What is not sent by then is given up: another call would wait behind it."""
    async with stuck() as (service, server, answers):
        _, writer = await asyncio.open_connection("127.0.0.1", port_of(service))
        writer.write(call)
        transport = await going_out(service)
        answers.set()
        await asyncio.sleep(0.05)
        assert not transport.get_write_buffer_size()
        writer.close()
        assert status_of(await talk(service, get())) == 200
        assert len(server.connections) == 2


async def test_a_client_leaves_while_the_upstream_reads_nothing_of_its_body() -> None:
    async with stuck() as (service, _, _):
        _, writer = await asyncio.open_connection("127.0.0.1", port_of(service))
        writer.write(WHOLE)
        transport = await going_out(service)
        writer.transport.abort()
        await asyncio.sleep(0.1)
        assert not transport.get_write_buffer_size()
        assert not transports(service)
