"""An error inside a good status, plain and compressed: tagged, retried by class, and its status changed where that is asked for."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable
from functools import partial

import brotli
import pytest
import zstandard

from tests.way.test_streams import DONE, GOOD, HEAD, LAST, chunk, data, unchunked
from tests.wire import Connection, Request, body_part, headers_of, post, proxied, status_of, talk

CODINGS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": partial(gzip.compress, mtime=0),
    "deflate": zlib.compress,
    "br": brotli.compress,
    "zstd": zstandard.compress,
}
EMPTY = {
    "error": {"message": "You exceeded your current quota", "type": "insufficient_quota", "code": "insufficient_quota"}
}
BUSY = {"error": {"message": "The engine is currently overloaded", "type": "engine_overloaded_error"}}
PATHS = {
    "chat": "/v1/chat/completions",
    "responses": "/v1/responses",
    "messages": "/v1/messages",
    "gemini": "/v1beta/models/m:generateContent",
    "embeddings": "/v1/embeddings",
}


def answer(body: bytes, coding: str = "") -> bytes:
    told = f"Content-Encoding: {coding}\r\n" if coding else ""
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n{told}Content-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def body_of(value: object) -> bytes:
    return data(value)[6:-2]


@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS)
@pytest.mark.parametrize("coding", ["", *CODINGS])
async def test_it_is_tagged_on_every_generation_path(path: str, coding: str) -> None:
    body = CODINGS.get(coding, bytes)(body_of(EMPTY))
    async with proxied(answer(body, coding)) as (service, up):
        received = await talk(service, post(target=path))
    assert status_of(received) == 200
    assert headers_of(received)["x-llm-error-class"] == "budget_exhausted"
    assert headers_of(received)["x-should-retry"] == "false"
    assert body_part(received) == body
    assert len(up.requests) == 1


@pytest.mark.parametrize("coding", CODINGS)
async def test_a_good_compressed_answer_passes_as_it_came(coding: str) -> None:
    body = CODINGS[coding](body_of({"choices": [{"message": {"content": '{"error": {"code": 1}}'}}], "error": None}))
    async with proxied(answer(body, coding)) as (service, _):
        assert await talk(service, post()) == answer(body, coding)


@pytest.mark.parametrize("coding", ["", *CODINGS])
async def test_it_is_retried_by_class(coding: str) -> None:
    tries: list[Request] = []
    pack = CODINGS.get(coding, bytes)

    async def script(connection: Connection, request: Request) -> None:
        tries.append(request)
        await connection.send(answer(pack(body_of(BUSY if len(tries) == 1 else {"id": "x"})), coding))

    async with proxied(script, retry={"base": "10ms"}) as (service, _):
        received = await talk(service, post())
    assert headers_of(received)["x-llm-retries"] == "1"
    assert body_part(received) == pack(body_of({"id": "x"}))


@pytest.mark.parametrize("coding", ["", *CODINGS])
async def test_a_streams_first_event(coding: str) -> None:
    head = HEAD.replace(b"\r\n\r\n", b"\r\nContent-Encoding: %b\r\n\r\n" % coding.encode()) if coding else HEAD
    body = CODINGS.get(coding, bytes)(data(EMPTY) + DONE)

    async def script(connection: Connection, _: Request) -> None:
        await connection.send(head, chunk(body), LAST)

    async with proxied(script, up={"compat": {"budget_status": 402, "error_in_200": "status"}}) as (service, _):
        received = await talk(service, post())
    assert status_of(received) == 402
    assert headers_of(received)["x-llm-error-class"] == "budget_exhausted"
    assert unchunked(received) == body + b"<end>"


@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize("end", ["clean", "reset"])
async def test_a_compressed_stream_is_broken_off_wherever_it_ends(coding: str, end: str) -> None:
    head = HEAD.replace(b"\r\n\r\n", b"\r\nContent-Encoding: %b\r\n\r\n" % coding.encode())
    packed = CODINGS[coding](b"".join(GOOD[:2]))

    async def script(connection: Connection, _: Request) -> None:
        await connection.send(head, chunk(packed), pause_s=0.02)
        if end == "clean":
            await connection.send(LAST)
        else:
            connection.reset()

    async with proxied(script) as (service, _):
        received = await talk(service, post())
    assert unchunked(received) == packed
    assert not received.endswith(LAST)


@pytest.mark.parametrize("coding", CODINGS)
async def test_a_whole_compressed_stream_passes_in_any_pieces(coding: str) -> None:
    head = HEAD.replace(b"\r\n\r\n", b"\r\nContent-Encoding: %b\r\n\r\n" % coding.encode())
    packed = CODINGS[coding](b"".join(GOOD))

    async def script(connection: Connection, _: Request) -> None:
        await connection.send(head, *(chunk(packed[at : at + 7]) for at in range(0, len(packed), 7)), LAST)

    async with proxied(script) as (service, _):
        assert unchunked(await talk(service, post())) == packed + b"<end>"
