"""Observe mode changes nothing: what a provider hears and what a client hears are what the other one said, tags apart.

A tap on the wire between proxy and provider hears every byte there. Each way to fail of the built-in provider is played
in each dialect, whole and streamed. Names of headers are compared without their case, hop-by-hop ones not at all.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, Final

import aiohttp
import pytest

from proxy.app import Service
from proxy.demo.provider import Provider
from proxy.demo.scenario import SCENARIOS
from tests.provider import Ending, Message, _framing_of_answer, _framing_of_request, _parse, dial

ASKED: Final = [{"role": "user", "content": "Good day?"}]
CALL: Final = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
ORPHAN: Final = [*ASKED, {"role": "assistant", "tool_calls": [CALL]}, *ASKED]
PICTURE: Final = "data:image/png;base64,iVBORw0KGgo="
IMAGE: Final = [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": PICTURE}}]}]
SPECIAL: Final = {"fail-orphan-tool-call": ORPHAN, "text-only": IMAGE}

# Everything that could act is on: observing is what keeps it from acting.
ACTING: Final[Mapping[str, Any]] = {
    "mode": "observe",
    "history": "heal",
    "gate": "on",
    "stream": {"heartbeat": "20ms", "idle_timeout": "100ms", "hold": "50ms"},
}

COMPAT: Final = {"budget_status": 402, "error_in_200": "status", "annotate": True}

HOP_BY_HOP: Final = {b"connection", b"keep-alive", b"transfer-encoding", b"host"}
TAGS: Final = b"x-llm-"
QUIET_S: Final = 0.3


@dataclass
class Tap:
    """A connection to the provider, and all that went over it."""

    asked: bytearray = field(default_factory=bytearray)
    answered: bytearray = field(default_factory=bytearray)
    ending: Ending = ""


@contextlib.asynccontextmanager
async def tapped(provider: Provider) -> AsyncIterator[tuple[str, list[Tap]]]:
    """An address before the provider, and what is heard there, a connection each."""
    taps: list[Tap] = []
    host, _, port = provider.url.removeprefix("http://").partition(":")

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tap = Tap()
        taps.append(tap)
        up_reader, up_writer = await asyncio.open_connection(host, int(port))

        async def up() -> None:
            while piece := await reader.read(65536):
                tap.asked += piece
                up_writer.write(piece)

        async def down() -> None:
            while piece := await up_reader.read(65536):
                tap.answered += piece
                writer.write(piece)
            tap.ending = "eof"

        ways = [asyncio.create_task(up()), asyncio.create_task(down())]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            if ways[1].done() and ways[1].exception() is not None:
                tap.ending = "reset"
                writer.transport.abort()
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            up_writer.close()
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", taps
    finally:
        server.close()
        await asyncio.sleep(0)


def requests() -> Iterator[Any]:
    """Each scenario in each form: name, path, body."""
    for name in ("good", *SCENARIOS):
        messages = SPECIAL.get(name, ASKED)
        for streams in (False, True):
            how = "streamed" if streams else "whole"
            chat = {"model": name, "messages": messages, "stream": streams}
            stale = {"previous_response_id": "resp_old"} if name == "fail-session-expired" else {}
            yield pytest.param("/v1/chat/completions", chat, name, id=f"chat-{how}-{name}")
            yield pytest.param("/v1/messages", chat | {"max_tokens": 9}, name, id=f"messages-{how}-{name}")
            responses = {"model": name, "input": "Good day?", "stream": streams} | stale
            yield pytest.param("/v1/responses?a=%2F", responses, name, id=f"responses-{how}-{name}")
            verb = "streamGenerateContent?alt=sse" if streams else "generateContent"
            contents = {"contents": [{"role": "user", "parts": [{"text": "Good day?"}]}]}
            yield pytest.param(f"/v1beta/models/{name}:{verb}", contents, name, id=f"gemini-{how}-{name}")
        array = f"/v1beta/models/{name}:streamGenerateContent"
        yield pytest.param(array, {"contents": [{"role": "user", "parts": [{"text": "Hi"}]}]}, name, id=f"array-{name}")


@pytest.mark.parametrize(("path", "asked", "name"), [*requests()])
async def test_both_sides_hear_what_the_other_one_said(
    provider: Provider,
    proxied: Callable[..., AbstractAsyncContextManager[Service]],
    path: str,
    asked: dict[str, Any],
    name: str,
) -> None:
    body = json.dumps(asked).encode()
    raw = b"\r\n".join(
        (
            b"POST %b HTTP/1.1" % path.encode(),
            b"Host: proxy",
            b"Content-Type: application/json",
            b"Authorization: Bearer sk-of-nobody",
            b"User-Agent: Test/1 (any; bytes)",
            b"X-Stainless-Retry-Count: 0",
            b"traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            b"Accept: */*",
            b"Accept-Encoding: identity",
            b"Content-Length: %d" % len(body),
            b"",
            body,
        )
    )
    async with (
        tapped(provider) as (url, taps),
        proxied(url, upstreams=[{"name": "provider", "url": url, "compat": COMPAT}], **ACTING) as service,
        dial(service.data_url) as client,
    ):
        await client.send(raw)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(QUIET_S if name == "fail-stall" else 5):
                await client.answer("POST")
        received = answer_of(bytes(client.received), client.ending or "eof")
    [tap] = taps  # one attempt, and nobody else was called
    sent, heard = request_of(raw), request_of(bytes(tap.asked))
    assert (heard.start, heard.body) == (sent.start, sent.body)
    assert comparable(heard) == comparable(sent)
    assert received is not None
    said = answer_of(bytes(tap.answered), tap.ending or "eof")
    if said is None:  # the provider hung up: without the proxy there would be no answer at all
        assert name == "fail-network"
        assert received.text("x-llm-error-class") == "network"
        return
    assert (received.start, received.body, received.whole) == (said.start, said.body, said.whole)
    assert comparable(received) == comparable(said)


@pytest.mark.parametrize(
    ("name", "what", "words"),
    [
        ("fail-overloaded", "retry", "retried a call once"),
        ("fail-early-end", "write_event", "written an error into a stream once"),
        ("fail-stall", "end_stream", "ended a silent stream once"),
        ("fail-orphan-tool-call", "repair", "mended a history once"),
    ],
)
async def test_what_would_have_been_done_is_counted_and_said_in_a_sentence(
    provider: Provider,
    proxied: Callable[..., AbstractAsyncContextManager[Service]],
    name: str,
    what: str,
    words: str,
) -> None:
    asked = {"model": name, "messages": SPECIAL.get(name, ASKED), "stream": True}
    async with proxied(provider.url, **ACTING) as service, aiohttp.ClientSession() as session:
        with contextlib.suppress(TimeoutError):
            async with (
                asyncio.timeout(QUIET_S if name == "fail-stall" else 5),
                session.post(f"{service.data_url}/v1/chat/completions", json=asked) as answer,
            ):
                await answer.read()
        async with session.get(f"{service.admin_url}/status") as page:
            status = await page.text()
        scraped = service.reporter.scrape("")[0].decode()
    assert f'would_total{{upstream="provider",what="{what}"}} 1.0' in scraped
    [sentence] = re.findall(r"Observe mode: the proxy only watches\. It would have [^<]*\.", status)
    assert words in sentence.replace("&#39;", "'")


def answer_of(raw: bytes, ending: Ending) -> Message | None:
    return _parse(raw, lambda head: _framing_of_answer(head, "POST"), ending) if raw else None


def request_of(raw: bytes) -> Message:
    message = _parse(raw, _framing_of_request, "eof")
    assert message is not None
    return message


def comparable(message: Message) -> list[tuple[bytes, bytes]]:
    named = [(name.lower(), value) for name, value in message.headers]
    return [(name, value) for name, value in named if name not in HOP_BY_HOP and not name.startswith(TAGS)]
