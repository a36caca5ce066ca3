"""The server half of aiohttp, for a proxy that writes its answers' bytes itself.

aiohttp's high-level server adds headers, decodes and re-encodes values, and answers malformed requests with a page that
repeats their bytes. Here only its parser, its connection loop and its flow control are used: a handler writes the whole
answer and returns `KEEP` or `CLOSE`. What is overridden is documented aiohttp API but for the spots marked *private*,
each of which has a test that fails when it moves.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import struct
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any, Final

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http_exceptions import LineTooLong

from proxy.accepting import Acceptor

KEEPALIVE_S: Final = 3630.0  # longer than any client's pool: an idle connection is the client's to close
LINGER_S: Final = 10.0

# aiohttp logs malformed requests with their bytes, keys included.
_SILENT: Final = logging.getLogger("proxy.aiohttp")
_SILENT.addHandler(logging.NullHandler())
_SILENT.propagate = False


class _Sent(web.StreamResponse):
    """An answer that is already on the wire: aiohttp has only to keep or close the connection."""

    def __init__(self, *, keep_alive: bool) -> None:
        super().__init__()
        self._stays = keep_alive

    @property
    def keep_alive(self) -> bool:
        return self._stays

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        return None

    async def write_eof(self, data: bytes = b"") -> None:
        return None


KEEP: Final = _Sent(keep_alive=True)
CLOSE: Final = _Sent(keep_alive=False)

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]
Refuse = Callable[[str], bytes]


class Connection(web.RequestHandler):
    """One client connection: notices a head that does not come to its end, and answers what is not HTTP."""

    __slots__ = ("_head_bytes", "_head_limit", "_refuse", "head_since")

    def __init__(
        self, manager: web.Server, *, loop: asyncio.AbstractEventLoop, refuse: Refuse, head_bytes: int
    ) -> None:
        line = head_bytes or 2**31 - 1
        super().__init__(
            manager,
            loop=loop,
            keepalive_timeout=KEEPALIVE_S,
            tcp_keepalive=True,
            logger=_SILENT,
            access_log=None,  # type: ignore[arg-type]  # None switches it off
            max_line_size=line,
            max_field_size=line,
            max_headers=1024,
            lingering_time=LINGER_S,
            auto_decompress=False,
        )
        self._refuse = refuse
        self._head_limit = head_bytes
        self._head_bytes = 0
        self.head_since: float | None = None  # loop time of an unfinished head's first byte

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        # *private*: nobody waits for a request, so what came belongs to one; or the first request is still to come.
        waiter = self._waiter
        if self._request_count and (waiter is None or waiter.done()):
            self.head_since = None
            self._head_bytes = 0
            if self._messages:
                self._check_upload()
        elif data and not self._upgraded:
            if self.head_since is None:
                self.head_since = self._loop.time()
            self._head_bytes += len(data)
            if self._head_limit and self._head_bytes > self._head_limit:
                self.turn_away("head_too_large")

    def resume_reading(self, resume_parser: bool = True) -> None:
        """*private*: aiohttp's reader calls this after each piece, and parses nothing again where nothing was paused."""
        if self._reading_paused:
            super().resume_reading(resume_parser)

    def _check_upload(self) -> None:
        """What follows a request can only be parsed once its body is whole: else its framing is wrong.

        aiohttp queues its complaint behind the request, whose handler would wait for the body for ever.
        """
        request = self._current_request  # *private*
        if request is not None and not request.content.is_eof():
            request.content.set_exception(web.RequestPayloadError("malformed"))

    def turn_away(self, reason: str) -> None:
        """Answers without a request: the connection has brought nothing that could be handled."""
        self.head_since = None
        if self.transport is not None and not self.transport.is_closing():
            self.transport.write(self._refuse(reason))
        self.force_close()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Called by aiohttp for what its parser refuses, and for an exception of the handler's (500).

        The text of `exc` can hold the client's bytes: it goes nowhere.
        """
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            reason = "proxy_fault"
        elif isinstance(exc, LineTooLong) or "too many" in str(message).lower():
            reason = "head_too_large"
        else:
            reason = "malformed"
        if self.transport is not None and not self.transport.is_closing():
            self.transport.write(self._refuse(reason))
        return CLOSE


class Listener:
    """The data port: accepts connections, sweeps unfinished heads, stops in order."""

    def __init__(self, handler: Handler, *, refuse: Refuse, head_bytes: int, head_timeout_s: float) -> None:
        self._manager = web.Server(handler, handler_cancellation=True)
        self._refuse = refuse
        self._head_bytes = head_bytes
        self._head_timeout_s = head_timeout_s
        self._acceptor: Acceptor | None = None
        self._sweeper: asyncio.Task[None] | None = None

    async def start(self, host: str, port: int, *, reuse_port: bool = False) -> tuple[str, int]:
        """Listens, and returns the address that it got. Raises OSError where it cannot."""
        loop = asyncio.get_running_loop()
        self._acceptor = Acceptor(
            lambda: Connection(self._manager, loop=loop, refuse=self._refuse, head_bytes=self._head_bytes)
        )
        address = await self._acceptor.start(host, port, reuse_port=reuse_port)
        self._sweeper = asyncio.create_task(self._sweep(loop))
        return address

    def reload(self, *, head_bytes: int, head_timeout_s: float) -> None:
        """For connections that come from now on, and for heads that are awaited already."""
        self._head_bytes = head_bytes
        self._head_timeout_s = head_timeout_s

    async def stop(self) -> None:
        """Refuses new connections, drops idle ones, and cancels what still runs."""
        if self._sweeper is not None:
            self._sweeper.cancel()
        if self._acceptor is not None:
            await self._acceptor.stop()
        self._manager.pre_shutdown()
        await self._manager.shutdown(0.1)

    async def _sweep(self, loop: asyncio.AbstractEventLoop) -> None:
        """One timer for all connections: a timer a request would cost every good call for a rare fault."""
        while True:
            await asyncio.sleep(min(1.0, self._head_timeout_s / 4 or 1.0))
            if not self._head_timeout_s:
                continue
            latest = loop.time() - self._head_timeout_s
            for connection in self._manager.connections:
                assert isinstance(connection, Connection)
                if connection.head_since is not None and connection.head_since <= latest:
                    connection.turn_away("head")


def break_off(request: web.BaseRequest) -> None:
    """Ends an answer so that no client can take it for whole: an HTTP/1.0 client sees a clean end as the end."""
    transport = request.transport
    if transport is None:
        return
    if request.version < (1, 1):
        reset(transport)
    else:
        transport.close()


def reset(transport: asyncio.Transport) -> None:
    """Closes with RST. `abort()` alone sends FIN, which says "that was all"."""
    sock: Any = transport.get_extra_info("socket")
    if sock is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
