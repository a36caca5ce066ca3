"""The raw provider and client keep to the byte what a test relies on."""

from __future__ import annotations

import asyncio

import pytest

from tests.provider import (
    CLOSE,
    HALF,
    HANG,
    LAST_CHUNK,
    RESET,
    GoneError,
    Wire,
    answering,
    chunk,
    dial,
    event_stream,
    exchange,
    hanging_up,
    provider,
    refusing_port,
    reply,
    request,
    silent,
    stale,
)


async def test_turns_are_served_in_the_order_of_requests_on_one_connection():
    script = answering(reply(200, b"one"), reply(429, b"two", reason="Slow"))
    async with provider(script) as upstream, dial(upstream.url) as client:
        for expected in (b"one", b"two", b"two"):
            await client.send(request("POST", "/a", b"body"))
            assert (await client.answer("POST")).body == expected
    assert len(upstream.wires) == 1
    assert [message.raw for message in upstream.requests] == [request("POST", "/a", b"body")] * 3


async def test_pipelined_requests_are_told_apart():
    script = answering(reply(200, b"one"), reply(200, b"two"))
    async with provider(script) as upstream, dial(upstream.url) as client:
        await client.send(request("GET", "/a") + request("GET", "/b"))
        assert [(await client.answer()).body for _ in range(2)] == [b"one", b"two"]
    assert [message.target for message in upstream.requests] == [b"/a", b"/b"]


async def test_a_chunked_request_is_recorded_as_it_stood_with_its_trailers():
    raw = b"POST / HTTP/1.1\r\nhost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk(b"abc") + b"0\r\nX-T: 1\r\n\r\n"
    async with provider(answering(reply())) as upstream, dial(upstream.url) as client:
        await client.send_slowly(raw)
        await client.answer()
    [message] = upstream.requests
    assert message.raw == raw
    assert message.body == b"abc"
    assert message.trailers == ((b"X-T", b"1"),)


@pytest.mark.parametrize(("end", "ending"), [(CLOSE, "eof"), (RESET, "reset"), (HALF, "eof")])
async def test_a_cut_answer_is_not_whole_and_says_how_it_ended(end, ending):
    script = answering((event_stream(), chunk(b"half"), b"5\r\nab", 0.01, end))
    async with provider(script) as upstream, dial(upstream.url) as client:
        await client.send(request("GET", "/"))
        answer = await client.answer()
        assert not answer.whole
        assert answer.body == b"halfab"
        assert client.ending == ending


async def test_a_whole_stream_is_whole():
    async with provider(answering((event_stream(), chunk(b"a"), 0.01, chunk(b"b"), LAST_CHUNK))) as upstream:
        answer = await exchange(upstream.url, request("GET", "/"))
    assert answer.whole
    assert answer.body == b"ab"
    assert answer.framing == "chunked"


async def test_idle_connections_end_as_the_next_request_arrives():
    async with provider(stale(reply(200, b"{}"), end=RESET)) as upstream, dial(upstream.url) as client:
        await client.send(request("GET", "/a"))
        await client.answer()
        await client.send(request("GET", "/b"))
        with pytest.raises(GoneError) as gone:
            await client.answer()
    assert gone.value.ending == "reset"
    assert [message.target for message in upstream.requests] == [b"/a"]
    assert bytes(upstream.wires[0].received).endswith(request("GET", "/b"))


async def test_a_provider_sees_its_client_leave():
    async with provider(silent) as upstream:
        async with dial(upstream.url) as client:
            await client.send(request("GET", "/"))
            await asyncio.sleep(0.02)
            client.reset()
        await upstream.wires[0].gone()
    assert upstream.wires[0].ending == "reset"
    assert upstream.wires[0].ended_at is not None


async def test_a_connection_can_end_before_a_word():
    async with provider(hanging_up(RESET)) as upstream, dial(upstream.url) as client:
        assert await client.gone() == "reset"


async def test_events_hold_a_turn_back():
    go = asyncio.Event()
    script = answering((b"HTTP/1.1 200 OK\r\n", go, b"content-length: 0\r\n\r\n", HANG))
    async with provider(script) as upstream, dial(upstream.url) as client:
        await client.send(request("GET", "/"))
        assert await client.until(b"\r\n") == b"HTTP/1.1 200 OK\r\n"
        assert client.received == b"HTTP/1.1 200 OK\r\n"
        go.set()
        assert await client.until(b"\r\n\r\n") == b"content-length: 0\r\n\r\n"


async def test_a_scripts_failure_fails_the_test():
    async def script(wire: Wire) -> None:
        await wire.request()
        raise ValueError("the test's own mistake")

    with pytest.raises(ValueError, match="own mistake"):  # noqa: PT012 - raised where the provider is left
        async with provider(script) as upstream, dial(upstream.url) as client:
            await client.send(request("GET", "/"))
            await client.gone()


async def test_a_refusing_port_refuses():
    with refusing_port() as port, pytest.raises(ConnectionRefusedError):
        async with dial(f"http://127.0.0.1:{port}"):
            pass
