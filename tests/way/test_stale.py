"""A provider that closes idle connections as the next request arrives: nobody is to notice, and nothing is done twice."""

from __future__ import annotations

import asyncio

import pytest

from proxy.app import Service
from tests.provider import CLOSE, HALF, RESET, End, answering, dial, provider, stale
from tests.provider import request as message
from tests.wire import OK, config, get, headers_of, post, request, running, status_of, talk


def counted(service: Service, metric: str) -> float:
    text = service.reporter.scrape("")[0].decode()
    return sum(
        float(line.rpartition(" ")[2]) for line in text.splitlines() if line.startswith(f"llm_triage_{metric}{{")
    )


@pytest.mark.parametrize("end", [CLOSE, HALF, RESET], ids=["closed", "half closed", "reset"])
@pytest.mark.parametrize("call", [post(), get()], ids=["post", "get"])
async def test_it_is_replaced_at_once_and_nothing_is_told(
    end: End, call: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async with provider(stale(OK, end=end)) as up, running(config(up.url)) as service:
        for _ in range(3):
            answer = await talk(service, call)
            assert status_of(answer) == 200
            assert b"x-llm" not in answer
        assert len(up.wires) == 3
        assert counted(service, "retries_total") == counted(service, "errors_total") == 0
    assert not [record for record in caplog.records if record.levelname in ("WARNING", "ERROR")]


async def test_it_is_replaced_by_a_new_one_and_not_by_another_idle_one() -> None:
    """As after a burst: eight idle connections, all of them gone."""
    async with provider(stale((0.05, OK))) as up, running(config(up.url, retry={"max": 0})) as service:
        for _ in range(2):
            answers = await asyncio.gather(*(talk(service, post()) for _ in range(8)))
            assert [status_of(answer) for answer in answers] == [200] * 8
        assert len(up.wires) == 16


@pytest.mark.parametrize("beginning", [b"H", b"HTTP/1.1 2", b"HTTP/1.1 200 OK\r\nContent-Ty"])
@pytest.mark.parametrize("end", [CLOSE, RESET], ids=["closed", "reset"])
async def test_one_that_has_begun_to_answer_has_failed(beginning: bytes, end: End) -> None:
    turns = answering(OK, (beginning, 0.05, end))
    async with provider(turns) as up, running(config(up.url, retry={"max": 0})) as service:
        await talk(service, post())
        assert status_of(await talk(service, post())) == 502
        assert len(up.requests) == 2
        assert counted(service, "errors_total") == 1


STATEFUL = [
    ("a conversation", post(b'{"conversation":"conv_1","input":"x"}', "/v1/responses")),
    ("in the background", post(b'{"background":true,"input":"x"}', "/v1/responses")),
    ("an upload", post(b"{}", "/v1/files")),
    ("another method", request("PUT", "/v1/chat/completions", "Content-Length: 2") + b"{}"),
    ("nobody can read it", post(b"\x1f\x8b\x00", "/v1/responses", "Content-Encoding: gzip")),
]


@pytest.mark.parametrize("call", [call for _, call in STATEFUL], ids=[name for name, _ in STATEFUL])
async def test_what_must_not_be_sent_twice_is_not_replaced(call: bytes) -> None:
    async with provider(stale(OK)) as up, running(config(up.url)) as service:
        await talk(service, get())
        answer = await talk(service, call)
        assert status_of(answer) == 502
        assert headers_of(answer)["x-should-retry"] == "true"
        assert len(up.wires) == 1


async def test_the_words_alone_make_no_state() -> None:
    body = b'{"input":"a \\"conversation\\"","background":false,"conversation":null}'
    async with provider(stale(OK)) as up, running(config(up.url)) as service:
        await talk(service, get())
        assert status_of(await talk(service, post(body, "/v1/responses"))) == 200
        assert len(up.wires) == 2


async def test_where_nothing_is_sent_twice_only_readings_are_replaced() -> None:
    settings = {"retry": {"resend_after_send": False}}
    async with provider(stale(OK)) as up, running(config(up.url, **settings)) as service:
        await talk(service, get())
        assert status_of(await talk(service, post())) == 502
        assert status_of(await talk(service, get())) == 200
        assert status_of(await talk(service, get())) == 200


@pytest.mark.parametrize("resend", [True, False])
async def test_an_upload_that_is_still_arriving_is_replaced_too(resend: bool) -> None:
    """A long prompt comes in several pieces; the provider cannot have begun with half of it."""
    body = bytes(range(256)) * 2000
    settings = {"retry": {"resend_after_send": resend, "max": 0}}
    async with provider(stale(OK)) as up, running(config(up.url, **settings)) as service:
        await talk(service, get())
        async with dial(service.data_url) as client:
            call = message("POST", "/v1/chat/completions", body)
            await client.send(call[:100_000])
            await asyncio.sleep(0.1)
            await client.send(call[100_000:])
            assert (await client.answer("POST")).status == 200
        assert up.requests[-1].body == body
        assert len(up.wires) == 2


async def test_a_body_beyond_the_limit_is_sent_once() -> None:
    settings = {"limits": {"replay_bytes": 100}}
    async with provider(stale(OK)) as up, running(config(up.url, **settings)) as service:
        await talk(service, get())
        assert status_of(await talk(service, post(b"x" * 200))) == 502
        assert len(up.wires) == 1


async def test_a_new_connection_that_breaks_is_no_stale_one() -> None:
    async with provider(answering((CLOSE,))) as up, running(config(up.url, retry={"max": 0})) as service:
        assert status_of(await talk(service, post())) == 502
        assert len(up.wires) == 1
