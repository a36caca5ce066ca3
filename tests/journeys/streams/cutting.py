"""A provider that cuts its streams where the base URL says, and the proxy before it, both in a thread of their own
on the loop that production has.

One of each serves all cuts: synchronous clients call it from threads, asynchronous ones and other programs as well. A
call to `url(name, at, how)` gets the first `at` bytes of a stream of tests/stream/good.py, then the end that `how` names;
`silent` is no end at all, and `slow` is whole, with silences between its events.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import random
import threading
from collections.abc import Iterator
from typing import Any, Final

import uvloop

from proxy.app import Service
from tests.stream.good import ODD, RECORDED, Good
from tests.wire import Connection, Request, config, running, upstream

STREAMS: Final[dict[str, Good]] = {good.name.replace(" ", "-"): good for good in (*RECORDED, *ODD)}

# Ends that are no ends: of the framing's own accord, in the middle of it, by a reset, and by nonsense where a chunk begins.
HOWS: Final = ("clean", "close", "reset", "framing")

_APART_S: Final = 0.002
_SILENCE_S: Final = 0.07  # between the events of a slow one
_PIECE: Final = 700  # so that a cut stream comes in one read or a few, as it does in life


class Cutting:
    """`url`, and the proxy's `service`: what it counted is looked at when all is over."""

    def __init__(self) -> None:
        self.base = ""
        self.service: Service | None = None

    def url(self, name: str, at: int, how: str) -> str:
        return f"{self.base}/{name.replace(' ', '-')}/{at}/{how}"


@contextlib.contextmanager
def cutting(**settings: Any) -> Iterator[Cutting]:
    cutter = Cutting()
    ready, done = threading.Event(), asyncio.Event()
    loop = uvloop.new_event_loop()

    async def serve() -> None:
        async with (
            upstream(_answer) as provider,
            running(config(provider.url, retry={"max": 0}, log={"level": "error"}, **settings)) as service,
        ):
            cutter.base, cutter.service = service.data_url, service
            ready.set()
            await done.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()), daemon=True)
    thread.start()
    try:
        assert ready.wait(10)
        yield cutter
    finally:
        loop.call_soon_threadsafe(done.set)
        thread.join(10)
        loop.close()


async def _answer(connection: Connection, request: Request) -> None:
    name, at, how = request.target.decode().split("/")[1:4]
    good = STREAMS[name]
    kind = b"application/json" if good.is_array else b"text/event-stream"
    body = good.text[: int(at)]
    head = b"HTTP/1.1 200 OK\r\nContent-Type: %b\r\n" % kind
    if how == "length":
        await connection.send(head + b"Content-Length: %d\r\n\r\n" % (len(good.text) + 1), body)
        connection.close()
        return
    await connection.send(head + b"Transfer-Encoding: chunked\r\n\r\n")
    if how == "slow":
        pieces = [body[start:end] for start, end in itertools.pairwise((0, *ends(body)))]
    else:
        pieces = [body[start : start + _PIECE] for start in range(0, len(body), _PIECE)]
    for piece in pieces:
        await connection.send(b"%x\r\n%b\r\n" % (len(piece), piece), pause_s=_SILENCE_S if how == "slow" else 0.0)
    match how:
        case "clean" | "slow":
            await connection.send(b"0\r\n\r\n")
        case "silent":
            await connection.gone(8)
        case "close":
            connection.close()
        case "reset":
            await asyncio.sleep(_APART_S)  # a reset overtakes what was sent just before it
            connection.reset()
        case _:
            await asyncio.sleep(_APART_S)
            await connection.send(b"no chunk\r\n")


def ends(text: bytes) -> list[int]:
    """Behind each event."""
    marks = (b"\n\n", b"\r\n\r\n", b"}\n,", b"}\n]")
    return [at + len(mark) for at in range(len(text)) for mark in marks if text.startswith(mark, at)]


def near_ends(text: bytes, *, seeded: int = 50) -> list[int]:
    """Every event's end, one byte to each side, and some cuts between."""
    near = {at + by for at in ends(text) for by in (-1, 0, 1)}
    near.update(random.Random(7).sample(range(len(text)), seeded))
    return sorted(at for at in near if 0 <= at <= len(text))
