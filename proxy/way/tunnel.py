"""WebSockets: once both sides have switched protocols, bytes go both ways until either side ends."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from aiohttp import web

from proxy.client import Reply
from proxy.server import CLOSE
from proxy.way.headers import AnswerHead

UNSENT: Final = 256 * 1024


class _Pipe:
    """Takes what one side's protocol receives and writes it to the other side.

    *private*: this is the interface that aiohttp's protocols expect of a WebSocket reader (`set_parser`).
    """

    def __init__(self, source: asyncio.Transport, sink: asyncio.Transport) -> None:
        self._source = source
        self._sink = sink
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        if self._sink.is_closing():
            self.feed_eof()
            return False, b""
        self._sink.write(data)
        if self._sink.get_write_buffer_size() > UNSENT:
            self._source.pause_reading()
            asyncio.get_running_loop().call_later(0.01, self._resume)
        return False, b""

    def _resume(self) -> None:
        if self._source.is_closing() or self.ended.done():
            return
        if self._sink.get_write_buffer_size() > UNSENT:
            asyncio.get_running_loop().call_later(0.01, self._resume)
        else:
            self._source.resume_reading()

    def feed_eof(self) -> None:
        if not self.ended.done():
            self.ended.set_result(None)


def asks_for_upgrade(read: dict[str, str]) -> bool:
    """Whether the request wants to become a WebSocket: the only upgrade that is tunnelled."""
    return read.get("upgrade", "").lower() == "websocket" and "upgrade" in read.get("connection", "").lower()


async def tunnel(http: web.BaseRequest, response: Reply, head: AnswerHead) -> web.StreamResponse:
    """Passes a 101 on and carries bytes until one side ends."""
    connection: Any = response.connection
    client = http.transport
    if connection is None or connection.transport is None or client is None:
        response.close()
        return CLOSE
    upstream: asyncio.Transport = connection.transport
    reason = (response.reason or "").encode("utf-8", "surrogateescape")
    client.write(
        b"".join(
            (
                b"HTTP/1.1 101 %b\r\n" % reason,
                b"Connection: Upgrade\r\nUpgrade: websocket\r\n",
                *head.lines,
                b"\r\n",
            )
        )
    )
    up, down = _Pipe(client, upstream), _Pipe(upstream, client)
    lost = connection.protocol.closed  # resolves when the upstream's connection is gone, however it went
    try:
        http.protocol.set_parser(up)  # type: ignore[arg-type]  # see _Pipe
        connection.protocol.set_parser(down, None)
        waiting = [f for f in (up.ended, down.ended, lost) if f is not None]
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for future in waiting:
            if future.done() and not future.cancelled():
                future.exception()
        # What was already read from the ended side is still on its way out.
        for _ in range(100):
            if not (client.get_write_buffer_size() or upstream.get_write_buffer_size()):
                break
            await asyncio.sleep(0.01)
    finally:
        response.close()
    return CLOSE
