"""Observe mode: what passes is what the provider sent; what would have been done is counted."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from proxy.app import Service
from tests.wire import (
    OK,
    Connection,
    Request,
    body_part,
    config,
    headers_of,
    port_of,
    post,
    proxied,
    read_all,
    request,
    running,
    status_of,
    talk,
)

STEERING = {"x-should-retry", "retry-after", "retry-after-ms"}


def answer(body: bytes, status: str = "200 OK", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", "Content-Type: application/json", *headers, f"Content-Length: {len(body)}"]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def counted(service: Service, line: str) -> bool:
    return line.encode() in service.reporter.scrape("")[0]


def would(service: Service, what: str) -> bool:
    return counted(service, f'llm_triage_would_total{{upstream="up",what="{what}"}} 1.0')


async def test_a_failure_gets_tags_that_steer_nobody_and_what_the_provider_says_stays() -> None:
    refusal = answer(b'{"error":{"message":"slow down"}}', "429 No", "X-Should-Retry: false", "Retry-After: 3")
    async with proxied(refusal, mode="observe") as (service, up):
        received = await talk(service, post())
        assert would(service, "retry") is False  # the provider forbade it
    head, _, rest = refusal.partition(b"\r\n\r\n")
    assert received.startswith(head)
    assert body_part(received) == rest
    assert headers_of(received)["x-llm-error-class"] == "rate_limited"
    assert len(up.requests) == 1


async def test_a_retry_is_counted_and_not_made() -> None:
    async with proxied(answer(b"{}", "500 No"), mode="observe") as (service, up):
        received = await talk(service, post())
        assert would(service, "retry")
    assert not STEERING & set(headers_of(received))
    assert len(up.requests) == 1


async def test_the_proxys_own_answer_steers_nobody() -> None:
    async with running(config("http://127.0.0.1:1", mode="observe")) as service:
        received = await talk(service, post())
    assert (status_of(received), headers_of(received)["x-llm-error-reason"]) == (502, "refused")
    assert not STEERING & set(headers_of(received))


@pytest.mark.parametrize(
    ("sent", "settings", "what"),
    [
        (post(), {"up": {"require_credential": True}}, "refuse_credential"),
        (post(b"x" * 100), {"limits": {"body_bytes": 10}}, "refuse_size"),
        (
            request("POST", "/v1/chat/completions", "Transfer-Encoding: chunked") + b"c\r\nxxxxxxxxxxxx\r\n0\r\n\r\n",
            {"limits": {"body_bytes": 10}},
            "refuse_size",
        ),
    ],
    ids=["credential", "size", "chunked"],
)
async def test_what_would_be_refused_passes_and_is_counted(sent: bytes, settings: Any, what: str) -> None:
    async with proxied(OK, mode="observe", **settings) as (service, up):
        assert status_of(await talk(service, sent)) == 200
        assert would(service, what)
    assert len(up.requests) == 1


async def test_an_error_inside_a_200_is_counted_and_passes_as_it_came() -> None:
    hidden = answer(b'{"error":{"message":"no credit left","code":"insufficient_quota"}}')

    async def slowly(connection: Connection, _: Request) -> None:
        await connection.send(hidden[:-20], hidden[-20:], pause_s=0.05)

    for script in (hidden, slowly):
        async with proxied(script, mode="observe") as (service, _):
            assert await talk(service, post()) == hidden
            assert counted(service, 'error_class="budget_exhausted",reason="insufficient_quota"')
            assert not counted(service, 'outcome="ok"')


async def test_a_long_answer_is_not_kept_to_be_looked_at() -> None:
    body = b'{"error": {"message": "no credit left"}, "text": "' + b"x" * 300_000 + b'"}'
    chunked = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunked += b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
    async with proxied(chunked, mode="observe") as (service, _):
        assert len(body_part(await talk(service, post()))) > len(body)
        assert counted(service, 'requests_total{endpoint="chat_completions",outcome="ok",upstream="up"} 1.0')


EMPTY_ACCOUNT = b'{"error":{"message":"no credit left","code":"insufficient_quota"}}'
EVENT = answer(b"data: %b\n\n" % EMPTY_ACCOUNT).replace(b"application/json", b"text/event-stream")


@pytest.mark.parametrize(
    ("sent", "compat", "counts"),
    [
        (answer(EMPTY_ACCOUNT, "429 No"), {"budget_status": 402, "annotate": True}, {"change_status", "annotate"}),
        (answer(EMPTY_ACCOUNT), {"error_in_200": "status", "annotate": True}, {"change_status", "annotate"}),
        (answer(EMPTY_ACCOUNT), {"annotate": True}, {"annotate"}),
        (EVENT, {"error_in_200": "status", "annotate": True}, {"change_status"}),
        (answer(b"no money", "402 No"), {"budget_status": 402, "annotate": True}, set()),
        (answer(EMPTY_ACCOUNT, "429 No"), {}, set()),
    ],
    ids=["failure", "in-200", "in-200-annotated", "first-event", "is-as-asked", "off"],
)
async def test_compat_changes_nothing_and_is_counted(sent: bytes, compat: Any, counts: set[str]) -> None:
    async with proxied(sent, mode="observe", up={"compat": compat}) as (service, _):
        received = await talk(service, post())
        assert {what for what in ("change_status", "annotate") if would(service, what)} == counts
    assert status_of(received) == status_of(sent)
    assert body_part(received) == body_part(sent)


@pytest.mark.parametrize(("wait_ms", "beats"), [(300, True), (10, False)])
async def test_a_heartbeat_is_counted_where_a_retry_would_have_waited_for_long(wait_ms: int, beats: bool) -> None:
    busy = answer(b"{}", "503 No", f"Retry-After-Ms: {wait_ms}")
    asked = post(b'{"model":"m","stream":true,"messages":[]}')
    async with proxied(busy, mode="observe", stream={"heartbeat": "200ms"}) as (service, up):
        assert status_of(await talk(service, asked)) == 503
        assert would(service, "retry")
        assert would(service, "heartbeat") is beats
    assert len(up.requests) == 1


async def test_a_streams_head_goes_at_once_and_the_hold_is_counted() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    begun = asyncio.Event()

    async def script(connection: Connection, _: Request) -> None:
        await connection.send(head)
        await begun.wait()
        await connection.send(b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n")

    async with proxied(script, mode="observe") as (service, _):
        reader, writer = await asyncio.open_connection("127.0.0.1", port_of(service))
        writer.write(post())
        assert await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 2) == head
        begun.set()
        assert b"[DONE]" in await read_all(reader)
        assert would(service, "hold")
        writer.close()


async def test_comments_that_a_stream_would_have_got_are_counted() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    events = [
        b'data: {"object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":"Hel"}}]}\n\n',
        b'data: {"error":{"message":"Overloaded","type":"overloaded_error"}}\n\n',
    ]
    sent = [b"%x\r\n%b\r\n" % (len(event), event) for event in events]

    async def script(connection: Connection, _: Request) -> None:
        await connection.send(head, sent[0])
        await asyncio.sleep(0.3)
        await connection.send(sent[1], b"0\r\n\r\n")

    async with proxied(script, mode="observe", stream={"heartbeat": "200ms"}) as (service, _):
        received = await talk(service, post(), quiet_s=1.0)
        assert received == head + b"".join(sent) + b"0\r\n\r\n"
        assert would(service, "heartbeat")
        assert would(service, "comment")
