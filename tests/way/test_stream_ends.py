"""How streams and other bodies end, on raw sockets: what is no end is never passed on as one, and a good end never lost."""

from __future__ import annotations

import asyncio
import time

import pytest

from tests.way.test_streams import DONE, GOOD, HEAD, LAST, OVERLOADED, chunk, delta, streaming, unchunked
from tests.wire import Connection, Request, Script, body_part, headers_of, port_of, post, proxied, request, talk

SSE = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
JSON = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
NONSENSE = b"no chunk\r\n"


def sending(*pieces: bytes, end: str = "close", pause_s: float = 0.02) -> Script:
    async def script(connection: Connection, _: Request) -> None:
        await connection.send(*pieces, pause_s=pause_s)
        match end:
            case "close":
                connection.close()
            case "reset":
                connection.reset()
            case _:
                await connection.gone(8)

    return script


async def test_nonsense_where_a_chunk_should_begin_ends_a_stream() -> None:
    async with proxied(sending(HEAD, chunk(GOOD[0]), NONSENSE, end="hang")) as (service, _):
        body = unchunked(await talk(service, post()))
    assert body.startswith(GOOD[0] + b'data: {"error":')
    assert body.endswith(b"<end>")


async def test_nonsense_in_another_body_breaks_it_off() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: audio/mpeg\r\nTransfer-Encoding: chunked\r\n\r\n"
    async with proxied(sending(head, chunk(b"ID3"), NONSENSE, end="hang")) as (service, _):
        received = await talk(service, post(target="/v1/audio/speech"))
    assert unchunked(received) == b"ID3"
    assert not received.endswith(LAST)


@pytest.mark.parametrize("end", ["close", "reset"])
@pytest.mark.parametrize("version", ["1.0", "1.1"])
async def test_a_body_that_the_connections_end_ends(end: str, version: str) -> None:
    head = b"HTTP/1.%b 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n" % version[-1:].encode()
    async with proxied(sending(head, b"half of it", end=end)) as (service, _):
        answer = await talk(service, request("GET", "/v1/files/f/content"))
        old = await talk(service, request("GET", "/v1/files/f/content", version="1.0"))
    assert unchunked(answer) == b"half of it" + (b"<end>" if end == "close" else b"")
    assert body_part(old) == b"half of it" + (b"" if end == "close" else b"<RST>")


async def test_ndjson_ends_as_its_framing_does() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n"
    lines = [b'{"response":"a","done":false}\n', b'{"response":"","done":true}\n']
    target = "/api/generate"
    async with proxied(sending(head, *map(chunk, lines), LAST, end="hang")) as (service, _):
        assert unchunked(await talk(service, post(target=target))) == b"".join(lines) + b"<end>"
    async with proxied(sending(head, chunk(lines[0]))) as (service, _):
        assert unchunked(await talk(service, post(target=target))) == lines[0]


@pytest.mark.parametrize("short", [0, 5])
async def test_an_answer_shorter_than_announced(short: int) -> None:
    """One that has had its protocol's end is whole, yet its length is unmet: the client must not wait for the rest."""
    whole = b"".join(GOOD)
    head = SSE + b"Content-Length: %d\r\n\r\n" % (len(whole) + short)
    async with proxied(sending(head, whole)) as (service, _):
        reader, writer = await asyncio.open_connection("127.0.0.1", port_of(service))
        writer.write(post())
        _, _, body = (await asyncio.wait_for(reader.readuntil(DONE), 2)).partition(b"\r\n\r\n")
        assert body == whole
        if short:
            assert await asyncio.wait_for(reader.read(), 2) == b""
        writer.close()


async def test_nothing_is_written_behind_an_announced_length() -> None:
    """Also where the client's connection is closed afterwards."""
    sent = b"".join(GOOD[:2])
    head = SSE + b"Content-Length: %d\r\n\r\n" % (len(sent) + 300)
    async with proxied(sending(head, sent)) as (service, _):
        received = await talk(service, post(b"{}", "/v1/chat/completions", "Connection: close"))
    assert body_part(received) == sent


@pytest.mark.parametrize("end", ["close", "reset"])
async def test_what_had_arrived_whole_goes_out_before_a_break(end: str) -> None:
    """aiohttp raises before it hands out what came in the same moment."""
    events = [delta(f"piece {n}") for n in range(200)]

    async def script(connection: Connection, _: Request) -> None:
        await connection.send(HEAD + chunk(events[0]))
        await asyncio.sleep(0.05)
        connection.writer.write(b"".join(map(chunk, events[1:])) + b"20\r\ndata: half")
        if end == "reset":
            await asyncio.sleep(0.001)
            connection.reset()
        else:
            connection.close()

    async with proxied(script) as (service, _):
        body = unchunked(await talk(service, post()))
    good = b"".join(events)
    assert body.startswith(good + b'data: {"error":')
    assert b"half" not in body


async def test_an_error_among_the_last_that_came_before_a_break() -> None:
    """The comment stands behind the error, not somewhere in what came before it."""
    hello = b": hello\n\n" * 20

    async def script(connection: Connection, _: Request) -> None:
        await connection.send(HEAD, chunk(hello))
        await asyncio.sleep(0.05)
        connection.writer.write(chunk(GOOD[0] + OVERLOADED) + NONSENSE)
        await connection.gone(8)

    async with proxied(script) as (service, _):
        body = unchunked(await talk(service, post()))
    assert body.startswith(hello + GOOD[0] + OVERLOADED + b": llm-error class=overloaded")


async def test_a_slow_client_is_not_the_upstreams_silence() -> None:
    events = [delta(f"{n:08d}" * 4000) for n in range(400)]  # 13 MB: more than the sockets between hold
    script = streaming(*events, *GOOD[2:], pause_s=0)
    async with proxied(script, stream={"idle_timeout": "300ms", "peek_bytes": "128KiB"}) as (service, _):
        reader, writer = await asyncio.open_connection("127.0.0.1", port_of(service), limit=2**16)
        writer.write(post())
        received = await asyncio.wait_for(reader.read(1000), 2)
        for _ in range(2):
            await asyncio.sleep(0.6)
            received += await reader.readexactly(3_000_000)
        while not received.endswith(LAST):
            received += await asyncio.wait_for(reader.read(2**16), 2)
        writer.close()
    assert unchunked(received) == b"".join(events) + b"".join(GOOD[2:]) + b"<end>"


async def test_a_process_that_was_held_up_reads_before_it_calls_a_stream_silent() -> None:
    gate = asyncio.Event()

    async def script(connection: Connection, _: Request) -> None:
        await connection.send(HEAD, chunk(GOOD[0]))
        await gate.wait()
        await connection.send(chunk(GOOD[1]), chunk(GOOD[2] + DONE), LAST)

    async with proxied(script, stream={"idle_timeout": "200ms"}) as (service, _):
        reader, writer = await asyncio.open_connection("127.0.0.1", port_of(service))
        writer.write(post())
        received = await asyncio.wait_for(reader.readuntil(GOOD[0]), 2)
        gate.set()
        await asyncio.sleep(0.01)
        time.sleep(0.4)  # noqa: ASYNC251 - the whole loop
        received += await asyncio.wait_for(reader.readuntil(LAST), 2)
        writer.close()
    assert unchunked(received) == b"".join(GOOD) + b"<end>"


async def test_a_bug_after_the_head_is_no_second_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    async def fails(*_: object) -> None:
        await asyncio.sleep(0.05)
        raise RuntimeError

    head = JSON + b"Content-Length: 1000\r\n\r\n"
    async with proxied(sending(head, b"{", b"}" * 200_000, end="hang"), stream={"hold": "10ms"}) as (service, _):
        monkeypatch.setattr("proxy.way.sink.Sink.drain", fails)
        monkeypatch.setattr("proxy.way.sink.Sink.is_full", True)
        received = await talk(service, post())
    assert headers_of(received)["content-length"] == "1000"
    assert b"proxy_fault" not in received
