"""Connections are accepted many a turn of the loop, on both loops, and none is lost."""

from __future__ import annotations

import asyncio
import errno
import socket

import pytest

from proxy import accepting
from proxy.accepting import Acceptor


class Greeting(asyncio.Protocol):
    made: list[asyncio.BaseTransport]

    def connection_made(self, transport) -> None:
        self.made.append(transport)
        transport.write(b"hello")


@pytest.fixture
def made() -> list[asyncio.BaseTransport]:
    return []


@pytest.fixture
async def acceptor(made):
    protocol = type("Kept", (Greeting,), {"made": made})
    acceptor = Acceptor(protocol)
    yield acceptor
    await acceptor.stop()
    for transport in made:
        transport.close()


async def greeted(host: str, port: int) -> bytes:
    reader, writer = await asyncio.open_connection(host, port)
    try:
        return await reader.readexactly(5)
    finally:
        writer.close()


async def test_connections_that_came_together_are_accepted_in_few_turns(acceptor, made):
    host, port = await acceptor.start("127.0.0.1", 0)
    clients = [socket.create_connection((host, port)) for _ in range(100)]
    for _ in range(20):
        await asyncio.sleep(0)
    assert len(made) == 100  # one a turn would be 20
    for client in clients:
        assert client.recv(5) == b"hello"
        client.close()


async def test_more_than_a_turn_takes_come_in_the_next_ones(acceptor, made, monkeypatch):
    monkeypatch.setattr(accepting, "MOST", 3)
    host, port = await acceptor.start("127.0.0.1", 0)
    assert await asyncio.gather(*(greeted(host, port) for _ in range(20))) == [b"hello"] * 20
    assert len(made) == 20


async def test_a_connection_is_as_the_loops_own_server_makes_it(acceptor, made):
    host, port = await acceptor.start("127.0.0.1", 0)
    await greeted(host, port)
    transport = made[0]
    assert transport.get_extra_info("sockname") == (host, port)
    assert transport.get_extra_info("peername")[0] == "127.0.0.1"
    # Without it a chunk waits 40 ms for the acknowledgement of the one before.
    assert transport.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


async def test_every_address_of_a_name_is_listened_on(acceptor):
    await acceptor.start("127.0.0.1", 0)
    everywhere = Acceptor(acceptor._factory)
    await everywhere.start("", 0)
    try:
        addresses = [own.getsockname() for own in everywhere._sockets]
        assert {address[0] for address in addresses} >= {"0.0.0.0"}
        for address in addresses:
            host = "::1" if ":" in address[0] else "127.0.0.1"
            assert await greeted(host, address[1]) == b"hello"
    finally:
        await everywhere.stop()


async def test_an_address_in_use_is_an_error(acceptor, made):
    host, port = await acceptor.start("127.0.0.1", 0)
    with pytest.raises(OSError, match="in use"):
        await Acceptor(acceptor._factory).start(host, port)


async def test_two_share_a_port_where_both_say_so(acceptor):
    host, port = await acceptor.start("127.0.0.1", 0, reuse_port=True)
    other = Acceptor(acceptor._factory)
    try:
        assert await other.start(host, port, reuse_port=True) == (host, port)
    finally:
        await other.stop()


async def test_nobody_is_accepted_after_the_stop(acceptor, made):
    host, port = await acceptor.start("127.0.0.1", 0)
    client = socket.create_connection((host, port))
    await asyncio.sleep(0.01)
    await acceptor.stop()
    assert len(made) == 1  # that one goes on
    client.close()
    with pytest.raises(ConnectionRefusedError):
        await greeted(host, port)


async def test_without_open_files_it_waits_and_goes_on(acceptor, made, monkeypatch):
    monkeypatch.setattr(accepting, "PAUSE_S", 0.05)
    host, port = await acceptor.start("127.0.0.1", 0)

    class Spent:
        tries = 0

        def __init__(self, real: socket.socket) -> None:
            self._real = real

        def accept(self):
            Spent.tries += 1
            if Spent.tries == 1:
                raise OSError(errno.EMFILE, "Too many open files")
            return self._real.accept()

        def __getattr__(self, name):
            return getattr(self._real, name)

    real = acceptor._sockets[0]
    acceptor._loop.remove_reader(real.fileno())
    acceptor._sockets[0] = Spent(real)
    acceptor._watch(acceptor._sockets[0])
    loop = asyncio.get_running_loop()
    began = loop.time()
    assert await greeted(host, port) == b"hello"
    assert loop.time() - began >= 0.04
    assert Spent.tries >= 2
