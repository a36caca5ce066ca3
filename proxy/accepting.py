"""Accepts connections by hand, many a turn of the loop. What becomes of them is their protocol's matter.

uvloop accepts one a turn (libuv's `uv__server_io` asks its loop again for each), so that of 500 clients that come at once
the last waits for 500 turns, each with all the work of those who came before. The loop's own server still finds and binds
the addresses; its sockets are listened on here.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable
from typing import Final

BACKLOG: Final = 4096
MOST: Final = 8  # a turn; then running calls have theirs. With 128 a burst of short calls waits longer, all of it
PAUSE_S: Final = 1.0  # where nothing is left to accept with, such as open files

Factory = Callable[[], asyncio.BaseProtocol]


class Acceptor:
    """One listening port, on all of its addresses."""

    def __init__(self, factory: Factory) -> None:
        self._factory = factory
        self._loop = asyncio.get_running_loop()
        self._bound: asyncio.Server | None = None
        self._sockets: list[socket.socket] = []
        self._opening: set[asyncio.Task[None]] = set()

    async def start(self, host: str, port: int, *, reuse_port: bool = False) -> tuple[str, int]:
        """Listens, and returns the address that it got. Raises OSError where it cannot."""
        bound = await self._loop.create_server(
            self._factory, host or None, port, reuse_port=reuse_port or None, start_serving=False
        )
        self._bound = bound
        for at in bound.sockets:
            own = socket.socket(fileno=os.dup(at.fileno()))
            self._sockets.append(own)
            own.setblocking(False)
            own.listen(BACKLOG)
            self._watch(own)
        name = self._sockets[0].getsockname()
        return name[0], name[1]

    async def stop(self) -> None:
        """Refuses new connections; those that were accepted have come to their protocol when this returns."""
        sockets, self._sockets = self._sockets, []
        for own in sockets:
            self._loop.remove_reader(own.fileno())
            own.close()
        if self._bound is not None:
            self._bound.close()
        if self._opening:
            await asyncio.wait(self._opening)

    def _watch(self, own: socket.socket) -> None:
        if own in self._sockets:
            self._loop.add_reader(own.fileno(), self._accept, own)

    def _accept(self, own: socket.socket) -> None:
        for _ in range(MOST):
            try:
                connection, _ = own.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError:
                self._loop.remove_reader(own.fileno())
                self._loop.call_later(PAUSE_S, self._watch, own)
                return
            connection.setblocking(False)
            task = self._loop.create_task(self._open(connection))
            self._opening.add(task)
            task.add_done_callback(self._opening.discard)

    async def _open(self, connection: socket.socket) -> None:
        try:
            await self._loop.connect_accepted_socket(self._factory, connection)
        except OSError:  # gone before it was looked at
            connection.close()
