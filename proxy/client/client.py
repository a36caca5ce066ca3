"""One attempt on one upstream: a request goes out, an answer's head comes in.

Built on aiohttp's connector, protocol, parser and writer; its session is left out. What that does besides (cookies,
redirects, traces, encodings, a request and a response object for each call) is nothing that a proxy may do; what leaving
it out wins stands in docs/performance.md.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import aiohttp
from aiohttp import ClientRequest, ClientTimeout, hdrs
from aiohttp.connector import Connection
from aiohttp.http import StreamWriter
from aiohttp.http_exceptions import HttpProcessingError
from multidict import CIMultiDict
from yarl import URL

from proxy.client.broke import Broke, reason_of
from proxy.client.connections import Connector, Progress, Protocol
from proxy.client.reply import Reply

_INTERIM: Final = 100
_SWITCHED: Final = 101
_FINAL: Final = 200
_BODILESS: Final = frozenset((hdrs.METH_GET, hdrs.METH_HEAD, hdrs.METH_OPTIONS, hdrs.METH_TRACE))


class Client:
    """Calls one upstream. Nothing is followed, kept, inflated or added on the way."""

    def __init__(self, origin: URL, *, connect_s: float, ca: Path | None = None, proxy: str | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        self._connector = Connector.of(ca)
        self._timeout = ClientTimeout(total=None, connect=connect_s or None)
        # What the connector wants to know of a request is the same for all: where it goes, and through what.
        self._peer = ClientRequest(
            "GET", origin, loop=self._loop, proxy=None if proxy is None else URL(proxy), ssl=True
        )
        self._key = self._peer.connection_key
        # A forward proxy is told the whole address, but where TLS hides the request from it.
        self._told_address = str(origin.origin()) if proxy is not None and not self._peer.is_ssl() else ""

    async def request(
        self,
        method: str,
        target: str,
        headers: CIMultiDict[str],
        data: bytes | AsyncIterator[bytes] | None,
        progress: Progress,
    ) -> Reply | Broke:
        """One attempt: the answer's head has come, or it broke. `target` goes out as it stands."""
        connection: Connection | None = None
        upload: asyncio.Task[None] | None = None
        try:
            connection = await self._connector.connection(self._peer, self._key, self._timeout, progress)
            protocol = progress.protocol
            assert protocol is not None
            protocol.await_answer(skips_body=method == hdrs.METH_HEAD)
            if self._told_address:
                target, headers = self._told_address + target, self._with_authorization(headers)
            writer = StreamWriter(protocol, self._loop)
            line = f"{method} {target} HTTP/1.1"
            if data is None or isinstance(data, bytes):
                if hdrs.CONTENT_LENGTH not in headers and (data or method not in _BODILESS):
                    headers = headers.copy()
                    headers[hdrs.CONTENT_LENGTH] = str(len(data or b""))
                await writer.write_headers(line, headers)
                if data:
                    # In one write with the head. Nobody waits until all is gone: the answer may come before.
                    await writer.write(data, drain=False)
                writer.set_eof()
            else:
                upload = await self._upload(line, headers, data, writer, protocol)
            message, content = await protocol.read()
            while _INTERIM <= message.code < _FINAL and message.code != _SWITCHED:
                message, content = await protocol.read()
            return Reply(message, content, connection, protocol, upload)
        except (aiohttp.ClientError, HttpProcessingError, OSError, TimeoutError) as exc:
            _give_up(connection, upload)
            return Broke(reason_of(exc), progress.connected, progress.is_stale)
        except BaseException:
            _give_up(connection, upload)
            raise

    async def close(self) -> None:
        await self._connector.close()

    def _with_authorization(self, headers: CIMultiDict[str]) -> CIMultiDict[str]:
        """aiohttp's connector leaves what the forward proxy asks for at the request that it was given."""
        told = self._peer.headers.get(hdrs.PROXY_AUTHORIZATION)
        if told is not None:
            headers = headers.copy()
            headers[hdrs.PROXY_AUTHORIZATION] = told
        return headers

    async def _upload(
        self,
        line: str,
        headers: CIMultiDict[str],
        pieces: AsyncIterator[bytes],
        writer: StreamWriter,
        protocol: Protocol,
    ) -> asyncio.Task[None]:
        """The head goes at once, the body as it comes, beside the waiting for an answer."""
        if hdrs.CONTENT_LENGTH not in headers:
            headers = headers.copy()
            headers[hdrs.TRANSFER_ENCODING] = "chunked"
            writer.enable_chunking()
        await writer.write_headers(line, headers)
        writer.send_headers()
        return self._loop.create_task(_send(pieces, writer, protocol))


async def _send(pieces: AsyncIterator[bytes], writer: StreamWriter, protocol: Protocol) -> None:
    """An upload that breaks, on either side, breaks the call: whoever awaits the answer is told."""
    try:
        async for piece in pieces:
            await writer.write(piece)
        await writer.write_eof()
    except (aiohttp.ClientError, OSError) as exc:
        protocol.set_exception(exc)
    except Exception:  # noqa: BLE001 - of the client's side; the body knows what it was
        protocol.set_exception(aiohttp.ClientConnectionError())


def _give_up(connection: Connection | None, upload: asyncio.Task[None] | None) -> None:
    if upload is not None:
        upload.cancel()
    if connection is not None:
        connection.close()
