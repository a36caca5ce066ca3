"""Good streams through a real proxy, those too that look as if something were wrong: byte for byte, and never too late."""

from __future__ import annotations

import asyncio
import socket
from urllib.parse import urlsplit

import httpx2
import pytest

from proxy.model import Dialect
from tests.journeys.streams.cutting import STREAMS, Cutting
from tests.stream.good import ODD, RECORDED, Good
from tests.wire import Connection, Request, port_of, post, proxied

PATHS = {
    Dialect.OPENAI_CHAT: "/v1/chat/completions",
    Dialect.RESPONSES: "/v1/responses",
    Dialect.ANTHROPIC: "/v1/messages",
    Dialect.GEMINI: "/v1beta/models/m:streamGenerateContent",
    None: "/v1/audio/speech",
}
# Streams whose end is good because the operator says so have a test of their own, with that setting.
NAMES = [name for name, good in STREAMS.items() if not good.ends_at_eof]


@pytest.mark.parametrize("name", NAMES)
def test_byte_for_byte(cut: Cutting, name: str) -> None:
    good = STREAMS[name]
    url = cut.url(name, len(good.text), "clean") + PATHS[good.dialect]
    answer = httpx2.post(url, json={})
    assert answer.status_code == 200
    assert answer.content == good.text
    assert [header for header in answer.headers if header.startswith("x-llm")] == []


@pytest.mark.parametrize("name", [name for name in NAMES if STREAMS[name].text and name != "comments-of-no-known-path"])
def test_on_a_generation_path_too(cut: Cutting, name: str) -> None:
    """The events tell what a stream is: a good one is good on whatever path it comes."""
    good = STREAMS[name]
    url = cut.url(name, len(good.text), "clean") + PATHS[good.dialect or Dialect.OPENAI_CHAT]
    assert httpx2.post(url, json={}).content == good.text


@pytest.mark.parametrize("name", NAMES)
def test_to_http10(cut: Cutting, name: str) -> None:
    good = STREAMS[name]
    url = urlsplit(cut.url(name, len(good.text), "clean") + PATHS[good.dialect])
    with socket.create_connection((url.hostname, url.port), timeout=5) as client:
        client.sendall(f"POST {url.path} HTTP/1.0\r\nContent-Length: 2\r\n\r\n{{}}".encode())
        received = b"".join(iter(lambda: client.recv(65536), b""))
    assert received.partition(b"\r\n\r\n")[2] == good.text


@pytest.mark.parametrize("good", RECORDED, ids=lambda good: good.name)
async def test_each_event_arrives_before_the_next_is_sent(good: Good) -> None:
    marks = [b"}\n,", b"}\n]"] if good.is_array else [b"\r\n\r\n", b"\n\n"]
    ends = sorted({at + (1 if good.is_array else len(mark)) for mark in marks for at in _places(good.text, mark)} - {0})
    arrived = asyncio.Event()

    async def script(connection: Connection, _: Request) -> None:
        kind = b"application/json" if good.is_array else b"text/event-stream"
        head = b"HTTP/1.1 200 OK\r\nContent-Type: %b\r\nTransfer-Encoding: chunked\r\n\r\n" % kind
        await connection.send(head)
        for start, end in zip([0, *ends], [*ends, len(good.text)], strict=True):
            if start == end:
                break
            piece = good.text[start:end]
            await connection.send(b"%x\r\n%b\r\n" % (len(piece), piece))
            if end in ends:
                await asyncio.wait_for(arrived.wait(), 2)
                arrived.clear()
        await connection.send(b"0\r\n\r\n")

    assert len(ends) >= 3
    async with proxied(script) as (service, _):
        reader, writer = await asyncio.open_connection("127.0.0.1", port_of(service))
        writer.write(post(target=PATHS[good.dialect]))
        for start, end in zip([0, *ends], ends, strict=False):
            # Its own bytes, however they are framed: a comma between two objects comes with the second.
            await asyncio.wait_for(reader.readuntil(good.text[start:end][-20:]), 2)
            arrived.set()
        await asyncio.wait_for(reader.readuntil(b"0\r\n\r\n"), 2)
        writer.close()


def _places(text: bytes, mark: bytes) -> list[int]:
    return [at for at in range(len(text)) if text.startswith(mark, at)]


def test_the_corpus_is_what_it_was_written_for() -> None:
    assert len(STREAMS) == len(RECORDED) + len(ODD)
