"""The client half of aiohttp: one upstream's connections, and how a call on them can break.

Foreign exceptions end here: whatever aiohttp raises becomes a `Broke`, which says what failed and whether the provider
can have seen the request. Their texts hold addresses and headers, so they go no further.
"""

from __future__ import annotations

import asyncio
import functools
import socket
import ssl
import time
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import aiohttp
from aiohttp import ClientSession, ClientTimeout, DummyCookieJar, TCPConnector
from aiohttp.client_proto import ResponseHandler
from aiohttp.client_reqrep import ClientRequest
from aiohttp.connector import Connection
from aiohttp.http_exceptions import HttpProcessingError
from multidict import CIMultiDict
from yarl import URL

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


@dataclass(frozen=True, slots=True)
class Broke:
    """How a call ended without an answer.

    `reason` is a word of the proxy's own table. `connected`: the provider can have seen the request. `is_stale`: a
    connection that had served before broke without a byte of an answer, as happens when the provider closes an idle one.
    """

    reason: str
    connected: bool
    is_stale: bool = False


@dataclass(slots=True)
class Progress:
    """How far one attempt has come; kept by the connector for the task that runs the attempt."""

    is_fresh: bool = False  # asked for: a connection that has not served yet
    started_at: float = 0.0  # time.monotonic() when the request was ready to be sent
    protocol: _Protocol | None = None  # None: no connection was made

    @property
    def connected(self) -> bool:
        return self.protocol is not None

    @property
    def is_stale(self) -> bool:
        return self.protocol is not None and self.protocol.served and not self.protocol.heard


_PROGRESS: Final[ContextVar[Progress]] = ContextVar("progress")


class _Protocol(ResponseHandler):
    """One connection to an upstream.

    Says that a body has broken in the two cases in which aiohttp does not: after nonsense where a chunk should begin it
    lets the body's reader wait for ever; a body that the connection's end would end is whole to it also after a reset.
    *private*: `_payload` is the body under way, `_parser` what would end it.
    """

    calls = 0
    heard = False  # a byte has come since the latest request

    @property
    def served(self) -> bool:
        return self.calls > 1

    def data_received(self, data: bytes) -> None:
        self.heard = True
        super().data_received(data)

    def set_exception(self, exc: BaseException, *cause: BaseException) -> None:
        if isinstance(exc, HttpProcessingError):
            self._break_body()
        super().set_exception(exc, *cause)

    def connection_lost(self, exc: BaseException | None) -> None:
        if isinstance(exc, OSError) and not isinstance(exc, ssl.SSLError):
            self._break_body()
        super().connection_lost(exc)

    def _break_body(self) -> None:
        payload = self._payload
        if payload is not None and not payload.is_eof() and payload.exception() is None:
            payload.set_exception(aiohttp.ClientPayloadError())
            self._parser = None


class _Connector(TCPConnector):
    """Tells each attempt which connection it got, and gets it a new one where it asks for that.

    A trace would tell the same for several microseconds a request.
    """

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._factory = functools.partial(_Protocol, loop=self._loop)  # type: ignore[assignment]  # *private*

    async def _get(self, key: Any, traces: Any) -> Connection | None:
        """*private*: an idle connection."""
        return None if _PROGRESS.get().is_fresh else await super()._get(key, traces)

    async def connect(self, req: ClientRequest, traces: Any, timeout: ClientTimeout) -> Connection:  # noqa: ASYNC109 - aiohttp's
        progress = _PROGRESS.get()
        progress.started_at = time.monotonic()
        connection = await super().connect(req, traces, timeout)
        protocol = connection.protocol
        assert isinstance(protocol, _Protocol)
        protocol.calls += 1
        protocol.heard = False
        progress.protocol = protocol
        return connection


def _socket(address: Any) -> socket.socket:
    family, kind, protocol, _, _ = address
    sock = socket.socket(family, kind, protocol)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for level, option, value in _KEEPALIVE:
        if option is not None:
            sock.setsockopt(level, option, value)
    return sock


class Client:
    """Calls one upstream. Nothing is followed, kept, inflated or added on the way."""

    def __init__(self, *, connect_s: float, ca: Path | None = None, proxy: str | None = None) -> None:
        context: ssl.SSLContext | bool = ssl.create_default_context(cafile=ca) if ca else True
        self._proxy = proxy
        self._session = ClientSession(
            connector=_Connector(
                limit=0, keepalive_timeout=IDLE_S, ssl=context, socket_factory=_socket, enable_cleanup_closed=False
            ),
            auto_decompress=False,
            cookie_jar=DummyCookieJar(),
            skip_auto_headers=("Accept", "Accept-Encoding", "User-Agent", "Content-Type"),
            timeout=ClientTimeout(total=None, connect=connect_s or None),
            max_line_size=HEAD_LINE,
            max_field_size=HEAD_LINE,
            max_headers=HEAD_FIELDS,
            read_bufsize=READ_BYTES,
        )
        # *private*: aiohttp repeats PUT and DELETE on its own when a reused connection breaks. Which calls may be
        # repeated is not its to say.
        self._session._retry_connection = False

    async def request(
        self, method: str, url: URL, headers: CIMultiDict[str], data: Any, progress: Progress
    ) -> aiohttp.ClientResponse | Broke:
        """One attempt: the answer's head has come, or it broke."""
        _PROGRESS.set(progress)
        try:
            return await self._session.request(
                method, url, headers=headers, data=data, allow_redirects=False, proxy=self._proxy
            )
        except (aiohttp.ClientError, OSError, TimeoutError) as exc:
            return Broke(reason_of(exc), progress.connected, progress.is_stale)

    async def close(self) -> None:
        await self._session.close()


def reason_of(exc: BaseException) -> str:
    """Which word of the proxy's table an exception of aiohttp is, from its type alone."""
    match exc:
        case aiohttp.ClientConnectorDNSError():
            return "dns"
        case aiohttp.ClientSSLError() | ssl.SSLError():
            return "tls"
        case aiohttp.ConnectionTimeoutError() | aiohttp.ServerTimeoutError():
            return "connect"
        case aiohttp.ClientConnectorError():
            return "refused"
        case aiohttp.ClientResponseError():
            return "bad_answer"
        case asyncio.TimeoutError():
            return "connect"
        case _:
            return "reset"
