"""Streams that fall silent and go on: what silence does not end is passed once, byte for byte."""

from __future__ import annotations

import pytest

from tests.wire import Connection, Request, post, proxied, talk

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
OTHER = (b'data: {"progress": 1}\n\n', b'data: {"progress": 2}\n\n')
CHAT = (
    b'data: {"id": "1", "object": "chat.completion.chunk", "choices": [{"index": 0, "delta": {"content": "Hi"}}]}\n\n',
    b'data: {"id": "1", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}\n\ndata: [DONE]\n\n',
)


@pytest.mark.parametrize(
    ("target", "events", "mode"),
    [("/v1/progress", OTHER, "act"), ("/v1/progress", OTHER, "observe"), ("/v1/chat/completions", CHAT, "observe")],
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
