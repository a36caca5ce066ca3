"""Error events behind good ones: they pass as they are, and logs and metrics say what they meant and how far the stream had come."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.stream.good import ANTHROPIC, CHAT, GEMINI, RESPONSES
from tests.way.test_streams import HEAD, LAST, chunk, data, unchunked
from tests.wire import Connection, Request, port_of, post, proxied

OPENAI = data({"error": {"message": "The engine is currently overloaded", "type": "engine_overloaded_error"}})
FAILED = b"event: response.failed\n" + data(
    {
        "type": "response.failed",
        "sequence_number": 4,
        "response": {
            "id": "resp_1",
            "status": "failed",
            "error": {"code": "server_is_overloaded", "message": "Our servers are currently overloaded."},
        },
    }
)
MESSAGE = b"event: error\n" + data({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}})
GOOGLE = data({"error": {"code": 503, "message": "The model is overloaded.", "status": "UNAVAILABLE"}})

# A path, its good stream, and an error event as that dialect has it.
DIALECTS = {
    "chat": ("/v1/chat/completions", "chat_completions", CHAT, OPENAI),
    "responses": ("/v1/responses", "responses", RESPONSES, FAILED),
    "anthropic": ("/v1/messages", "messages", ANTHROPIC, MESSAGE),
    "gemini": ("/v1beta/models/m:streamGenerateContent?alt=sse", "gemini_generate", GEMINI, GOOGLE),
}


@pytest.mark.parametrize("name", DIALECTS)
async def test_how_far_the_stream_had_come_is_told(name: str, caplog: pytest.LogCaptureFixture) -> None:
    path, endpoint, good, error = DIALECTS[name]
    eol = b"\r\n\r\n" if b"\r\n\r\n" in good else b"\n\n"
    before = [event + eol for event in good.split(eol)[:2]]
    arrived = asyncio.Event()

    async def script(connection: Connection, _: Request) -> None:
        await connection.send(HEAD)
        for event in before:
            await connection.send(chunk(event))
            await asyncio.wait_for(arrived.wait(), 2)
            arrived.clear()
        await connection.send(chunk(error), LAST)

    async with proxied(script) as (service, _):
        reader, writer = await asyncio.open_connection("127.0.0.1", port_of(service))
        writer.write(post(target=path))
        received = b""
        for event in before:
            received += await asyncio.wait_for(reader.readuntil(event + b"\r\n"), 2)
            arrived.set()
        received += await asyncio.wait_for(reader.readuntil(LAST), 2)
        writer.close()
        scraped = service.reporter.scrape("")[0].decode()
    assert unchunked(received).startswith(b"".join(before) + error + b": llm-error class=overloaded ")

    (facts,) = told(caplog)
    assert facts["class"] == "overloaded"
    assert facts["source"] == "upstream"
    assert (facts["stream_chunks"], facts["stream_bytes"]) == (len(before), len(b"".join(before)))
    assert 0 <= facts["stream_quiet_s"] < 1
    assert 'stream_failures_total{kind="error_event",upstream="up"} 1.0' in scraped
    assert f'requests_total{{endpoint="{endpoint}",outcome="broken",upstream="up"}} 1.0' in scraped
    counted = f'error_class="overloaded",reason="{facts["reason"]}",source="upstream",upstream="up"}} 1.0'
    assert counted in scraped


async def test_an_end_that_is_none_is_told_so_too(caplog: pytest.LogCaptureFixture) -> None:
    """How long it had been silent, where that is what ended it."""
    first = CHAT.split(b"\n\n")[0] + b"\n\n"

    async def script(connection: Connection, _: Request) -> None:
        await connection.send(HEAD, chunk(first))
        await connection.gone(5)

    async with proxied(script, stream={"idle_timeout": "100ms"}) as (service, _):
        reader, writer = await asyncio.open_connection("127.0.0.1", port_of(service))
        writer.write(post())
        await asyncio.wait_for(reader.readuntil(LAST), 2)
        writer.close()
    (facts,) = told(caplog)
    assert (facts["reason"], facts["stream_chunks"], facts["stream_bytes"]) == ("stream_idle", 1, len(first))
    assert facts["stream_quiet_s"] >= 0.1


def told(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    return [vars(record)["facts"] for record in caplog.records if record.getMessage() == "stream failed"]
