"""An answer whose head has come, and the connection that its body comes on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Final

import aiohttp
from aiohttp import StreamReader
from aiohttp.connector import Connection
from aiohttp.http import RawResponseMessage

from proxy.client.connections import Protocol

_CLOSED: Final = aiohttp.ClientConnectionError("closed here")


class Reply:
    """What aiohttp's own response would be, without what a proxy never asks of it: cookies, charsets, history, traces.

    Its connection serves again once the body has come whole; `close` gives both up.
    """

    __slots__ = ("_protocol", "_upload", "connection", "content", "headers", "raw_headers", "reason", "status")

    def __init__(
        self,
        message: RawResponseMessage,
        content: StreamReader,
        connection: Connection,
        protocol: Protocol,
        upload: asyncio.Task[None] | None,
    ) -> None:
        self.status: int = message.code
        self.reason: str = message.reason
        self.headers: Mapping[str, str] = message.headers
        self.raw_headers = message.raw_headers
        self.content = content
        self.connection: Connection | None = connection
        self._protocol = protocol
        self._upload = upload
        if self.status != 101:
            content.on_eof(self._ended)

    def _ended(self) -> None:
        connection = self.connection
        if connection is None:
            return
        self.connection = None
        protocol = self._protocol
        protocol.listener = None
        protocol.heard = False
        if self._upload is not None and not self._upload.done():  # answered before the request was read to its end
            self._upload.cancel()
            connection.close()
        elif protocol.is_sending:  # or sent: the next one would wait behind it
            connection.close()
        else:
            connection.release()

    def listen(self, listener: Callable[[], None]) -> None:
        """Has `listener` called whenever something has come for the body's reader, until the body is over or closed."""
        if self.connection is not None:  # else it may serve another call already
            self._protocol.listener = listener

    def close(self) -> None:
        """Whoever still reads the body is told. A body that has come whole has left its connection already."""
        if self.content.exception() is None:
            self.content.set_exception(_CLOSED)
        if self._upload is not None:
            self._upload.cancel()
        connection, self.connection = self.connection, None
        if connection is not None:
            self._protocol.listener = None
            connection.close()
