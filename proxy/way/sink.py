"""Writes one answer to the client: its head, then pieces of its body in whatever framing the client understands."""

from __future__ import annotations

import asyncio
import time
from typing import Final

from aiohttp import web

from proxy.server import break_off
from proxy.way.headers import AnswerHead

# Above this much unsent, wait for the client: what it does not read must not fill the memory.
UNSENT: Final = 64 * 1024

_BODILESS: Final = frozenset((204, 304))


class Sink:
    """The client's side of an answer. The head leaves with the first piece, in one write.

    `can_add`: more bytes than the upstream announced can be written, or fewer.
    """

    __slots__ = (
        "_chunked",
        "_http",
        "_pending",
        "_transport",
        "can_add",
        "head_written_at",
        "is_bodiless",
        "keep",
        "pieces",
        "sent",
    )

    def __init__(
        self,
        http: web.BaseRequest,
        head: AnswerHead,
        *,
        keep: bool,
        tags: bytes,
        status: int,
        reason: str | None,
    ) -> None:
        """Raises CancelledError where the client has left."""
        if http.transport is None:
            raise asyncio.CancelledError
        self._http = http
        self._transport: asyncio.Transport = http.transport
        version = http.version
        self.is_bodiless = http.method == "HEAD" or status in _BODILESS
        self._chunked = not self.is_bodiless and head.length is None and version >= (1, 1)
        # Without a length, HTTP/1.0 ends a body with its connection.
        ends_with_connection = not self.is_bodiless and head.length is None and not self._chunked
        self.can_add = self._chunked or ends_with_connection
        self.keep = keep and not ends_with_connection
        self.head_written_at = 0.0  # time.monotonic()
        self.pieces = 0
        self.sent = 0  # body bytes
        phrase = (reason or "").encode("utf-8", "surrogateescape")
        self._pending = [b"HTTP/1.%d %03d %b\r\n" % (version.minor, status, phrase), *head.lines]
        if tags:
            self._pending.append(tags)
        if not self.keep:
            self._pending.append(b"Connection: close\r\n")
        elif version < (1, 1):
            self._pending.append(b"Connection: keep-alive\r\n")
        if self._chunked:
            self._pending.append(b"Transfer-Encoding: chunked\r\n")
        self._pending.append(b"\r\n")

    def write(self, data: bytes, *, last: bool = False) -> None:
        """One write for all that is at hand; `last` ends the body. An empty piece sends the head, if that is still here."""
        pending = self._pending
        if data:
            self.pieces += 1
            self.sent += len(data)
            if self._chunked:
                pending += (b"%x\r\n" % len(data), data, b"\r\n0\r\n\r\n" if last else b"\r\n")
            else:
                pending.append(data)
        elif last and self._chunked:
            pending.append(b"0\r\n\r\n")
        if not pending:
            return
        self._transport.write(pending[0] if len(pending) == 1 else b"".join(pending))
        if not self.head_written_at:
            self.head_written_at = time.monotonic()
        self._pending = []

    @property
    def is_full(self) -> bool:
        """Whether the client has to read before more is written."""
        return self._transport.get_write_buffer_size() > UNSENT

    async def drain(self) -> None:
        await self._http.writer.drain()

    def break_off(self) -> None:
        """Ends the answer so that nobody takes it for whole."""
        self.write(b"")
        self.keep = False
        break_off(self._http)
