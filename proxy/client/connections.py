"""One upstream's connections: how they are opened, which of them an attempt gets, what aiohttp leaves untold on them."""

from __future__ import annotations

import functools
import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import aiohttp
from aiohttp import ClientRequest, ClientTimeout, TCPConnector
from aiohttp.client_proto import ResponseHandler
from aiohttp.client_reqrep import ConnectionKey
from aiohttp.connector import Connection
from aiohttp.http_exceptions import HttpProcessingError

HEAD_LINE: Final = 256 * 1024  # an answer's header line; a good answer must not be refused for its length
HEAD_FIELDS: Final = 2048
IDLE_S: Final = 60.0  # an idle upstream connection; one that the provider closes earlier is replaced
READ_BYTES: Final = 64 * 1024

# A peer that dies in silence: the first probe after 30 s, then every 10 s, gone after the third.
_KEEPALIVE: Final = (
    (socket.IPPROTO_TCP, getattr(socket, "TCP_KEEPIDLE", None), 30),
    (socket.IPPROTO_TCP, getattr(socket, "TCP_KEEPINTVL", None), 10),
    (socket.IPPROTO_TCP, getattr(socket, "TCP_KEEPCNT", None), 3),
)


@dataclass(slots=True)
class Progress:
    """How far one attempt has come; written by the connector."""

    is_fresh: bool = False  # asked for: a connection that has not served yet
    started_at: float = 0.0  # time.monotonic() when the request was ready to be sent
    protocol: Protocol | None = None  # None: no connection was made

    @property
    def connected(self) -> bool:
        return self.protocol is not None

    @property
    def is_stale(self) -> bool:
        return self.protocol is not None and self.protocol.served and not self.protocol.heard


class Protocol(ResponseHandler):
    """One connection to an upstream.

    Says that a body has broken in the two cases in which aiohttp does not: after nonsense where a chunk should begin it
    lets the body's reader wait for ever; a body that the connection's end would end is whole to it also after a reset.
    *private*: `_payload` is the body under way, `_parser` what would end it.
    """

    calls = 0
    heard = False  # a byte has come since the latest request, or since it was answered
    listener: Callable[[], None] | None = None  # called when something has come for the body's reader, or it is over

    @property
    def served(self) -> bool:
        return self.calls > 1

    @property
    def is_sending(self) -> bool:
        return self.transport is not None and self.transport.get_write_buffer_size() > 0

    def close(self) -> None:
        """What has not gone out is given up: else a peer that reads no more would keep the connection open."""
        if self.is_sending:
            self.abort()
        else:
            super().close()

    def await_answer(self, *, skips_body: bool) -> None:
        """Before a request is written: what will be read is an answer to it."""
        self.calls += 1
        self.heard = False
        self.set_response_params(
            skip_payload=skips_body,
            read_until_eof=True,
            auto_decompress=False,
            read_bufsize=READ_BYTES,
            max_line_size=HEAD_LINE,
            max_field_size=HEAD_LINE,
            max_headers=HEAD_FIELDS,
        )

    def data_received(self, data: bytes) -> None:
        self.heard = True
        listener = self.listener  # an answer that ends takes its own away
        super().data_received(data)
        if listener is not None:
            listener()

    def resume_reading(self, resume_parser: bool = True) -> None:
        """*private*: aiohttp's reader calls this after each piece, and parses nothing again where nothing was paused."""
        if self._reading_paused:
            super().resume_reading(resume_parser)

    def set_exception(self, exc: BaseException, *cause: BaseException) -> None:
        listener = self.listener
        if isinstance(exc, HttpProcessingError):
            self._break_body()
        super().set_exception(exc, *cause)
        if listener is not None:
            listener()

    def connection_lost(self, exc: BaseException | None) -> None:
        listener = self.listener
        if isinstance(exc, OSError) and not isinstance(exc, ssl.SSLError):
            self._break_body()
        super().connection_lost(exc)
        if listener is not None:
            listener()

    def _break_body(self) -> None:
        payload = self._payload
        if payload is not None and not payload.is_eof() and payload.exception() is None:
            payload.set_exception(aiohttp.ClientPayloadError())
            self._parser = None


class Connector(TCPConnector):
    """Tells each attempt which connection it got, and gets it a new one where it asks for that."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._factory = functools.partial(Protocol, loop=self._loop)  # type: ignore[assignment]  # *private*
        self._skips_idle = False

    @classmethod
    def of(cls, ca: Path | None) -> Connector:
        context: ssl.SSLContext | bool = ssl.create_default_context(cafile=ca) if ca else True
        return cls(limit=0, keepalive_timeout=IDLE_S, ssl=context, socket_factory=_socket, enable_cleanup_closed=False)

    async def connection(
        self,
        peer: ClientRequest,
        key: ConnectionKey,
        timeout: ClientTimeout,  # noqa: ASYNC109 - aiohttp's
        progress: Progress,
    ) -> Connection:
        """One that may be used alone. Raises what aiohttp raises where none can be made."""
        progress.started_at = time.monotonic()
        connection = None if progress.is_fresh else await self._get(key, [])
        if connection is None:
            self._skips_idle = progress.is_fresh
            connection = await self.connect(peer, [], timeout)
        protocol = connection.protocol
        assert isinstance(protocol, Protocol)
        progress.protocol = protocol
        return connection

    async def _get(self, key: ConnectionKey, traces: Any) -> Connection | None:
        """*private*: an idle connection. `connect` asks for one first of all, before anything else can run.

        Where something has come unasked, it would be taken for the answer to this call: that one is given up.
        """
        skips, self._skips_idle = self._skips_idle, False
        while not skips and (connection := await super()._get(key, traces)) is not None:
            protocol = connection.protocol
            assert isinstance(protocol, Protocol)
            if not (protocol.heard or protocol.should_close):
                return connection
            connection.close()
        return None


def _socket(address: Any) -> socket.socket:
    family, kind, protocol, _, _ = address
    sock = socket.socket(family, kind, protocol)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for level, option, value in _KEEPALIVE:
        if option is not None:
            sock.setsockopt(level, option, value)
    return sock
