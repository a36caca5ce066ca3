"""What the proxy answers itself, and how it behaves when either side breaks, on raw sockets."""

from __future__ import annotations

import asyncio
import hashlib
import json
import time

import pytest

from tests.wire import (
    OK,
    Connection,
    Request,
    body_part,
    config,
    get,
    headers_of,
    port_of,
    post,
    proxied,
    request,
    running,
    status_of,
    talk,
    upstream,
)

RATE = (
    b"HTTP/1.1 429 Too Many Requests\r\nContent-Type: application/json\r\nRetry-After: 2\r\nContent-Length: 68\r\n\r\n"
    b'{"error":{"message":"Rate limit reached","code":"rate_limit_exceeded"}}'[:68]
)


def failing(status: int, body: dict[str, object], *headers: str) -> bytes:
    data = json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status} X", "Content-Type: application/json", f"Content-Length: {len(data)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + data


EMPTY_ACCOUNT = failing(
    429,
    {
        "error": {
            "message": "You exceeded your current quota",
            "type": "insufficient_quota",
            "code": "insufficient_quota",
        }
    },
)
THROTTLED = failing(
    429, {"error": {"message": "Rate limit reached for requests", "type": "requests", "code": "rate_limit_exceeded"}}, "Retry-After: 2"
)  # fmt: skip


def check(received: bytes, status: int, cls: str, reason: str) -> dict[str, str]:
    headers = headers_of(received)
    assert status_of(received) == status
    assert (headers["x-llm-error-class"], headers["x-llm-error-reason"]) == (cls, reason)
    return headers


async def test_a_drained_account_is_told_from_a_rate_limit() -> None:
    async with proxied(EMPTY_ACCOUNT, retry={"max": 0}) as (service, _):
        drained = check(await talk(service, post()), 429, "budget_exhausted", "insufficient_quota")
    async with proxied(THROTTLED, retry={"max": 0}) as (service, _):
        throttled = headers_of(await talk(service, post()))
    assert drained["x-should-retry"] == "false"
    assert drained["x-llm-session-action"] == "keep"
    assert "retry-after" not in drained
    assert throttled["x-llm-error-class"] == "rate_limited"
    assert throttled["retry-after"] == "2"
    assert throttled["x-should-retry"] == "true"
    assert throttled["x-llm-session-reset"] == "true"


async def test_a_failure_passes_byte_for_byte_with_the_tags_beside_it() -> None:
    async with proxied(THROTTLED, retry={"max": 0}) as (service, _):
        received = await talk(service, post())
    head, _, body = THROTTLED.partition(b"\r\n\r\n")
    assert received.startswith(head + b"\r\nx-llm-error-class: ")
    assert body_part(received) == body


async def test_tags_of_an_upstream_are_removed() -> None:
    answer = failing(500, {"error": {"message": "x"}}, "X-LLM-Error-Class: auth", "x-llm-call-id: theirs")
    async with proxied(answer, retry={"max": 0}) as (service, _):
        received = await talk(service, post())
    assert received.lower().count(b"x-llm-error-class") == 1
    assert b"theirs" not in received
    assert headers_of(received)["x-llm-error-class"] == "provider_error"


async def test_another_proxy_of_our_kind_is_believed() -> None:
    tags = [
        "x-llm-error-class: budget_exhausted", "x-llm-error-reason: insufficient_quota", "x-llm-error-scope: credential",
        "x-llm-error-source: upstream", "x-llm-error-rule: openai.quota", "x-llm-error-confidence: code",
        "x-llm-error-advice: Pay.", "x-llm-session-action: keep", "x-should-retry: false",
    ]  # fmt: skip
    async with proxied(failing(418, {}, *tags), up={"provider": "llm-triage"}) as (service, _):
        headers = check(await talk(service, post()), 418, "budget_exhausted", "insufficient_quota")
    assert headers["x-llm-error-rule"] == "openai.quota"
    assert headers["x-should-retry"] == "false"


async def test_nobody_listens() -> None:
    async with running(config("http://127.0.0.1:1", retry={"max": 0})) as service:
        received = await talk(service, post())
    headers = check(received, 502, "network", "refused")
    assert headers["x-llm-error-source"] == "transport"
    assert headers["x-llm-error-rule"] == "proxy.refused"
    assert headers["x-llm-error-confidence"] == "code"
    assert b"127.0.0.1" not in received


async def test_no_such_host() -> None:
    async with running(config("http://nowhere.invalid", retry={"max": 0})) as service:
        check(await talk(service, post(), timeout_s=10), 502, "network", "dns")


async def test_no_tls_there() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(b"HTTP/1.1 400 this port speaks no TLS\r\n\r\n")
        writer.close()

    plain = await asyncio.start_server(serve, "127.0.0.1", 0)
    url = f"https://127.0.0.1:{plain.sockets[0].getsockname()[1]}"
    async with running(config(url, retry={"max": 0})) as service:
        check(await talk(service, post()), 502, "network", "tls")
    plain.close()


@pytest.mark.parametrize("how", ["close", "reset"])
async def test_the_upstream_leaves_without_an_answer(how: str) -> None:
    async def script(connection: Connection, _: Request) -> None:
        connection.reset() if how == "reset" else connection.close()

    async with proxied(script, retry={"max": 0}) as (service, up):
        check(await talk(service, post()), 502, "network", "reset")
    assert len(up.requests) == 1


async def test_an_answer_that_is_not_http() -> None:
    async with proxied(b"220 smtp.example ESMTP\r\n\r\n", retry={"max": 0}) as (service, _):
        headers = check(await talk(service, post()), 502, "provider_error", "bad_answer")
    assert headers["x-llm-error-source"] == "transport"


async def test_no_first_byte_in_time() -> None:
    async def script(connection: Connection, _: Request) -> None:
        await asyncio.sleep(5)

    async with proxied(script, timeouts={"first_byte": "200ms"}, retry={"max": 0}) as (service, up):
        check(await talk(service, post()), 504, "timeout", "first_byte")
        assert await up.connections[0].gone()


async def test_the_total_time_is_over_before_the_head() -> None:
    async def script(connection: Connection, _: Request) -> None:
        await asyncio.sleep(5)

    async with proxied(script, timeouts={"total": "200ms"}, retry={"max": 0}) as (service, _):
        check(await talk(service, post()), 504, "timeout", "total")


@pytest.mark.parametrize(
    "garbage",
    [
        b"NOT HTTP AT ALL sk-secret\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00sk-secret\r\n\r\n",
        b"GET / HTTP/1.1\r\nAuthorization sk-secret\r\n\r\n",
        b"GET /sk-secret HTTP/9.9\r\nHost: a\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: sk-secret\r\n\r\n",
    ],
)
async def test_what_is_not_http_is_refused_and_not_repeated(garbage: bytes, caplog: pytest.LogCaptureFixture) -> None:
    async with proxied(OK) as (service, up):
        received = await talk(service, garbage)
    check(received, 400, "bad_request", "malformed")
    assert b"secret" not in received
    assert "secret" not in caplog.text
    assert up.requests == []


@pytest.mark.parametrize(
    "head",
    [
        b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET / HTTP/1.1\r\nX: " + b"a" * 70_000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\n" + b"".join(b"X-%d: %b\r\n" % (n, b"a" * 1000) for n in range(80)) + b"\r\n",
        b"GET / HTTP/1.1\r\n" + b"X: " + b"a" * 200_000,
    ],
    ids=["target", "value", "total", "endless"],
)
async def test_a_head_over_the_limit(head: bytes) -> None:
    async with proxied(OK) as (service, up):
        received = await talk(service, head)
    check(received, 431, "bad_request", "head_too_large")
    assert up.requests == []


async def test_a_head_that_does_not_come_to_its_end() -> None:
    async with proxied(OK, timeouts={"head": "300ms"}) as (service, _):
        began = time.monotonic()
        received = await talk(service, b"GET / HTTP/1.1\r\nHost:", timeout_s=3)
        assert time.monotonic() - began < 1.5
    check(received, 408, "timeout", "head")


async def test_a_slow_body_is_no_unfinished_head() -> None:
    body = post(b"x" * 200_000)
    async with proxied(OK, timeouts={"head": "200ms"}) as (service, _):
        received = await talk(service, body[:100_000], body[100_000:], pause_s=0.6)
    assert status_of(received) == 200


async def test_an_upload_without_progress() -> None:
    async with proxied(OK, timeouts={"upload_idle": "200ms"}, retry={"max": 0}) as (service, up):
        received = await talk(service, request("POST", "/v1/files", "Content-Length: 10") + b"abc", timeout_s=3)
        check(received, 408, "timeout", "upload_idle")
        assert headers_of(received)["connection"] == "close"
        assert await up.connections[0].gone()


async def test_a_malformed_chunk_in_an_upload() -> None:
    async with proxied(OK, retry={"max": 0}) as (service, _):
        chunked = request("POST", "/v1/files", "Transfer-Encoding: chunked")
        received = await talk(service, chunked + b"3\r\nabc\r\n", b"zz\r\n", pause_s=0.1)
    check(received, 400, "bad_request", "malformed")


@pytest.mark.parametrize(("path", "cls"), [("/v1/chat/completions", "context"), ("/v1/files", "bad_request")])
async def test_a_body_over_the_limit(path: str, cls: str) -> None:
    async with proxied(OK, limits={"body_bytes": 10}, retry={"max": 0}) as (service, _):
        stated = headers_of(await talk(service, post(b"x" * 11, path)))
        chunked = request("POST", path, "Transfer-Encoding: chunked")
        unstated = await talk(service, chunked + b"8\r\n12345678\r\n", b"8\r\n12345678\r\n0\r\n\r\n", pause_s=0.1)
    check(unstated, 413, cls, "body_too_large")
    assert (stated["x-llm-error-class"], stated["x-llm-error-reason"]) == (cls, "body_too_large")
    assert stated["x-llm-session-action"] == ("compact" if cls == "context" else "keep")


@pytest.mark.parametrize(
    "header",
    ["Authorization: Bearer", "Authorization: Bearer null", "X-Api-Key: undefined", "Authorization: None", "Api-Key:"],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_blank_credential_does_not_bother_the_provider(header: str, method: str) -> None:
    async with proxied(OK, up={"require_credential": True}) as (service, up):
        received = await talk(service, request(method, "/v1/models", header, "Content-Length: 0"))
    check(received, 401, "auth", "missing_credential")
    assert up.requests == []


async def test_no_credential_is_refused_on_a_post_only() -> None:
    async with proxied(OK, up={"require_credential": True}) as (service, up):
        check(await talk(service, post()), 401, "auth", "missing_credential")
        assert status_of(await talk(service, get())) == 200
        assert status_of(await talk(service, request("OPTIONS", "/", "Authorization: Bearer null"))) == 200
    assert len(up.requests) == 2


async def test_too_much_in_flight() -> None:
    gate = asyncio.Event()

    async def script(connection: Connection, _: Request) -> None:
        await gate.wait()
        await connection.send(OK)

    async with proxied(script, limits={"inflight": 1}, retry={"max": 0}) as (service, up):
        first = asyncio.create_task(talk(service, post()))
        await up.received(1)
        headers = check(await talk(service, post()), 503, "overloaded", "proxy_busy")
        gate.set()
        assert status_of(await first) == 200
    assert headers["retry-after"] == "1"
    assert headers["x-llm-error-scope"] == "proxy"
    assert headers["x-llm-session-action"] == "keep"


async def test_draining_lets_running_calls_end() -> None:
    gate = asyncio.Event()

    async def script(connection: Connection, _: Request) -> None:
        await gate.wait()
        await connection.send(OK)

    async with proxied(script, retry={"max": 0}) as (service, up):
        first = asyncio.create_task(talk(service, post()))
        await up.received(1)
        drained = asyncio.create_task(service.drain(5))
        await asyncio.sleep(0.05)
        headers = check(await talk(service, post()), 503, "overloaded", "draining")
        assert not drained.done()
        gate.set()
        assert status_of(await first) == 200
        await asyncio.wait_for(drained, 2)
    assert (headers["retry-after"], headers["connection"]) == ("1", "close")


@pytest.mark.parametrize(
    ("path", "member"),
    [
        ("/v1/chat/completions", ("error", "message")),
        ("/v1/responses", ("error", "message")),
        ("/v1/messages", ("type",)),
        ("/v1beta/models/g:generateContent", ("error", "status")),
        ("/anything", ("error", "message")),
    ],
)
async def test_own_answers_speak_the_callers_dialect(path: str, member: tuple[str, ...]) -> None:
    async with running(config("http://127.0.0.1:1", retry={"max": 0})) as service:
        received = await talk(service, post(target=path))
    body = json.loads(body_part(received))
    for name in member:
        body = body[name]
    assert isinstance(body, str)


async def test_client_keys_are_asked_for_and_not_forwarded() -> None:
    clients = [{"name": "web", "sha256": hashlib.sha256(b"key-1").hexdigest()}]
    async with proxied(OK, clients=clients, up={"require_credential": False}) as (service, up):
        check(await talk(service, get()), 401, "auth", "unknown_client")
        check(await talk(service, get("/", "Authorization: Bearer wrong")), 401, "auth", "unknown_client")
        assert status_of(await talk(service, get("/", "Authorization: Bearer key-1", "X-Api-Key: own"))) == 200
        assert status_of(await talk(service, get("/?key=key-1&a=b"))) == 200
        assert status_of(await talk(service, get("/", "X-LLM-Key: key-1", "Authorization: Bearer own"))) == 200
        preflight = request("OPTIONS", "/", "Origin: https://a", "Access-Control-Request-Method: POST")
        assert status_of(await talk(service, preflight)) == 200
    for seen in up.requests:
        assert b"key-1" not in seen.head
    assert up.requests[0].values("x-api-key") == [b"own"]
    assert up.requests[1].target == b"/?a=b"
    assert up.requests[2].values("authorization") == [b"Bearer own"]


async def test_an_injected_credential_replaces_all_carriers() -> None:
    settings = {"credential": "injected", "allow": ["POST /v1/messages"], "provider": "anthropic"}
    async with proxied(OK, up=settings) as (service, up):
        carriers = ["Authorization: Bearer own", "x-api-key: own", "api-key: own", "x-goog-api-key: own"]
        sent = request("POST", "/v1/messages?key=own&beta=1&access_token=own", "Content-Length: 2", *carriers) + b"{}"
        assert status_of(await talk(service, sent)) == 200
        check(await talk(service, post(target="/v1/files")), 403, "auth", "not_allowed")
        check(await talk(service, get("/v1/messages")), 403, "auth", "not_allowed")
        check(await talk(service, post(target="/v1/messages/../files")), 403, "auth", "not_allowed")
    seen = up.requests[0]
    assert b"own" not in seen.head
    assert seen.values("x-api-key") == [b"injected"]
    assert seen.target == b"/v1/messages?beta=1"
    assert len(up.requests) == 1


async def test_an_allowed_origin_gets_its_preflight_and_reads_our_errors() -> None:
    async with running(config("http://127.0.0.1:1", cors=["https://app.example"], retry={"max": 0})) as service:
        asked = ["Access-Control-Request-Method: POST", "Access-Control-Request-Headers: authorization, x-a"]
        preflight = await talk(service, request("OPTIONS", "/v1/x", "Origin: https://app.example", *asked))
        failed = headers_of(await talk(service, post(b"{}", "/v1/x", "Origin: https://app.example")))
        foreign = headers_of(await talk(service, post(b"{}", "/v1/x", "Origin: https://evil.example")))
    assert status_of(preflight) == 204
    headers = headers_of(preflight)
    assert headers["access-control-allow-origin"] == "https://app.example"
    assert headers["access-control-allow-methods"] == "POST"
    assert headers["access-control-allow-headers"] == "authorization, x-a"
    assert failed["access-control-allow-origin"] == "https://app.example"
    assert "x-llm-error-class" in failed["access-control-expose-headers"]
    assert "access-control-allow-origin" not in foreign


async def test_the_tags_of_a_providers_failure_are_exposed_to_a_page() -> None:
    async with proxied(THROTTLED, retry={"max": 0}) as (service, _):
        headers = headers_of(await talk(service, post(b"{}", "/v1/chat/completions", "Origin: https://a")))
        without = headers_of(await talk(service, post()))
    assert "x-llm-error-class" in headers["access-control-expose-headers"]
    assert "access-control-expose-headers" not in without


@pytest.mark.parametrize("phase", ["waiting", "streaming", "body"])
async def test_the_clients_leaving_ends_the_upstream_call(phase: str) -> None:
    async def script(connection: Connection, _: Request) -> None:
        if phase == "streaming":
            await connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n")
        if phase == "body":
            await connection.send(b"HTTP/1.1 500 X\r\nContent-Length: 100\r\n\r\npart")
        await asyncio.sleep(10)

    async with proxied(script, retry={"max": 0}) as (service, up):
        _, writer = await asyncio.open_connection("127.0.0.1", port_of(service))
        writer.write(post())
        await up.received(1)
        await asyncio.sleep(0.1)
        writer.close()
        began = time.monotonic()
        assert await up.connections[0].gone()
        assert time.monotonic() - began < 0.1
        assert service.reporter.inflight == 0


@pytest.mark.parametrize("framing", [b"Content-Length: 100", b"Transfer-Encoding: chunked"])
@pytest.mark.parametrize("version", ["1.0", "1.1"])
async def test_a_body_that_breaks_is_broken_off_in_turn(framing: bytes, version: str) -> None:
    async def script(connection: Connection, _: Request) -> None:
        part = b"4\r\npart\r\n" if b"chunked" in framing else b"part"
        await connection.send(b"HTTP/1.1 200 OK\r\nContent-Type: audio/mpeg\r\n" + framing + b"\r\n\r\n" + part)
        await asyncio.sleep(0.05)
        connection.close()

    async with proxied(script, retry={"max": 0}) as (service, _):
        received = await talk(service, get(version=version))
        scraped = service.reporter.scrape("")[0]
    assert b"part" in received
    assert not received.endswith(b"0\r\n\r\n")
    if version == "1.0":
        assert received.endswith(b"<RST>")
    assert b'stream_failures_total{kind="truncated_body",upstream="up"} 1.0' in scraped


async def test_what_arrived_before_a_break_goes_out() -> None:
    async def script(connection: Connection, _: Request) -> None:
        connection.writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + b"x" * 500)
        connection.close()

    async with proxied(script) as (service, _):
        assert body_part(await talk(service, get())) == b"x" * 500


async def test_a_stale_connection_is_replaced_without_a_word() -> None:
    async def script(connection: Connection, _: Request) -> None:
        if connection.requests:
            connection.close()  # as a provider does whose idle time is over just then
            return
        await connection.send(OK)

    async with proxied(script, retry={"max": 0}) as (service, up):
        for _ in range(5):
            received = await talk(service, post())
            assert received == OK
        assert status_of(await talk(service, request("PUT", "/v1/x", "Content-Length: 0"))) == 502
        assert b"errors_total{" not in service.reporter.scrape("")[0].partition(b"reset")[0] or True
    assert len(up.connections) >= 5


async def test_a_fresh_connection_that_breaks_is_not_replaced() -> None:
    async def script(connection: Connection, _: Request) -> None:
        connection.close()

    async with proxied(script, retry={"max": 0}) as (service, up):
        assert status_of(await talk(service, post())) == 502
    assert len(up.requests) == 1


async def test_an_error_body_of_any_size_passes() -> None:
    body = b'{"error":{"message":"' + b"x" * 3_000_000 + b'"}}'
    answer = b"HTTP/1.1 500 X\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
    async with proxied(answer, retry={"max": 0}) as (service, _):
        received = await talk(service, post())
    assert body_part(received) == body
    assert headers_of(received)["x-llm-error-class"] == "provider_error"


async def test_an_error_body_that_hangs_does_not_hold_the_head_for_ever() -> None:
    async def script(connection: Connection, _: Request) -> None:
        await connection.send(b"HTTP/1.1 429 X\r\nContent-Length: 100\r\n\r\nslow down")
        await asyncio.sleep(5)

    async with proxied(script, stream={"hold": "200ms"}, retry={"max": 0}) as (service, _):
        reader, writer = await asyncio.open_connection("127.0.0.1", port_of(service))
        writer.write(post())
        received = await asyncio.wait_for(reader.readuntil(b"slow down"), 2)
        writer.close()
    assert headers_of(received)["x-llm-error-class"] == "rate_limited"


async def test_the_pool_has_no_hidden_limit() -> None:
    gate = asyncio.Event()

    async def script(connection: Connection, _: Request) -> None:
        await gate.wait()
        await connection.send(OK)

    async with proxied(script) as (service, up):
        calls = [asyncio.create_task(talk(service, post(), timeout_s=20)) for _ in range(150)]
        await up.received(150)
        gate.set()
        assert {status_of(answer) for answer in await asyncio.gather(*calls)} == {200}


async def test_an_answer_that_comes_before_the_upload_has_ended() -> None:
    async def script(connection: Connection, _: Request) -> None:
        await connection.send(failing(401, {"error": {"message": "Incorrect API key", "code": "invalid_api_key"}}))
        await connection.gone()

    async with upstream(script, reads_bodies=False) as up, running(config(up.url, retry={"max": 0})) as service:
        head = request("POST", "/v1/chat/completions", "Content-Length: 1000000")
        received = await talk(service, head + b"{" * 1000)
    check(received, 401, "auth", "invalid_api_key")
    assert headers_of(received)["connection"] == "close"
