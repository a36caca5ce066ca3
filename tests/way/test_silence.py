"""Streams that fall silent: what silence ends says so in its own dialect, and what it does not end passes once, byte for byte."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import Any

import pytest

from tests.stream.good import ANTHROPIC, CHAT, GEMINI, GEMINI_ARRAY, RESPONSES
from tests.way.test_streams import LAST, chunk, unchunked
from tests.wire import Connection, Request, port_of, post, proxied, talk

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
OTHER = (b'data: {"progress": 1}\n\n', b'data: {"progress": 2}\n\n')
HI = (
    b'data: {"id": "1", "object": "chat.completion.chunk", "choices": [{"index": 0, "delta": {"content": "Hi"}}]}\n\n',
    b'data: {"id": "1", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}\n\ndata: [DONE]\n\n',
)
TOLD = {"class": "timeout", "reason": "stream_idle", "session": "reset"}
COMMENT = b": llm-error class=timeout reason=stream_idle retry=true session=reset\n"


@dataclass(frozen=True)
class Route:
    path: str
    text: bytes
    mark: bytes  # ends an event
    words: bytes  # stand in its error
    name: bytes = b""  # of the error's event, where such have one
    ping: bytes = b": ping\n\n"
    kind: bytes = b"text/event-stream"

    @property
    def head(self) -> bytes:
        return b"HTTP/1.1 200 OK\r\nContent-Type: %b\r\nTransfer-Encoding: chunked\r\n\r\n" % self.kind

    def events(self, count: int) -> bytes:
        """The first ones, whole."""
        return b"".join(event + self.mark for event in self.text.split(self.mark)[:count])


GENERATE = "/v1beta/models/m:streamGenerateContent"
FAILED = b'{"type":"response.failed","sequence_number":2,"response":{"id":"resp_1",'
ROUTES = {
    "chat": Route("/v1/chat/completions", CHAT, b"\n\n", b'{"error":{"message":'),
    "responses": Route("/v1/responses", RESPONSES, b"\n\n", FAILED, b"event: response.failed\n"),
    "anthropic": Route(
        "/v1/messages",
        ANTHROPIC,
        b"\n\n",
        b'{"type":"error","error":{',
        b"event: error\n",
        b'event: ping\ndata: {"type": "ping"}\n\n',
    ),
    "gemini": Route(GENERATE + "?alt=sse", GEMINI, b"\r\n\r\n", b'"status":"DEADLINE_EXCEEDED"'),
}
ARRAY = Route(GENERATE, GEMINI_ARRAY, b"}\n,\r\n", b'"status":"DEADLINE_EXCEEDED"', kind=b"application/json")


async def silenced(route: Route, sent: bytes, *, pings: bool = False) -> tuple[bytes, str]:
    """What the client gets of a stream that falls silent, or goes on with pings, and what was counted."""

    async def script(connection: Connection, _: Request) -> None:
        await connection.send(route.head, *([chunk(sent)] if sent else []))
        while pings:
            await connection.send(chunk(route.ping), pause_s=0.05)
        assert await connection.gone(5)

    async with proxied(script, stream={"idle_timeout": "150ms", "hold": "50ms"}) as (service, _):
        reader, writer = await asyncio.open_connection("127.0.0.1", port_of(service))
        writer.write(post(target=route.path))
        received = await asyncio.wait_for(reader.readuntil(LAST), 4)
        writer.close()
        return unchunked(received).removesuffix(b"<end>"), service.reporter.scrape("")[0].decode()


def error_in(frame: bytes, name: bytes) -> dict[str, Any]:
    """What an error frame holds; fails where there is more than it and its comment."""
    assert frame.startswith(name + b"data: {")
    told, _, comment = frame[len(name) + 6 :].partition(b"\n\n")
    assert comment == COMMENT
    body: dict[str, Any] = json.loads(told)
    return body


@pytest.mark.parametrize("half", [0, 9], ids=["behind an event", "in the middle of one"])
@pytest.mark.parametrize("name", ROUTES)
async def test_silence_ends_a_stream_in_its_own_dialect(name: str, half: int) -> None:
    route = ROUTES[name]
    good = route.events(2)
    body, scraped = await silenced(route, route.text[: len(good) + half])
    assert body.startswith(good)
    assert route.words in body[len(good) :]
    assert TOLD.items() <= error_in(body[len(good) :], route.name)["error"].items()
    assert 'stream_failures_total{kind="stream_idle",upstream="up"} 1.0' in scraped
    assert 'error_class="timeout",reason="stream_idle",source="transport",upstream="up"} 1.0' in scraped


@pytest.mark.parametrize("name", ROUTES)
async def test_pings_are_no_data_in_any_dialect(name: str) -> None:
    route = ROUTES[name]
    good = route.events(2)
    body, _ = await silenced(route, good, pings=True)
    pings, _, error = body.removeprefix(good).rpartition(route.ping)
    assert (pings + route.ping).replace(route.ping, b"") == b""
    assert TOLD.items() <= error_in(error, route.name)["error"].items()


@pytest.mark.parametrize("sent", [b"", b": hello\n\n"], ids=["nothing", "a comment"])
@pytest.mark.parametrize("name", ROUTES)
async def test_silence_from_the_beginning(name: str, sent: bytes) -> None:
    """Nothing has told a dialect: the path does. Before there is a response none can have failed."""
    route = ROUTES[name]
    body, _ = await silenced(route, sent)
    is_responses = name == "responses"
    error = error_in(body.removeprefix(sent), b"event: error\n" if is_responses else route.name)
    assert TOLD.items() <= error["error"].items()
    if is_responses:
        assert (error["type"], error["sequence_number"]) == ("error", 0)


@pytest.mark.parametrize("half", [0, 9], ids=["behind an object", "in the middle of one"])
async def test_silence_leaves_an_array_open_behind_its_error(half: int) -> None:
    good = ARRAY.events(2)
    body, scraped = await silenced(ARRAY, ARRAY.text[: len(good) + half])
    *objects, error = json.loads(body + b"]")
    assert objects == json.loads(ARRAY.text)[:2]
    assert TOLD.items() <= error["error"].items()
    assert ARRAY.words in body
    assert b"llm-error" not in body
    assert 'stream_failures_total{kind="stream_idle",upstream="up"} 1.0' in scraped


async def test_an_array_that_never_began() -> None:
    body, _ = await silenced(ARRAY, b"")
    (error,) = json.loads(body + b"]")
    assert TOLD.items() <= error["error"].items()


@pytest.mark.parametrize("route", [*ROUTES.values(), ARRAY], ids=[*ROUTES, "array"])
async def test_silence_behind_the_end_is_none(route: Route) -> None:
    """An upstream that keeps its connection open after all has been said."""
    body, scraped = await silenced(route, route.text)
    assert body == route.text
    assert 'kind="stream_idle",upstream="up"} 0.0' in scraped


@pytest.mark.parametrize(
    ("target", "events", "mode"),
    [("/v1/progress", OTHER, "act"), ("/v1/progress", OTHER, "observe"), ("/v1/chat/completions", HI, "observe")],
)
async def test_what_came_before_the_silence_is_not_said_twice(
    target: str, events: tuple[bytes, ...], mode: str
) -> None:
    async def script(connection: Connection, _: Request) -> None:
        await connection.send(HEAD, *events, pause_s=0.2)
        connection.close()

    async with proxied(script, mode=mode, stream={"idle_timeout": "50ms"}) as (service, _):
        received = await talk(service, post(b"{}", target, "Connection: close"), quiet_s=1.0)
    assert [received.count(event) for event in events] == [1, 1]
