"""The answer goes to the client: its head with whatever tags it has, its body as it comes.

The bytes are written here and not through aiohttp's response, which would add headers and re-encode values. What was
read in one piece goes out as one write.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final

import aiohttp
from aiohttp import web

from proxy.server import CLOSE, KEEP, break_off
from proxy.way.ask import Answered, rest_of
from proxy.way.headers import AnswerHead

# Above this much unsent, wait for the client: what it does not read must not fill the memory.
UNSENT: Final = 64 * 1024

_BODILESS: Final = frozenset((204, 304))
_NO_TAGS: Final = b""


@dataclass(slots=True)
class Delivered:
    """How an answer's way to the client ended."""

    response: web.StreamResponse
    head_written_at: float  # loop time
    whole: bool = True  # False: the body broke and was broken off in turn
    late: bool = False  # it broke because the call's total time was over
    chunks: int = 0
    sent: int = 0  # body bytes


def status_line(http: web.BaseRequest, status: int, reason: bytes) -> bytes:
    return b"HTTP/1.%d %d %b\r\n" % (http.version.minor, status, reason)


def connection_line(http: web.BaseRequest, *, keep: bool) -> bytes:
    """What has to be said of the connection: nothing where the version's default holds."""
    if http.version < (1, 1):
        return b"Connection: keep-alive\r\n" if keep else b"Connection: close\r\n"
    return b"" if keep else b"Connection: close\r\n"


async def deliver(
    http: web.BaseRequest,
    answered: Answered,
    head: AnswerHead,
    *,
    keep: bool,
    tags: bytes = _NO_TAGS,
    status: int | None = None,
    deadline: float | None = None,
) -> Delivered:
    """Writes the answer. Raises CancelledError where the client leaves; the upstream's connection is closed then.

    `tags` are finished header lines. `status` replaces the upstream's. `deadline` is the loop time when all must be over.
    """
    response = answered.response
    transport = http.transport
    if transport is None:
        response.close()
        raise asyncio.CancelledError
    status = response.status if status is None else status
    bodiless = http.method == "HEAD" or status in _BODILESS
    chunked = not bodiless and head.length is None and http.version >= (1, 1)
    if not bodiless and head.length is None and not chunked:
        keep = False  # the end of the connection is the end of the body
    reason = (response.reason or "").encode("utf-8", "surrogateescape")
    lines = [status_line(http, status, reason), *head.lines, tags, connection_line(http, keep=keep)]
    if chunked:
        lines.append(b"Transfer-Encoding: chunked\r\n")
    lines.append(b"\r\n")
    done = Delivered(KEEP if keep else CLOSE, 0.0)
    try:
        if bodiless:
            transport.write(b"".join(lines))
            done.head_written_at = asyncio.get_running_loop().time()
            response.release()
        elif deadline is None:
            await _relay(http, transport, answered, lines, done, chunked=chunked)
        else:
            async with asyncio.timeout_at(deadline):
                await _relay(http, transport, answered, lines, done, chunked=chunked)
    except TimeoutError:
        done.late = True
        _break(http, response, done)
    except BaseException:
        response.close()
        raise
    return done


async def _relay(
    http: web.BaseRequest,
    transport: asyncio.Transport,
    answered: Answered,
    lines: list[bytes],
    done: Delivered,
    *,
    chunked: bool,
) -> None:
    content = answered.response.content
    data = answered.first
    if not data and not answered.broke and not content.at_eof() and content.exception() is None:
        data = content.read_nowait(-1)
    ended = answered.ended or content.at_eof()
    broke = answered.broke
    write = transport.write
    while True:
        if data:
            done.chunks += 1
            done.sent += len(data)
            if chunked:
                lines += (b"%x\r\n" % len(data), data, b"\r\n0\r\n\r\n" if ended else b"\r\n")
            else:
                lines.append(data)
        elif ended and chunked:
            lines.append(b"0\r\n\r\n")
        if lines:
            write(lines[0] if len(lines) == 1 else b"".join(lines))
            if not done.head_written_at:
                done.head_written_at = asyncio.get_running_loop().time()
            lines = []
        if broke:
            _break(http, answered.response, done)
            return
        if ended:
            return
        if transport.get_write_buffer_size() > UNSENT:
            await http.writer.drain()  # type: ignore[attr-defined]  # on StreamWriter, not on its ABC
        try:
            data = await content.readany()
            ended = content.at_eof()
        except (aiohttp.ClientError, OSError):
            data = rest_of(content)
            broke = True


def _break(http: web.BaseRequest, response: aiohttp.ClientResponse, done: Delivered) -> None:
    response.close()
    break_off(http)
    done.whole = False
    done.response = CLOSE
