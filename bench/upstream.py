"""upstream.c's stand-in where no compiler is: the same answers, slower. `python -m bench.upstream PORT`."""

from __future__ import annotations

import asyncio
import itertools
import re
import sys
import time
from typing import Final

_MODEL: Final = re.compile(rb'"model":\s*"([^"]*)"')
_LENGTH: Final = re.compile(rb"\r\ncontent-length:\s*(\d+)", re.IGNORECASE)
_EVENT: Final = (
    b'data: {"id":"chatcmpl-0000000001","object":"chat.completion.chunk","created":1700000000,"model":"bench",'
    b'"choices":[{"index":0,"delta":%b,"logprobs":null,"finish_reason":%b}]}\n\n'
)
_EMPTY: Final = (
    b'{"error":{"message":"You exceeded your current quota, please check your plan and billing details%b.",'
    b'"type":"insufficient_quota","param":null,"code":"insufficient_quota"}}'
)
_CALLS: Final = itertools.count(1)
_UNKNOWN: Final = b'{"error":{"message":"no such model","code":"model_not_found"}}'


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            length = _LENGTH.search(head)
            body = await reader.readexactly(int(length[1])) if length else b""
            model = _MODEL.search(body)
            await answer(writer, model[1].decode() if model else "")
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


async def answer(writer: asyncio.StreamWriter, model: str) -> None:
    kind, _, size = model.partition("-")
    if kind != "stream" and "x" in size:
        size, _, wait_ms = size.partition("x")
        await asyncio.sleep(int(wait_ms) / 1000)
    match kind:
        case "json":
            writer.write(_whole(b"200 OK", completion(int(size))))
        case "error":
            anew = b", call %d" % next(_CALLS) if size.endswith("-anew") else b""
            writer.write(_whole(b"429 Too Many Requests", _EMPTY % anew))
        case "stream":
            chunks, _, gap_ms = size.partition("x")
            await stream(writer, int(chunks), int(gap_ms) / 1000)
        case _:
            writer.write(_whole(b"404 Not Found", _UNKNOWN))
    await writer.drain()


def completion(size: int) -> bytes:
    text = (b"a wise man once said that " * (size // 26 + 1))[: max(size, 512) - 320]
    return (
        b'{"id":"chatcmpl-0000000001","object":"chat.completion","created":1700000000,"model":"bench","choices":[{"index":0,'
        b'"message":{"role":"assistant","content":"%b"},"logprobs":null,"finish_reason":"stop"}],'
        b'"usage":{"prompt_tokens":10,"completion_tokens":100,"total_tokens":110}}' % text
    )


async def stream(writer: asyncio.StreamWriter, chunks: int, gap_s: float) -> None:
    writer.write(
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nCache-Control: no-cache\r\n"
        b"x-request-id: req_0000000001\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    loop = asyncio.get_running_loop()
    due = loop.time()
    for _ in range(chunks):
        await asyncio.sleep(max(0.0, due - loop.time()))
        due += gap_s
        writer.write(_chunk(_EVENT % (b'{"content":"t=%019d "}' % time.monotonic_ns(), b"null")))
    writer.write(_chunk(_EVENT % (b"{}", b'"stop"') + b"data: [DONE]\n\n") + b"0\r\n\r\n")


def _whole(status: bytes, body: bytes) -> bytes:
    head = (
        b"HTTP/1.1 %b\r\nContent-Type: application/json\r\nx-request-id: req_0000000001\r\nopenai-processing-ms: 1\r\n"
        b"Content-Length: %d\r\n\r\n"
    )
    return head % (status, len(body)) + body


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


async def main(port: int) -> None:
    server = await asyncio.start_server(serve, "127.0.0.1", port, backlog=4096, limit=1 << 21)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
