"""Bodies that no dialect of ours describes: a good framing's end is their end, and what breaks is never ended as if it were whole."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import pytest

from tests.stream.good import ODD
from tests.way.test_streams import LAST, chunk, unchunked
from tests.wire import (
    Connection,
    Request,
    Script,
    body_part,
    headers_of,
    port_of,
    proxied,
    read_all,
    request,
    talk,
)

_TEXTS = {good.name: good.text for good in ODD}
_PROGRESS = (
    b'id: 1\nevent: message\ndata: {"jsonrpc":"2.0","method":"notifications/progress","params":{"progress":1}}\n\n'
)
_TOOL = b'{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"no such method"}}'
_LINES = b'{"event_type":"stream-start","is_finished":false}\n{"event_type":"stream-end","is_finished":true}\n'
EVENTS = b"text/event-stream"


@dataclass(frozen=True)
class Kind:
    path: str
    kind: bytes
    body: bytes


KINDS = {
    "Cohere's chat": Kind("/v2/chat", EVENTS, _TEXTS["Cohere"]),
    "NDJSON": Kind("/api/chat", b"application/x-ndjson", b'{"message":{"content":"a"},"done":false}\n{"done":true}\n'),
    "NDJSON that ends in an error": Kind("/api/generate", b"application/x-ndjson", b'{"response":"a"}\n{"error":"eof"}\n'),
    "JSON in lines": Kind("/v1/chat", b"application/jsonl", _LINES),
    "JSON in lines, as Spring calls it": Kind("/v1/chat", b"application/stream+json;charset=UTF-8", _LINES),
    "speech": Kind("/v1/audio/speech", b"audio/mpeg", b"ID3\x04\x00" + bytes(range(256)) * 8 + b"\r\n0\r\n\r\n"),
    "speech as events": Kind("/v1/audio/speech", EVENTS, _TEXTS["speech"]),
    "MCP as events": Kind("/mcp", EVENTS, _PROGRESS + _TEXTS["a tool's error over MCP"]),
    "MCP as JSON": Kind("/mcp", b"application/json", _TOOL),
    "a file": Kind("/v1/files/f/content", b"application/octet-stream", bytes(range(256)) * 300),
    "an archive that is coded": Kind("/v1/files/z/content", b"application/zip\r\nContent-Encoding: br", b"\x8b\x00\x80x\x03" * 20),
    "a stream of events that nobody can decode": Kind("/v2/chat", b"text/event-stream\r\nContent-Encoding: x", b"\x00\x01" * 50),
}  # fmt: skip

FRAMINGS = ("chunked", "length", "close")
BREAKS = [
    ("chunked", "close"),
    ("chunked", "reset"),
    ("chunked", "nonsense"),
    ("length", "close"),
    ("length", "reset"),
    ("close", "reset"),  # a body that the connection's end ends has no other break
]


def head_of(kind: Kind, framing: str) -> bytes:
    frame = {
        "chunked": b"Transfer-Encoding: chunked",
        "length": b"Content-Length: %d" % len(kind.body),
        "close": b"Connection: close",
    }
    return b"HTTP/1.1 200 OK\r\nContent-Type: %b\r\n%b\r\n\r\n" % (kind.kind, frame[framing])


def whole(kind: Kind, framing: str) -> Script:
    """All of it, in two pieces."""
    pieces = kind.body[: len(kind.body) // 2], kind.body[len(kind.body) // 2 :]

    async def script(connection: Connection, _: Request) -> None:
        await connection.send(head_of(kind, framing))
        for piece in pieces:
            await connection.send(chunk(piece) if framing == "chunked" else piece, pause_s=0.01)
        if framing == "chunked":
            await connection.send(LAST)
        elif framing == "close":
            connection.close()

    return script


@pytest.mark.parametrize("framing", FRAMINGS)
@pytest.mark.parametrize("name", KINDS)
async def test_a_good_end_is_the_end(name: str, framing: str) -> None:
    kind = KINDS[name]
    asks = [
        request("POST", kind.path, "Content-Length: 0", "Connection: close", version=version)
        for version in ("1.1", "1.0")
    ]
    async with proxied(whole(kind, framing)) as (service, up):
        answer, old = [await talk(service, ask, quiet_s=2) for ask in asks]
        scraped = service.reporter.scrape("")[0].decode()
    if framing == "length":
        assert headers_of(answer)["content-length"] == headers_of(old)["content-length"] == str(len(kind.body))
        assert body_part(answer) == kind.body
    else:
        assert unchunked(answer) == kind.body + b"<end>"
    assert body_part(old) == kind.body
    assert b"x-llm" not in answer
    assert len(up.requests) == 2
    assert 'outcome="ok",upstream="up"} 2.0' in scraped
    assert 'kind="truncated_body",upstream="up"} 0.0' in scraped


@pytest.mark.parametrize("version", ["1.0", "1.1"])
@pytest.mark.parametrize(("framing", "how"), BREAKS)
@pytest.mark.parametrize("name", KINDS)
async def test_what_breaks_is_broken_off(name: str, framing: str, how: str, version: str) -> None:
    """Towards HTTP/1.0, which takes the connection's end for the body's, by a reset."""
    kind = KINDS[name]
    part = kind.body[: len(kind.body) * 3 // 4]
    passed = part[: part.rindex(b"\n\n") + 2] if kind.kind == EVENTS else part  # the half event waits for its rest
    arrived = asyncio.Event()

    async def script(connection: Connection, _: Request) -> None:
        await connection.send(head_of(kind, framing) + (chunk(part) if framing == "chunked" else part))
        await asyncio.wait_for(arrived.wait(), 2)
        match how:
            case "close":
                connection.close()
            case "reset":
                connection.reset()
            case _:
                await connection.send(b"no chunk\r\n")
                await connection.gone()

    async with proxied(script) as (service, _):
        reader, writer = await asyncio.open_connection("127.0.0.1", port_of(service))
        writer.write(request("POST", kind.path, "Content-Length: 0", version=version))
        received = b""
        while passed[-20:] not in received:
            received += await asyncio.wait_for(reader.read(65536), 2)
        arrived.set()
        received += await read_all(reader, quiet_s=2)
        writer.close()
        scraped = service.reporter.scrape("")[0].decode()
    ended_by_reset = received.endswith(b"<RST>")
    assert ended_by_reset == (version == "1.0")
    received = received.removesuffix(b"<RST>")
    if version == "1.1" and framing != "length":
        assert unchunked(received) == part
    else:
        assert body_part(received) == part
        assert framing != "length" or headers_of(received)["content-length"] == str(len(kind.body))
    assert 'stream_failures_total{kind="truncated_body",upstream="up"} 1.0' in scraped
