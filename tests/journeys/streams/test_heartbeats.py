"""Heartbeats between events, behind `id:` lines too, are nothing to the official clients."""

from __future__ import annotations

import re

import pytest

from tests.journeys.streams.cutting import STREAMS
from tests.journeys.streams.test_every_byte import ASYNC_CLIENTS, read_async
from tests.wire import Connection, Request, post, proxied, talk


@pytest.mark.parametrize("name", ASYNC_CLIENTS)
async def test_clients_read_on(name: str) -> None:
    text = STREAMS[name].text
    events = [b"id: %d\n%b\n\n" % (number, event) for number, event in enumerate(text.split(b"\n\n")[:-1])]
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"

    async def script(connection: Connection, _: Request) -> None:
        await connection.send(head)
        for event in events:
            await connection.send(b"%x\r\n%b\r\n" % (len(event), event), pause_s=0.07)
        await connection.send(b"0\r\n\r\n")

    async with proxied(script) as (service, _), ASYNC_CLIENTS[name](service.data_url) as client:
        without = await read_async(name, client)
    async with proxied(script, stream={"heartbeat": "20ms"}) as (service, _):
        async with ASYNC_CLIENTS[name](service.data_url) as client:
            read = await read_async(name, client)
        path = {"chat": "/chat/completions", "responses": "/responses", "anthropic": "/v1/messages"}[name]
        raw = await talk(service, post(target=path), quiet_s=0.5)
    assert read == without
    assert read.error is None
    assert len(re.findall(rb"^:\r?$", raw, re.MULTILINE)) >= len(events)
