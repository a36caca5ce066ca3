"""How soon an event goes on after it has come, told in turns of the loop: time says nothing on a busy machine."""

from __future__ import annotations

import asyncio
import os
import socket
import time

import pytest

from proxy.client.connections import Protocol
from proxy.way.flow import Flow
from proxy.way.sink import Sink
from tests.way.test_streams import DONE, HEAD, LAST, OVERLOADED, chunk, delta, unchunked
from tests.wire import Connection, Request, port_of, post, proxied, talk

EVENTS = [delta(f"word {n}") for n in range(40)]


class Turns:
    """Counts the loop's turns, and notes in which of them bytes came and went."""

    def __init__(self) -> None:
        self.now = 0
        self.came: list[int] = []
        self.went: list[int] = []

    def tick(self) -> None:
        self.now += 1
        asyncio.get_running_loop().call_soon(self.tick)


@pytest.fixture
def turns(monkeypatch: pytest.MonkeyPatch) -> Turns:
    turns = Turns()
    receive, write = Protocol.data_received, Sink.write

    def data_received(self: Protocol, data: bytes) -> None:
        if b"data: " in data:
            turns.came.append(turns.now)
        receive(self, data)

    def written(self: Sink, data: bytes, *, last: bool = False) -> None:
        if b"data: " in data:
            turns.went.append(turns.now)
        write(self, data, last=last)

    monkeypatch.setattr(Protocol, "data_received", data_received)
    monkeypatch.setattr(Sink, "write", written)
    return turns


async def paced(at: Connection, _: Request) -> None:
    await at.send(HEAD)
    for event in (*EVENTS, delta("", "stop")):
        await at.send(chunk(event), pause_s=0.005)
    await at.send(chunk(DONE), LAST)


@pytest.mark.parametrize(
    "settings", [{}, {"stream": {"idle_timeout": "20s", "heartbeat": "10s"}}], ids=["plain", "timed"]
)
async def test_an_event_goes_on_in_the_turn_in_which_it_came(
    turns: Turns, settings: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    waits = 0
    wait = Flow._stops_within

    async def counted(self: Flow, seconds: float | None) -> bool:
        nonlocal waits
        waits += 1
        return await wait(self, seconds)

    monkeypatch.setattr(Flow, "_stops_within", counted)
    async with proxied(paced, **settings) as (service, _):
        turns.tick()
        received = await talk(service, post(), quiet_s=0.5)
    assert unchunked(received).startswith(b"".join(EVENTS))
    delays = [went - came for came, went in zip(turns.came, turns.went, strict=True)]
    # The first waits for the task that awaits the head: woken in one turn, it writes in the next.
    assert delays[0] <= 2
    assert set(delays[1:-1]) == {0}
    # The task that delivers the stream slept through all of it, and so did its timers.
    assert waits <= 2


# What comes last, and all that the client has of it.
STOP = chunk(delta("", "stop") + DONE)
ENDINGS = {
    "an end": (STOP + LAST, STOP + LAST),
    "a cut": (chunk(EVENTS[1]) + b"zz\r\n", b"session=reset\n\r\n" + LAST),
    "an error": (chunk(OVERLOADED + EVENTS[1]), EVENTS[1] + b"\r\n"),
    "an event": (chunk(EVENTS[1]), chunk(EVENTS[1])),
}


@pytest.mark.parametrize("settings", [{"heartbeat": "100ms"}, {"idle_timeout": "100ms"}], ids=["heartbeat", "idle"])
@pytest.mark.parametrize("ending", ENDINGS)
async def test_what_comes_in_the_turn_in_which_a_timer_ends_is_not_lost(ending: str, settings: dict[str, str]) -> None:
    sent, last = ENDINGS[ending]
    wire: list[socket.socket] = []

    async def script(at: Connection, _: Request) -> None:
        wire.append(socket.socket(fileno=os.dup(at.writer.get_extra_info("socket").fileno())))
        await at.send(HEAD, chunk(EVENTS[0]))
        await at.gone(5)

    async with proxied(script, stream=settings) as (service, _):
        reader, writer = await asyncio.open_connection("127.0.0.1", port_of(service))
        writer.write(post())
        await asyncio.wait_for(reader.readuntil(chunk(EVENTS[0])), 2)
        await asyncio.sleep(0.03)
        with wire[0]:
            wire[0].send(sent)
        time.sleep(0.1)  # noqa: ASYNC251 - the loop: what came and the timer are due in one turn
        received = chunk(EVENTS[0]) + await asyncio.wait_for(reader.readuntil(last), 2)
        writer.close()
    assert received.count(b"data: ") == {"an end": 3, "a cut": 3, "an error": 3, "an event": 2}[ending]
