"""How an answer goes out: whole, or broken in one of the ways in which real ones break."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Mapping, Sequence
from typing import Final

from aiohttp import web

from proxy.demo.scenario import How

PAGE: Final = (
    b"<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body><h1>502 Bad Gateway</h1></body>\r\n</html>"
)


async def send(
    request: web.Request,
    pieces: Sequence[bytes],
    headers: Mapping[str, str],
    *,
    how: How = How.ANSWER,
    pace_s: float = 0.0,
    sized: bool = False,
) -> web.StreamResponse:
    """Sends the pieces as they are, a `pace_s` apart; `how` may break off in the middle, `sized` tells the length."""
    response = web.StreamResponse(headers=headers)
    if sized:
        response.content_length = sum(map(len, pieces))
    await response.prepare(request)
    middle = len(pieces) // 2
    is_broken = how in (How.BREAK, How.END_EARLY, How.STALL)
    for piece in pieces[:middle] if is_broken else pieces:
        await response.write(piece)
        await asyncio.sleep(pace_s)
    if how is How.BREAK:
        await response.write(pieces[middle][: len(pieces[middle]) // 2])
    if how is How.STALL:
        await asyncio.Event().wait()  # the client's leaving cancels it
    if how is How.BREAK and request.transport is not None:
        request.transport.close()  # without the last chunk, or with the length unmet
        return response
    await response.write_eof()
    return response


def hang_up(request: web.Request) -> web.StreamResponse:
    """Resets the connection; `abort` alone would end it in good order."""
    transport = request.transport
    if transport is not None:
        raw = transport.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
    return web.Response()


def page() -> web.Response:
    return web.Response(status=502, body=PAGE, content_type="text/html")
