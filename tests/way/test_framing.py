"""Framing that clients, upstreams and attackers get wrong, on raw sockets: nothing is misread, nothing is smuggled."""

from __future__ import annotations

import hashlib

import pytest

from proxy.way import watched
from tests.wire import (
    OK,
    body_part,
    config,
    get,
    headers_of,
    post,
    proxied,
    request,
    running,
    status_of,
    talk,
    upstream,
)

SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"
CHUNKED = b"2\r\n{}\r\n0\r\n\r\n"


@pytest.mark.parametrize(
    "headers",
    [
        b"Content-Length: 4\r\nTransfer-Encoding: chunked",
        b"Transfer-Encoding: chunked\r\nContent-Length: 4",
        b"Transfer-Encoding: gzip, chunked",
        b"Transfer-Encoding: identity",
        b"Transfer-Encoding: xchunked",
        b"Transfer-Encoding: chunked, identity",
        b"Transfer-Encoding: chunked, chunked",
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
        b"Transfer-Encoding: chunked;q=1",
        b"Transfer-Encoding : chunked",
        b"Content-Length: 12\r\nContent-Length: 12",
        b"Content-Length: 12, 12",
        b"Content-Length: +12",
        b"X: y\nContent-Length: 12",
        b"X: y\r\n folded: z\r\nContent-Length: 12",
    ],
)
async def test_ambiguous_framing_is_refused_and_what_follows_it_is_not_a_request(headers: bytes) -> None:
    head = b"POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\n" + headers + b"\r\n\r\n"
    async with proxied(OK) as (service, up):
        received = await talk(service, head + CHUNKED + SMUGGLED)
    assert status_of(received) == 400
    assert received.count(b"HTTP/1.1 ") == 1
    assert up.requests == []


async def test_a_chunked_body_that_comes_with_its_head_obeys_the_limit_too() -> None:
    head = request("POST", "/v1/chat/completions", "Transfer-Encoding: chunked")
    async with proxied(OK, limits={"body_bytes": 1}) as (service, up):
        assert status_of(await talk(service, head + CHUNKED)) == 413
    assert up.requests == []


async def test_every_connection_header_of_an_answer_names_headers() -> None:
    answer = (
        b"HTTP/1.1 200 OK\r\nConnection: X-Hop\r\nConnection: keep-alive\r\nX-Hop: 1\r\nContent-Length: 2\r\n\r\nhi"
    )
    async with proxied(answer) as (service, _):
        assert await talk(service, get()) == b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"


@pytest.mark.parametrize(
    "head",
    [
        b"Content-Length: 2\r\nContent-Length: 2",
        b"Content-Length: 2\r\nTransfer-Encoding: chunked",
        b"X: a\rY: b\r\nContent-Length: 2",
    ],
)
async def test_an_answer_with_ambiguous_framing_is_no_answer(head: bytes) -> None:
    async with proxied(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n\r\nhi", retry={"max": 0}) as (service, _):
        received = await talk(service, get())
    assert (status_of(received), headers_of(received)["x-llm-error-reason"]) == (502, "bad_answer")


async def test_nobody_is_switched_to_a_protocol_that_was_not_asked_for() -> None:
    answer = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nxyz"
    async with proxied(answer, retry={"max": 0}) as (service, _):
        received = await talk(service, get())
    assert (status_of(received), headers_of(received)["x-llm-error-reason"]) == (502, "bad_answer")


async def test_a_status_below_all_others_is_no_interim_one() -> None:
    head = b"HTTP/1.1 099 Odd\r\nContent-Length: 2\r\n\r\n"
    async with proxied(head + b"{}") as (service, _):
        assert await talk(service, post()) == head + b"{}"


async def test_an_annotated_answer_has_one_framing() -> None:
    body = b'{"error":{"message":"slow down"}}'
    chunked = b"HTTP/1.1 429 No\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
    async with proxied(chunked, retry={"max": 0}, up={"compat": {"annotate": True}}) as (service, _):
        received = await talk(service, post())
    assert "transfer-encoding" not in headers_of(received)
    assert int(headers_of(received)["content-length"]) == len(body_part(received))
    assert b'"triage"' in received


async def test_an_http10_client_gets_no_interim_answer() -> None:
    head = request("POST", "/v1/chat/completions", "Content-Length: 2", "Expect: 100-continue", version="1.0")
    async with proxied(OK) as (service, _):
        assert (await talk(service, head, b"{}", pause_s=0.05)).startswith(b"HTTP/1.0 200 ")


async def test_an_origin_that_is_no_ascii_is_repeated_by_its_bytes() -> None:
    head = "OPTIONS /x HTTP/1.1\r\nHost: a\r\nOrigin: http://é\r\nAccess-Control-Request-Method: PUT\r\n\r\n".encode()
    async with proxied(OK, cors=["*"]) as (service, _):
        received = await talk(service, head)
    assert status_of(received) == 204
    assert "access-control-allow-origin: http://é".encode() in received


async def test_the_asterisk_form_goes_to_the_upstreams_own_path() -> None:
    async with upstream(OK) as up, running(config(f"{up.url}/base")) as service:
        assert status_of(await talk(service, request("OPTIONS", "*"))) == 200
    assert up.requests[0].line == b"OPTIONS /base HTTP/1.1"


async def test_a_bug_in_the_midst_of_an_answer_breaks_it_off(monkeypatch: pytest.MonkeyPatch) -> None:
    def bug(*_: object) -> None:
        raise RuntimeError("sk-secret")

    monkeypatch.setattr(watched, "_end", bug)
    stream = b'data: {"choices":[{"delta":{"content":"a"},"index":0}]}\n\n'
    answer = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: %d\r\n\r\n" % len(stream)
    async with proxied(answer + stream) as (service, _):
        received = await talk(service, post())
        assert b'reason="proxy_fault"' in service.reporter.scrape("")[0]
    assert received.count(b"HTTP/1.1 ") <= 1
    assert b"sk-secret" not in received


@pytest.mark.parametrize("carrier", ["Authorization: Bearer ck", "X-Api-Key: ck"])
async def test_a_client_key_that_is_sent_twice_is_forwarded_neither_time(carrier: str) -> None:
    clients = [{"name": "web", "sha256": hashlib.sha256(b"ck").hexdigest()}]
    async with proxied(OK, clients=clients) as (service, up):
        assert status_of(await talk(service, post(b"{}", "/v1/messages", "X-LLM-Key: ck", carrier))) == 200
    assert b"ck" not in up.requests[0].head.replace(b"check", b"")


async def test_a_refusal_speaks_the_dialect_of_the_upstream_that_the_call_was_for() -> None:
    up = {"provider": "anthropic", "require_credential": True}
    async with proxied(OK, up=up) as (service, _):
        received = await talk(service, get("/v1/files", "x-api-key: null"))
        assert (
            b'errors_total{error_class="auth",reason="missing_credential",source="proxy",upstream="up"} 1.0'
            in (service.reporter.scrape("")[0])
        )
    assert status_of(received) == 401
    assert body_part(received).startswith(b'{"type":"error"')
