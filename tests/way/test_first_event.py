"""A head waits for the first event with data, and no longer than for `stream.peek_bytes`: the clock has no part in it here."""

from __future__ import annotations

import asyncio

import pytest

from tests.way.test_streams import GOOD, HEAD, LAST, chunk, delta, unchunked
from tests.wire import Connection, Request, port_of, post, proxied

PEEK = 2000
SETTINGS = {"stream": {"peek_bytes": PEEK, "hold": "60s"}}
LONG = delta("x" * 3 * PEEK)
COMMENTS = b": PROCESSING\n\n" * (PEEK // 14 + 1)

# What comes before the upstream falls silent: the last of each piece completes `peek_bytes`, and no event with data.
BEGINNINGS: dict[str, list[bytes]] = {
    "a long event, in one read": [LONG[: PEEK + 1]],
    "a long event, in several": [LONG[:900], LONG[900:1800], LONG[1800:2500]],
    "just so many bytes of it": [LONG[:1000], LONG[1000:PEEK]],
    "comments": [COMMENTS[:1400], COMMENTS[1400:]],
    "comments, and an event's beginning": [COMMENTS[:700], COMMENTS[:700] + LONG[:1000]],
}


@pytest.mark.parametrize("pieces", BEGINNINGS.values(), ids=BEGINNINGS)
async def test_the_head_goes_once_so_many_bytes_are_there(pieces: list[bytes]) -> None:
    sent, go_on = asyncio.Event(), asyncio.Event()
    whole = b"".join(pieces)
    rest = [LONG[len(whole) - whole.find(b"data:") :] if b"data:" in whole else GOOD[0], *GOOD[2:]]

    async def script(connection: Connection, _: Request) -> None:
        await connection.send(HEAD, *map(chunk, pieces[:-1]))
        await asyncio.wait_for(go_on.wait(), 5)
        go_on.clear()
        await connection.send(chunk(pieces[-1]))
        sent.set()
        await asyncio.wait_for(go_on.wait(), 5)
        await connection.send(*map(chunk, rest), LAST)

    async with proxied(script, **SETTINGS) as (service, up):
        reader, writer = await asyncio.open_connection("127.0.0.1", port_of(service))
        writer.write(post())
        await up.received(1)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.read(1), 0.1)
        go_on.set()
        await asyncio.wait_for(sent.wait(), 2)
        received = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 2)
        assert received.startswith(b"HTTP/1.1 200 OK\r\n")
        go_on.set()
        received += await asyncio.wait_for(reader.readuntil(LAST), 2)
        writer.close()
    assert unchunked(received) == whole + b"".join(rest) + b"<end>"


async def test_what_has_gone_out_is_not_held_again() -> None:
    """A long event passes as it comes from there on."""
    go_on = asyncio.Event()

    async def script(connection: Connection, _: Request) -> None:
        await connection.send(HEAD, chunk(LONG[: PEEK + 1]))
        await asyncio.wait_for(go_on.wait(), 5)
        await connection.send(chunk(LONG[PEEK + 1 : -9]))
        await connection.gone(5)

    async with proxied(script, **SETTINGS) as (service, _):
        reader, writer = await asyncio.open_connection("127.0.0.1", port_of(service))
        writer.write(post())
        await asyncio.wait_for(reader.readuntil(LONG[PEEK - 10 : PEEK + 1] + b"\r\n"), 2)
        go_on.set()
        await asyncio.wait_for(reader.readuntil(LONG[-19:-9] + b"\r\n"), 2)
        writer.close()
