"""Event streams on raw sockets: what is held, what is told, and how each ends."""

from __future__ import annotations

import asyncio
import gzip
import time

import orjson
import pytest

from tests.wire import (
    Connection,
    Request,
    Script,
    body_part,
    get,
    headers_of,
    port_of,
    post,
    proxied,
    request,
    status_of,
    talk,
)

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nTransfer-Encoding: chunked\r\n\r\n"
LAST = b"0\r\n\r\n"


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def data(value: object) -> bytes:
    return b"data: " + orjson.dumps(value) + b"\n\n"


def delta(text: str, finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": finish}
    return data({"id": "c", "object": "chat.completion.chunk", "choices": [choice]})


DONE = b"data: [DONE]\n\n"
GOOD = (delta("Hel"), delta("lo"), delta("", "stop"), DONE)
OVERLOADED = data({"error": {"message": "The engine is currently overloaded", "type": "engine_overloaded_error"}})


def unchunked(answer: bytes) -> bytes:
    """The body of a chunked answer, its end included where it has one."""
    rest, body = body_part(answer), b""
    while rest:
        size, _, rest = rest.partition(b"\r\n")
        length = int(size, 16)
        if not length:
            return body + b"<end>"
        body, rest = body + rest[:length], rest[length + 2 :]
    return body


def streaming(*pieces: bytes, end: str = "clean", pause_s: float = 0.02) -> Script:
    async def script(connection: Connection, _: Request) -> None:
        await connection.send(HEAD, *(chunk(piece) for piece in pieces), pause_s=pause_s)
        match end:
            case "clean":
                await connection.send(LAST)
            case "close":
                connection.close()
            case "reset":
                connection.reset()
            case _:
                await connection.gone(8)

    return script


async def test_a_good_stream_passes_byte_for_byte() -> None:
    async with proxied(streaming(*GOOD)) as (service, _):
        received = await talk(service, post())
        scraped = service.reporter.scrape("")[0]
    assert unchunked(received) == b"".join(GOOD) + b"<end>"
    assert received.startswith(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n")
    assert b"x-llm" not in received
    assert b'requests_total{endpoint="chat_completions",outcome="ok",upstream="up"} 1.0' in scraped


async def test_an_event_leaves_before_the_next_one_comes() -> None:
    gate = asyncio.Event()

    async def script(connection: Connection, _: Request) -> None:
        await connection.send(HEAD, chunk(GOOD[0]))
        await gate.wait()
        await connection.send(*(chunk(piece) for piece in GOOD[1:]), LAST)

    async with proxied(script) as (service, _):
        reader, writer = await asyncio.open_connection("127.0.0.1", port_of(service))
        writer.write(post())
        await asyncio.wait_for(reader.readuntil(GOOD[0]), 2)
        gate.set()
        await asyncio.wait_for(reader.readuntil(LAST), 2)
        writer.close()


async def test_an_unfinished_event_waits_for_its_rest() -> None:
    whole = GOOD[0]
    gate = asyncio.Event()

    async def script(connection: Connection, _: Request) -> None:
        await connection.send(HEAD, chunk(whole + GOOD[1][:9]))
        await gate.wait()
        await connection.send(chunk(GOOD[1][9:]), chunk(GOOD[2] + DONE), LAST)

    async with proxied(script) as (service, _):
        reader, writer = await asyncio.open_connection("127.0.0.1", port_of(service))
        writer.write(post())
        first = await asyncio.wait_for(reader.readuntil(whole + b"\r\n"), 2)
        assert not first.endswith(GOOD[1][:9] + b"\r\n")
        gate.set()
        rest = await asyncio.wait_for(reader.readuntil(LAST), 2)
        assert GOOD[1] in rest
        writer.close()


async def test_a_first_event_that_is_an_error_is_tagged() -> None:
    async with proxied(streaming(OVERLOADED, DONE), retry={"max": 0}) as (service, _):
        received = await talk(service, post())
    headers = headers_of(received)
    assert status_of(received) == 200
    assert headers["x-llm-error-class"] == "overloaded"
    assert headers["x-should-retry"] == "true"
    assert unchunked(received) == OVERLOADED + DONE + b"<end>"


async def test_a_first_event_that_is_an_error_is_retried() -> None:
    tries = []

    async def script(connection: Connection, request: Request) -> None:
        tries.append(request)
        pieces = (OVERLOADED,) if len(tries) == 1 else GOOD
        await connection.send(HEAD, *(chunk(piece) for piece in pieces), LAST)

    async with proxied(script, retry={"base": "10ms"}) as (service, _):
        received = await talk(service, post())
    assert unchunked(received) == b"".join(GOOD) + b"<end>"
    assert headers_of(received)["x-llm-retries"] == "1"


async def test_the_status_of_an_error_in_a_200_can_be_asked_for() -> None:
    compat = {"compat": {"error_in_200": "status"}}
    async with proxied(streaming(OVERLOADED), up=compat, retry={"max": 0}) as (service, _):
        assert status_of(await talk(service, post())) == 503


async def test_a_later_error_event_passes_with_a_comment_behind_it() -> None:
    async with proxied(streaming(GOOD[0], OVERLOADED, DONE)) as (service, _):
        received = await talk(service, post())
        scraped = service.reporter.scrape("")[0]
    comment = b": llm-error class=overloaded reason=overloaded retry=true session=reset\n"
    assert unchunked(received) == GOOD[0] + OVERLOADED + comment + DONE + b"<end>"
    assert b'stream_failures_total{kind="error_event",upstream="up"} 1.0' in scraped
    assert b'outcome="ok",upstream="up"} 1.0' not in scraped


@pytest.mark.parametrize("end", ["clean", "close", "reset"])
@pytest.mark.parametrize("cut", [b"", b'data: {"id": "c", "choi'])
async def test_a_stream_without_its_end_says_so(end: str, cut: bytes) -> None:
    async with proxied(streaming(*GOOD[:2], cut, end=end) if cut else streaming(*GOOD[:2], end=end)) as (service, _):
        received = await talk(service, post())
        scraped = service.reporter.scrape("")[0]
    body = unchunked(received)
    good = b"".join(GOOD[:2])
    assert body.startswith(good + b"data: ")
    assert body.endswith(b"<end>")
    told, _, comment = body[len(good) + 6 : -5].partition(b"\n\n")
    error = orjson.loads(told)["error"]
    assert (error["class"], error["reason"], error["session"]) == ("network", "truncated_stream", "reset")
    assert comment == b": llm-error class=network reason=truncated_stream retry=true session=reset\n"
    assert b'stream_failures_total{kind="truncated_stream",upstream="up"} 1.0' in scraped


async def test_a_finish_reason_without_done_is_an_end() -> None:
    async with proxied(streaming(*GOOD[:3])) as (service, _):
        assert unchunked(await talk(service, post())) == b"".join(GOOD[:3]) + b"<end>"


async def test_an_upstream_may_be_known_to_end_by_ending() -> None:
    async with proxied(streaming(*GOOD[:2]), up={"stream": {"end": "eof"}}) as (service, _):
        assert unchunked(await talk(service, post())) == b"".join(GOOD[:2]) + b"<end>"


async def test_silence_ends_a_stream_where_that_is_asked_for() -> None:
    async with proxied(streaming(*GOOD[:2], end="hang"), stream={"idle_timeout": "300ms"}) as (service, up):
        began = time.monotonic()
        received = await talk(service, post(), quiet_s=0.8)
        assert time.monotonic() - began < 2
        assert await up.connections[0].gone()
    assert b'"reason":"stream_idle"' in received
    assert received.endswith(LAST)


async def test_pings_do_not_hide_a_hang() -> None:
    async def script(connection: Connection, _: Request) -> None:
        await connection.send(HEAD, chunk(GOOD[0]))
        for _beat in range(30):
            await connection.send(chunk(b": ping\n\n"), pause_s=0.05)

    async with proxied(script, stream={"idle_timeout": "300ms", "heartbeat": "50ms"}) as (service, _):
        received = await talk(service, post(), quiet_s=1)
    assert b"stream_idle" in received


async def test_a_heartbeat_fills_silence() -> None:
    async def script(connection: Connection, _: Request) -> None:
        await connection.send(HEAD, chunk(GOOD[0]))
        await asyncio.sleep(0.35)
        await connection.send(*(chunk(piece) for piece in GOOD[1:]), LAST)

    async with proxied(script, stream={"heartbeat": "100ms"}) as (service, _):
        received = await talk(service, post(), quiet_s=1)
    body = unchunked(received)
    assert 2 <= body.count(b":\n") <= 4
    assert body.replace(b":\n", b"") == b"".join(GOOD) + b"<end>"


async def test_comments_before_the_first_event_are_not_swallowed() -> None:
    async def script(connection: Connection, _: Request) -> None:
        await connection.send(HEAD, chunk(b": PROCESSING\n\n"))
        await asyncio.sleep(1)
        await connection.send(*(chunk(piece) for piece in GOOD), LAST)

    async with proxied(script, stream={"hold": "100ms"}) as (service, _):
        reader, writer = await asyncio.open_connection("127.0.0.1", port_of(service))
        began = time.monotonic()
        writer.write(post())
        await asyncio.wait_for(reader.readuntil(b": PROCESSING\n\n"), 2)
        assert time.monotonic() - began < 0.6
        await asyncio.wait_for(reader.readuntil(LAST), 3)
        writer.close()


async def test_a_compressed_stream_is_watched_and_never_written_into() -> None:
    packed = gzip.compress(b"".join(GOOD[:2]))
    head = HEAD.replace(b"\r\n\r\n", b"\r\nContent-Encoding: gzip\r\n\r\n")

    async def script(connection: Connection, _: Request) -> None:
        await connection.send(head, chunk(packed), LAST)

    async with proxied(script) as (service, _):
        received = await talk(service, post())
        scraped = service.reporter.scrape("")[0]
    assert unchunked(received) == packed
    assert not received.endswith(LAST)
    assert b'stream_failures_total{kind="truncated_stream",upstream="up"} 1.0' in scraped


async def test_a_whole_compressed_stream_passes() -> None:
    packed = gzip.compress(b"".join(GOOD))
    head = HEAD.replace(b"\r\n\r\n", b"\r\nContent-Encoding: gzip\r\n\r\n")

    async def script(connection: Connection, _: Request) -> None:
        await connection.send(head, chunk(packed[:20]), chunk(packed[20:]), LAST)

    async with proxied(script) as (service, _):
        assert unchunked(await talk(service, post())) == packed + b"<end>"


async def test_a_stream_of_another_kind_ends_as_its_framing_does() -> None:
    speech = [b"event: audio\ndata: AAAA\n\n", b"event: audio\ndata: BBBB\n\n"]
    async with proxied(streaming(*speech)) as (service, _):
        received = await talk(service, request("POST", "/v1/audio/speech", "Content-Length: 0"))
        assert unchunked(received) == b"".join(speech) + b"<end>"
    async with proxied(streaming(*speech, end="close")) as (service, _):
        broken = unchunked(await talk(service, request("POST", "/v1/audio/speech", "Content-Length: 0")))
    assert broken == b"".join(speech)


async def test_to_http10_a_broken_stream_is_told_and_then_closed() -> None:
    async with proxied(streaming(*GOOD[:2], end="close")) as (service, _):
        head = request("POST", "/v1/chat/completions", "Content-Length: 0", version="1.0")
        received = await talk(service, head)
    assert b"truncated_stream" in received
    assert b"chunked" not in received


async def test_observe_writes_and_holds_nothing() -> None:
    pieces = (GOOD[0], GOOD[1][:9])
    async with proxied(streaming(*pieces), mode="observe") as (service, _):
        received = await talk(service, post())
        scraped = service.reporter.scrape("")[0]
    assert unchunked(received) == b"".join(pieces) + b"<end>"
    assert b'would_total{upstream="up",what="write_event"} 1.0' in scraped


async def test_a_long_event_passes_without_being_held_whole() -> None:
    long = delta("x" * 300_000)
    async with proxied(streaming(GOOD[0], long[:150_000], long[150_000:], GOOD[2], DONE)) as (service, _):
        received = await talk(service, post())
    assert unchunked(received) == GOOD[0] + long + GOOD[2] + DONE + b"<end>"


async def test_the_clients_leaving_a_stream_ends_the_call_upstream() -> None:
    async with proxied(streaming(*GOOD[:2], end="hang")) as (service, up):
        reader, writer = await asyncio.open_connection("127.0.0.1", port_of(service))
        writer.write(post())
        await asyncio.wait_for(reader.readuntil(GOOD[1]), 2)
        began = time.monotonic()
        writer.close()
        assert await up.connections[0].gone()
        assert time.monotonic() - began < 0.1
        scraped = service.reporter.scrape("")[0]
    assert b"open_streams 0.0" in scraped


async def test_a_good_stream_says_how_many_retries_it_took() -> None:
    tries = []

    async def script(connection: Connection, request: Request) -> None:
        tries.append(request)
        if len(tries) < 3:
            await connection.send(b"HTTP/1.1 503 X\r\nContent-Length: 0\r\n\r\n")
        else:
            await connection.send(HEAD, *(chunk(piece) for piece in GOOD), LAST)

    async with proxied(script, retry={"base": "10ms"}) as (service, _):
        received = await talk(service, post(b'{"model":"m"}'))
    assert headers_of(received)["x-llm-retries"] == "2"
    assert {seen.body for seen in tries} == {b'{"model":"m"}'}


async def test_an_error_in_a_200_is_tagged_where_it_can_be_one() -> None:
    body = b'{"error": {"message": "You exceeded your current quota", "code": "insufficient_quota"}}'
    answer = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
    async with proxied(answer) as (service, _):
        made = await talk(service, post())
        read = await talk(service, get("/v1/batches/b"))
        stored = await talk(service, post(target="/v1/batches"))
    assert headers_of(made)["x-llm-error-class"] == "budget_exhausted"
    assert body_part(made) == body
    assert "x-llm-error-class" not in headers_of(read)
    assert "x-llm-error-class" not in headers_of(stored)


@pytest.mark.parametrize("member", [b'"error": null', b'"error": {}', b'"error": ""', b'"text": "\\"error\\": {}"'])
async def test_a_good_200_is_no_error(member: bytes) -> None:
    body = b'{"id": "r", ' + member + b"}"
    answer = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
    async with proxied(answer) as (service, _):
        assert await talk(service, post()) == answer


async def test_annotate_adds_one_member_and_nothing_else() -> None:
    body = b'{ "error" : {"message": "Rate limit reached",  "code": "rate_limit_exceeded"} }'
    answer = b"HTTP/1.1 429 X\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
    async with proxied(answer, up={"compat": {"annotate": True}}, retry={"max": 0}) as (service, _):
        received = await talk(service, post())
    changed = body_part(received)
    triage = orjson.loads(changed)["error"]["triage"]
    assert triage["class"] == "rate_limited"
    assert triage["call_id"] == headers_of(received)["x-llm-call-id"]
    assert int(headers_of(received)["content-length"]) == len(changed)
    assert changed.startswith(b'{ "error" : {')
    assert changed.endswith(body[13:])


async def test_budget_status_can_be_asked_for() -> None:
    body = b'{"error": {"code": "insufficient_quota", "message": "You exceeded your current quota"}}'
    answer = b"HTTP/1.1 429 X\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
    async with proxied(answer, up={"compat": {"budget_status": 402}}) as (service, _):
        assert status_of(await talk(service, post())) == 402


@pytest.mark.parametrize("end", ["clean", "close"])
@pytest.mark.parametrize("pieces", [(), (b": hello\n\n",)])
async def test_a_stream_that_never_began_is_no_answer(end: str, pieces: tuple[bytes, ...]) -> None:
    async with proxied(streaming(*pieces, end=end), retry={"max": 0}) as (service, _):
        received = await talk(service, post())
    assert status_of(received) == 502
    headers = headers_of(received)
    assert (headers["x-llm-error-class"], headers["x-llm-error-reason"]) == ("network", "truncated_stream")
    assert headers["x-should-retry"] == "true"


async def test_a_bare_error_body_in_a_stream_is_tagged() -> None:
    bare = b'{"error": {"message": "Rate limit reached", "code": "rate_limit_exceeded"}}'
    async with proxied(streaming(bare), retry={"max": 0}) as (service, _):
        received = await talk(service, post())
    assert headers_of(received)["x-llm-error-class"] == "rate_limited"
    assert unchunked(received) == bare + b"<end>"


async def test_a_comment_stands_behind_its_error_in_the_first_read_too() -> None:
    async with proxied(streaming(b": hi\n\n", GOOD[0] + OVERLOADED + DONE)) as (service, _):
        body = unchunked(await talk(service, post()))
    assert body.startswith(b": hi\n\n" + GOOD[0] + OVERLOADED + b": llm-error class=overloaded")
    assert body.endswith(DONE + b"<end>")
