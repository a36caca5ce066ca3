"""What passes through, byte for byte, on raw sockets."""

from __future__ import annotations

import asyncio

import pytest

from tests.wire import (
    OK,
    Connection,
    Request,
    body_part,
    config,
    get,
    headers_of,
    post,
    proxied,
    read_all,
    request,
    running,
    status_of,
    talk,
    upstream,
)


@pytest.mark.parametrize(
    "target",
    [
        "/v1/files/a%2Fb", "/v1/x+y", "//v1//models", "/v1/x;p=1", "/v1/{id}", "/v1/models?", "/v1/m?a=%2F&b=+&&c",
        "/v1/%7Euser", "/v1/../models", "/v1/m?x=http://a/b", "/", "/v1beta/models/g:generateContent?alt=sse",
    ],
)  # fmt: skip
async def test_a_target_arrives_as_it_was_sent(target: str) -> None:
    async with proxied(OK) as (service, up):
        assert status_of(await talk(service, get(target))) == 200
    assert up.requests[0].target == target.encode()


@pytest.mark.parametrize(
    ("sent", "arrives"),
    [
        ("http://evil.example/v1/models?a", "/v1/models?a"),
        ("https://evil.example", "/"),
        ("http://evil.example?x=1", "/?x=1"),
        ("http://user:pw@evil.example:99//a", "//a"),
    ],
)
async def test_an_absolute_target_does_not_steer(sent: str, arrives: str) -> None:
    async with proxied(OK) as (service, up):
        assert status_of(await talk(service, get(sent))) == 200
    assert up.requests[0].target == arrives.encode()
    assert up.requests[0].values("host") == [f"127.0.0.1:{up.port}".encode()]


async def test_a_good_answer_passes_byte_for_byte() -> None:
    head = (
        b"HTTP/1.1 203 Gr\xc3\xbc\xc3\x9fe\r\nX-Odd: caf\xe9\r\nx-odd: 2\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n"
        b"Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\x1f\x8b\x00\xff"
    )
    async with proxied(head) as (service, _):
        assert await talk(service, get()) == head


async def test_nothing_is_added_to_a_bare_answer() -> None:
    bare = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
    async with proxied(bare) as (service, _):
        assert await talk(service, get()) == bare


async def test_an_answers_trailers_and_interim_answers_are_dropped() -> None:
    answer = (
        b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-T\r\n\r\n2\r\nhi\r\n0\r\nX-T: secret\r\n\r\n"
    )
    async with proxied(answer) as (service, _):
        assert (
            await talk(service, get()) == b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"
        )


async def test_what_is_read_goes_out_at_once() -> None:
    gate = asyncio.Event()

    async def script(connection: Connection, _: Request) -> None:
        await connection.send(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n"
        )
        await gate.wait()
        await connection.send(b"3\r\ntwo\r\n0\r\n\r\n")

    async with proxied(script) as (service, _):
        reader, writer = await asyncio.open_connection("127.0.0.1", int(service.data_url.rpartition(":")[2]))
        writer.write(get())
        first = await asyncio.wait_for(reader.readuntil(b"one\r\n"), 2)
        assert b"two" not in first
        gate.set()
        assert await read_all(reader) == b"3\r\ntwo\r\n0\r\n\r\n"
        writer.close()


@pytest.mark.parametrize("status", [204, 304])
async def test_answers_without_body(status: int) -> None:
    answer = b"HTTP/1.1 %d X\r\nETag: a\r\n\r\n" % status
    async with proxied(answer) as (service, up):
        received = await talk(service, get() + get())
        assert received == answer * 2
    assert len(up.connections) == 1


async def test_head_keeps_its_length_and_has_no_body() -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n"
    async with proxied(answer) as (service, _):
        assert await talk(service, request("HEAD", "/v1/models")) == answer


async def test_an_http10_client_gets_an_unframed_body_and_a_close() -> None:
    answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"
    async with proxied(answer) as (service, _):
        received = await talk(service, get(version="1.0"))
    assert received == b"HTTP/1.0 200 OK\r\nConnection: close\r\n\r\nhi"


async def test_an_http10_upstream_that_ends_by_closing() -> None:
    async def script(connection: Connection, _: Request) -> None:
        await connection.send(b"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nall of it")
        connection.close()

    async with proxied(script) as (service, _):
        received = await talk(service, get())
    assert (
        received
        == b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nall of it\r\n0\r\n\r\n"
    )


async def test_request_headers_pass_and_none_is_added() -> None:
    async with proxied(OK) as (service, up):
        await talk(service, get("/v1/models", "X-A: 1", "x-a: 2", "Authorization: Bearer sk"))
    lines = up.requests[0].head.decode().split("\r\n")[1:-2]
    names = [line.split(":")[0].lower() for line in lines]
    assert sorted(names) == ["authorization", "host", "x-a", "x-a"]
    assert up.requests[0].values("x-a") == [b"1", b"2"]


async def test_names_that_differ_in_case_are_both_kept() -> None:
    async with proxied(OK) as (service, up):
        await talk(service, get("/", "X-Tag: one", "x-tag: two", "X-TAG: three"))
    assert up.requests[0].values("x-tag") == [b"one", b"two", b"three"]


async def test_what_must_not_reach_a_provider_stops_here() -> None:
    hidden = [
        "X-LLM-Retry: off", "x-llm-key: k", "Forwarded: for=1", "X-Forwarded-For: 1.2.3.4", "X-Real-IP: 1", "Via: 1.1 x",
        "True-Client-IP: 1", "CF-Connecting-IP: 1", "Baggage: a=b", "Cookie: a=b", "Connection: X-Private, close",
        "X-Private: 1", "Keep-Alive: 5", "TE: trailers", "Proxy-Authorization: Basic x",
    ]  # fmt: skip
    async with proxied(OK) as (service, up):
        await talk(service, get("/", *hidden, "X-Public: 1"))
    head = up.requests[0].head.lower()
    assert b"x-public" in head
    for line in hidden:
        assert line.split(":")[0].lower().encode() + b":" not in head


async def test_forward_client_lets_through_all_but_our_own() -> None:
    async with proxied(OK, forward_client=True) as (service, up):
        await talk(service, get("/", "Cookie: a=b", "X-Forwarded-For: 1.2.3.4", "X-LLM-Retry: 1"))
    request = up.requests[0]
    assert (request.values("cookie"), request.values("x-forwarded-for"), request.values("x-llm-retry")) == (
        [b"a=b"],
        [b"1.2.3.4"],
        [],
    )


async def test_a_header_value_that_is_not_utf8_is_refused_and_not_told() -> None:
    async with proxied(OK) as (service, up):
        received = await talk(service, get("/", "X-Name: caf\xe9"))
    assert status_of(received) == 400
    assert headers_of(received)["x-llm-error-reason"] == "malformed"
    assert b"caf" not in received
    assert up.requests == []


async def test_a_trailer_never_becomes_the_next_callers_header() -> None:
    chunked = request("POST", "/v1/chat/completions", "Transfer-Encoding: chunked")
    attack = chunked + b"2\r\n{}\r\n0\r\nAuthorization: Bearer stolen\r\nX-Leak: 1\r\n\r\n"
    async with proxied(OK) as (service, up):
        received = await talk(service, attack, get("/v1/models"), pause_s=0.2)
        assert headers_of(received)["connection"] == "close"
        await talk(service, get("/v1/models"))
    for seen in up.requests:
        assert b"stolen" not in seen.head
        assert b"leak" not in seen.head.lower()


async def test_a_chunked_request_arrives_whole() -> None:
    chunked = request("POST", "/v1/files", "Transfer-Encoding: chunked")
    async with proxied(OK) as (service, up):
        await talk(service, chunked, b"5\r\nhello\r\n", b"6\r\n world\r\n0\r\n\r\n", pause_s=0.05)
    assert up.requests[0].body == b"hello world"


async def test_a_compressed_request_is_not_inflated() -> None:
    body = b"\x1f\x8b\x08\x00not really gzip"
    async with proxied(OK) as (service, up):
        await talk(service, post(body, "/v1/x", "Content-Encoding: gzip"))
    assert up.requests[0].body == body
    assert up.requests[0].values("content-encoding") == [b"gzip"]


async def test_a_body_is_sent_on_as_it_arrives() -> None:
    seen = asyncio.Event()

    async with upstream(OK) as up:
        original = up.serve

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            head = await reader.readuntil(b"\r\n\r\n")
            assert b"content-length: 8" in head.lower()
            assert await reader.readexactly(4) == b"abcd"
            seen.set()
            assert await reader.readexactly(4) == b"efgh"
            writer.write(OK)
            await writer.drain()
            writer.close()

        del original
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with running(config(f"http://127.0.0.1:{port}")) as service:
            reader, writer = await asyncio.open_connection("127.0.0.1", int(service.data_url.rpartition(":")[2]))
            writer.write(request("POST", "/v1/files", "Content-Length: 8") + b"abcd")
            await asyncio.wait_for(seen.wait(), 2)
            writer.write(b"efgh")
            assert status_of(await read_all(reader)) == 200
            writer.close()
        server.close()


async def test_a_body_beyond_the_old_limits_passes() -> None:
    body = b"x" * 3_000_000
    async with proxied(OK) as (service, up):
        assert status_of(await talk(service, post(body))) == 200
    assert up.requests[0].body == body


async def test_long_and_many_headers_pass_both_ways() -> None:
    many = b"".join(b"X-%d: %b\r\n" % (n, b"v" * 100) for n in range(300))
    answer = b"HTTP/1.1 200 OK\r\nX-Long: %b\r\n%bContent-Length: 0\r\n\r\n" % (b"a" * 20_000, many)
    async with proxied(answer) as (service, up):
        received = await talk(service, get("/", "X-Long: " + "b" * 20_000, *(f"X-{n}: v" for n in range(300))))
    assert received == answer
    assert up.requests[0].values("x-long") == [b"b" * 20_000]
    assert up.requests[0].values("x-299") == [b"v"]


async def test_connect_is_refused() -> None:
    async with proxied(OK) as (service, up):
        received = await talk(service, b"CONNECT api.openai.com:443 HTTP/1.1\r\nHost: api.openai.com:443\r\n\r\n")
    assert status_of(received) == 405
    assert headers_of(received)["x-llm-error-reason"] == "method_not_allowed"
    assert up.requests == []


async def test_redirects_are_not_followed_and_cookies_not_kept() -> None:
    answer = b"HTTP/1.1 307 X\r\nLocation: /elsewhere\r\nSet-Cookie: s=1\r\nContent-Length: 0\r\n\r\n"
    async with proxied(answer) as (service, up):
        assert await talk(service, get("/a")) == answer
        await talk(service, get("/b"))
    assert [r.target for r in up.requests] == [b"/a", b"/b"]
    assert up.requests[1].values("cookie") == []


async def test_expect_is_answered_here_once_the_call_may_pass() -> None:
    head = request("POST", "/v1/chat/completions", "Content-Length: 2", "Expect: 100-continue")
    async with proxied(OK) as (service, up):
        received = await talk(service, head, b"{}", pause_s=0.2)
    assert received == b"HTTP/1.1 100 Continue\r\n\r\n" + OK
    assert up.requests[0].values("expect") == []


async def test_expect_is_not_answered_where_the_call_is_refused() -> None:
    head = request("POST", "/v1/chat/completions", "Content-Length: 200", "Expect: 100-continue")
    async with proxied(OK, limits={"body_bytes": 100}) as (service, up):
        received = await talk(service, head)
    assert status_of(received) == 413
    assert headers_of(received)["x-llm-error-class"] == "context"
    assert up.requests == []


async def test_prefixes_match_whole_segments_and_are_stripped() -> None:
    async with upstream(OK) as one, upstream(OK) as two, upstream(OK) as three:
        others = [
            {"name": "a", "url": two.url, "prefix": "/a"},
            {"name": "ab", "url": three.url + "/base", "prefix": "/a/b"},
        ]
        async with running(config(one.url, others=others)) as service:
            for target in ("/a/v1", "/a", "/a?x=1", "/ab/v1", "/a/b/v1", "/a%2Fb", "/a/bc"):
                assert status_of(await talk(service, get(target))) == 200
    assert [r.target for r in one.requests] == [b"/ab/v1", b"/a%2Fb"]
    assert [r.target for r in two.requests] == [b"/v1", b"/", b"/?x=1", b"/bc"]
    assert [r.target for r in three.requests] == [b"/base/v1"]


async def test_no_upstream_for_this_path() -> None:
    async with upstream(OK) as up, running(config(up.url, up={"prefix": "/only"})) as service:
        received = await talk(service, get("/other"))
    assert status_of(received) == 404
    assert headers_of(received)["x-llm-error-reason"] == "no_upstream"


async def test_websockets_are_tunnelled() -> None:
    async def script(connection: Connection, _: Request) -> None:
        await connection.send(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: x\r\n\r\n\x81\x02hi"
        )
        data = await connection.reader.read(100)
        await connection.send(b"echo " + data)
        connection.close()

    upgrade = get("/v1/realtime", "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Key: k")
    async with proxied(script) as (service, up):
        received = await talk(service, upgrade, b"\x81\x04ping", pause_s=0.2)
    assert status_of(received) == 101
    assert headers_of(received)["upgrade"] == "websocket"
    assert headers_of(received)["sec-websocket-accept"] == "x"
    assert body_part(received) == b"\x81\x02hiecho \x81\x04ping"
    assert up.requests[0].values("upgrade") == [b"websocket"]
    assert up.requests[0].values("connection") == [b"Upgrade"]


async def test_a_declined_upgrade_passes_as_an_answer() -> None:
    upgrade = get("/v1/realtime", "Connection: Upgrade", "Upgrade: websocket")
    answer = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno"
    async with proxied(answer) as (service, _):
        received = await talk(service, upgrade)
    assert status_of(received) == 403
    assert headers_of(received)["x-llm-error-class"] == "auth"
    assert body_part(received) == b"no"


async def test_pipelined_requests_are_answered_in_order() -> None:
    async def script(connection: Connection, request: Request) -> None:
        await connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n" + request.target[-2:])

    async with proxied(script) as (service, _):
        received = await talk(service, get("/01") + get("/02") + get("/03"))
    assert [part[-2:] for part in received.split(b"HTTP/1.1 200 OK")[1:]] == [b"01", b"02", b"03"]
