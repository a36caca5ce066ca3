"""What any proxy on aiohttp costs at least: a pass-through as an expert would write it, which looks at nothing.

`python -m bench.bare --listen 127.0.0.1:9300 --upstream http://127.0.0.1:9100`. Tuned as far as the public interfaces
allow: low-level server, small bodies read and written at once, no cookies, no headers of its own, ready-made URLs, uvloop,
and the accepting and collecting of the proxy, so that the two differ in what they do for a call and in nothing else.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
from typing import Final

from aiohttp import ClientResponse, ClientSession, ClientTimeout, DummyCookieJar, TCPConnector, web
from multidict import CIMultiDict
from yarl import URL

from proxy import collector
from proxy.accepting import Acceptor
from proxy.loop import run_loop

SMALL: Final = 1 << 20
HOP_BY_HOP: Final = frozenset(
    b"connection keep-alive proxy-authenticate proxy-authorization te trailers transfer-encoding upgrade host".split()
)


class PassThrough:
    """Passes each request to one upstream, and its answer back."""

    def __init__(self, upstream: str) -> None:
        self._upstream = upstream
        self._urls: dict[str, URL] = {}
        self._session = ClientSession(
            connector=TCPConnector(limit=0, keepalive_timeout=75),
            auto_decompress=False,
            cookie_jar=DummyCookieJar(),
            skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
            timeout=ClientTimeout(total=None),
        )

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        data = None
        if request.body_exists:
            length = request.content_length
            data = request.content if length is None or length > SMALL else await request.read()
        async with self._session.request(
            request.method,
            self._url(request.raw_path),
            headers=_passed(request.raw_headers),
            data=data,
            allow_redirects=False,
        ) as answer:
            headers = _passed(answer.raw_headers)
            length = answer.content_length
            if length is not None and length <= SMALL:
                return web.Response(status=answer.status, headers=headers, body=await answer.read())
            return await _streamed(request, answer, headers, is_chunked=length is None)

    def _url(self, target: str) -> URL:
        url = self._urls.get(target)
        if url is None:
            url = self._urls[target] = URL(self._upstream + target, encoded=True)
        return url


async def _streamed(
    request: web.BaseRequest, answer: ClientResponse, headers: CIMultiDict[str], *, is_chunked: bool
) -> web.StreamResponse:
    response = web.StreamResponse(status=answer.status, headers=headers)
    if is_chunked:
        response.enable_chunked_encoding()
    await response.prepare(request)
    async for piece in answer.content.iter_any():
        await response.write(piece)
    await response.write_eof()
    return response


def _passed(raw: tuple[tuple[bytes, bytes], ...]) -> CIMultiDict[str]:
    passed: CIMultiDict[str] = CIMultiDict()
    for name, value in raw:
        if name.lower() not in HOP_BY_HOP:
            passed.add(name.decode("latin-1"), value.decode("latin-1"))
    return passed


async def serve(host: str, port: int, upstream: str, *, workers: int) -> int:
    server = web.Server(PassThrough(upstream).handle, access_log=None, keepalive_timeout=75)
    await Acceptor(server).start(host, port, reuse_port=workers > 1)
    collector.settle()
    await asyncio.Event().wait()
    return 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--listen", required=True)
    parser.add_argument("--upstream", required=True)
    parser.add_argument("--workers", type=int, default=1)
    args = parser.parse_args()
    host, _, port = args.listen.rpartition(":")
    logging.getLogger("aiohttp").disabled = True
    logging.getLogger("aiohttp.server").disabled = True  # clients that leave when their time is over
    for _ in range(args.workers - 1):
        if os.fork() == 0:
            break
    run_loop(serve(host, int(port), args.upstream, workers=args.workers))


if __name__ == "__main__":
    main()
