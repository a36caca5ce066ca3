"""Repeats on the wire: what limits them, who is woken, what is counted. The decisions themselves are tested in tests/retry."""

from __future__ import annotations

import asyncio
import json
import time

import pytest

from proxy.app import Service, rules_of
from proxy.config import from_values
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
)


def failing(status: int, *headers: str, body: bytes = b'{"error":{"message":"no"}}') -> bytes:
    lines = [f"HTTP/1.1 {status} So", "Content-Type: application/json", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


DOWN = failing(503)
WAITS = failing(503, "Retry-After: 8")
QUICK = {"base": "1ms", "cap": "1ms"}


def metric(service: Service, line: str) -> float:
    text = service.reporter.scrape("")[0].decode()
    return next(
        (float(row.rpartition(" ")[2]) for row in text.splitlines() if row.startswith(f"llm_triage_{line} ")), 0.0
    )


class Script:
    """Fails so many times, then answers well."""

    def __init__(self, failure: bytes, times: int) -> None:
        self.failure, self.left = failure, times

    async def __call__(self, connection: Connection, _: Request) -> None:
        self.left -= 1
        await connection.send(self.failure if self.left >= 0 else OK)


async def test_a_good_answer_says_what_it_took() -> None:
    async with proxied(Script(DOWN, 2), retry=QUICK) as (service, up):
        answer = await talk(service, post())
        assert (status_of(answer), headers_of(answer)["x-llm-retries"], len(up.requests)) == (200, "2", 3)
        assert [name for name in headers_of(answer) if name.startswith("x-llm")] == ["x-llm-retries"]
        assert metric(service, 'retries_total{error_class="provider_error",upstream="up"}') == 2


async def test_waits_are_no_overhead() -> None:
    wait = failing(429, "Retry-After-Ms: 300", body=b'{"error":{"code":"rate_limit_exceeded"}}')
    async with proxied(Script(wait, 1)) as (service, _):
        assert status_of(await talk(service, post())) == 200
        text = service.reporter.scrape("")[0].decode()
    (row,) = [row for row in text.splitlines() if row.startswith("llm_triage_overhead_seconds_sum")]
    assert float(row.rpartition(" ")[2]) < 0.1


async def test_a_used_up_schedule_ends_the_clients_retries() -> None:
    async with proxied(DOWN, retry={**QUICK, "max": 2}) as (service, up):
        told = headers_of(await talk(service, post()))
        assert (told["x-llm-retries"], told["x-should-retry"], len(up.requests)) == ("2", "false", 3)


async def test_so_does_one_that_never_got_an_answer() -> None:
    async with running(config("http://127.0.0.1:1", retry={**QUICK, "max": 2})) as service:
        told = headers_of(await talk(service, post()))
        assert (told["x-llm-retries"], told["x-should-retry"]) == ("2", "false")


@pytest.mark.parametrize(
    "limit", ["x-llm-retry: off", "x-llm-retry: 0", "x-llm-deadline: 0s", "x-stainless-retry-count: 5"]
)
async def test_a_call_that_is_not_repeated_may_be_by_its_client(limit: str) -> None:
    async with proxied(DOWN, retry=QUICK) as (service, up):
        told = headers_of(await talk(service, post(b"{}", "/v1/chat/completions", limit)))
        assert (told["x-llm-retries"], told["x-should-retry"], len(up.requests)) == ("0", "true", 1)


async def test_a_drained_budget_is_counted_and_each_upstream_has_its_own_share() -> None:
    async with proxied(DOWN, retry={**QUICK, "max": 1, "budget": 0}) as (service, up):
        for _ in range(5):
            await talk(service, post())
        told = headers_of(await talk(service, post()))
        assert len(up.requests) == 6 + 3
        assert told["x-should-retry"] == "true"
        assert metric(service, 'retry_budget_exhausted_total{upstream="up"}') == 3
        values = json.loads(json.dumps({"retry": {**QUICK, "max": 1, "budget": 1}, "name": "up", "url": up.url}))
        loose = from_values({"listen": "127.0.0.1:0", "admin": "127.0.0.1:0", "upstreams": [values]})
        await service.reload(loose, rules_of(loose))
        for _ in range(4):
            await talk(service, post())
        assert len(up.requests) == 9 + 8


async def test_one_credentials_storm_leaves_another_its_repeats() -> None:
    async with proxied(DOWN, retry={**QUICK, "max": 1, "budget": 0}) as (service, up):
        for key in ("a", "a", "a", "a", "a", "b", "b"):
            await talk(service, post(b"{}", "/v1/chat/completions", f"Authorization: Bearer {key}"))
        assert len(up.requests) == 5 + 3 + 2 + 2


async def test_a_signature_is_no_credential_of_its_own() -> None:
    async with proxied(DOWN, retry={**QUICK, "max": 1, "budget": 0}) as (service, up):
        for n in range(6):
            signed = f"Authorization: AWS4-HMAC-SHA256 Credential=AKIA/2026/x, Signature={n}"
            await talk(service, post(b"{}", "/model/m/invoke", signed))
        assert len(up.requests) == 6 + 3


async def test_a_wait_beyond_the_deadline_is_answered_at_once() -> None:
    async with proxied(WAITS, retry={"deadline": "3s"}) as (service, up):
        began = time.monotonic()
        told = headers_of(await talk(service, post()))
        assert time.monotonic() - began < 1
        assert (told["retry-after"], told["x-should-retry"], len(up.requests)) == ("8", "true", 1)


async def test_a_wait_beyond_the_calls_total_time_too() -> None:
    """Else its real answer would be lost to a timeout."""
    async with proxied(WAITS, timeouts={"total": "2s"}, retry={"deadline": "60s"}) as (service, up):
        began = time.monotonic()
        assert status_of(await talk(service, post())) == 503
        assert time.monotonic() - began < 1
        assert len(up.requests) == 1


async def test_a_repeat_waits_for_the_longest_wait_that_was_stated_to_any_call() -> None:
    """Here to a call that is not repeated itself."""
    stated = failing(429, "Retry-After-Ms: 600", body=b'{"error":{"code":"rate_limit_exceeded"}}')
    answers = [stated, DOWN]

    async def script(connection: Connection, _: Request) -> None:
        await connection.send(answers.pop(0) if answers else OK)

    async with proxied(script, retry=QUICK) as (service, _):
        began = time.monotonic()
        await talk(service, post(b'{"model":"m"}', "/v1/chat/completions", "x-llm-retry: off"), quiet_s=0.01)
        assert status_of(await talk(service, post(b'{"model":"m"}'), quiet_s=0.01)) == 200
        assert time.monotonic() - began >= 0.6


async def waiting(service: Service, count: int = 1) -> None:
    async with asyncio.timeout(5):
        while service.reporter.waiting < count:  # noqa: ASYNC110 - nobody is told
            await asyncio.sleep(0.005)


async def test_who_waits_is_shown() -> None:
    async with proxied(WAITS, retry={"deadline": "60s"}) as (service, _):
        call = asyncio.create_task(talk(service, post(), timeout_s=20))
        await waiting(service)
        assert service.reporter.snapshot()["waiting"] == 1
        call.cancel()


async def test_a_drain_answers_who_waits_with_their_last_real_answer() -> None:
    async with proxied(WAITS, retry={"deadline": "60s"}) as (service, up):
        calls = [asyncio.create_task(talk(service, post(), timeout_s=20)) for _ in range(3)]
        await waiting(service, 3)
        began = time.monotonic()
        drained = asyncio.create_task(service.drain(5))
        answers = await asyncio.gather(*calls)
        assert time.monotonic() - began < 0.5
        await drained
        for answer in answers:
            told = headers_of(answer)
            assert (status_of(answer), body_part(answer)) == (503, body_part(WAITS))
            assert (told["x-llm-retries"], told["x-should-retry"], told["retry-after"]) == ("0", "true", "8")
            assert told["x-llm-error-source"] == "upstream"
        assert len(up.requests) == 3


async def test_a_client_that_leaves_ends_the_wait_within_a_tenth_of_a_second() -> None:
    async with proxied(WAITS, retry={"deadline": "60s"}) as (service, up):
        _, writer = await asyncio.open_connection("127.0.0.1", port_of(service))
        writer.write(post())
        await waiting(service)
        writer.close()
        async with asyncio.timeout(0.1):
            while service.reporter.inflight or service.reporter.waiting:  # noqa: ASYNC110 - nobody is told
                await asyncio.sleep(0.001)
        assert len(up.requests) == 1


async def test_observing_nothing_is_repeated_and_what_would_be_is_counted() -> None:
    async with proxied(DOWN, mode="observe", retry=QUICK) as (service, up):
        told = headers_of(await talk(service, post()))
        assert status_of(await talk(service, post(b"{}", "/v1/files"))) == 503
        assert len(up.requests) == 2
        assert metric(service, 'would_total{upstream="up",what="retry"}') == 1
        assert metric(service, 'retries_total{error_class="provider_error",upstream="up"}') == 0
    assert told["x-llm-error-class"] == "provider_error"
    assert "x-should-retry" not in told


ONCE = [
    ("what its class cannot mend", failing(401), post()),
    ("a provider's no", failing(503, "x-should-retry: false"), post()),
    ("an upload", DOWN, post(b"{}", "/v1/files")),
    ("another method", DOWN, request("DELETE", "/v1/files/1")),
    ("a body beyond the limit", DOWN, post(b"x" * 2000)),
]


@pytest.mark.parametrize(("failure", "call"), [case[1:] for case in ONCE], ids=[case[0] for case in ONCE])
async def test_what_is_sent_once(failure: bytes, call: bytes) -> None:
    async with proxied(failure, retry=QUICK, limits={"replay_bytes": 1000}) as (service, up):
        await talk(service, call)
        assert len(up.requests) == 1


async def test_an_upload_is_repeated_where_its_refusal_says_when() -> None:
    wait = failing(429, "Retry-After-Ms: 20", body=b'{"error":{"code":"rate_limit_exceeded"}}')
    async with proxied(Script(wait, 1), retry=QUICK) as (service, up):
        assert status_of(await talk(service, post(b"file", "/v1/files"))) == 200
        assert [request.body for request in up.requests] == [b"file", b"file"]


async def test_a_reading_is_repeated() -> None:
    async with proxied(Script(DOWN, 1), retry=QUICK) as (service, up):
        assert status_of(await talk(service, get())) == 200
        assert len(up.requests) == 2


async def test_the_same_refused_request_is_reported_once_and_then_counted(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "llm_triage")
    bad = failing(400, body=b'{"error":{"message":"Unknown parameter: \'x\'","type":"invalid_request_error"}}')
    async with proxied(bad) as (service, up):
        for body in (b'{"x":1}', b'{"x":1}', b'{"x":1}', b'{"x":2}'):
            await talk(service, post(body, "/v1/chat/completions", "Authorization: Bearer k"))
        assert len(up.requests) == 4
        assert metric(service, 'suppressed_reports_total{kind="repeated"}') == 2
        assert metric(service, 'requests_total{endpoint="chat_completions",outcome="error",upstream="up"}') == 4
    told = [record for record in caplog.records if record.message == "call failed"]
    assert len(told) == 2


async def test_a_call_that_is_short_of_money_twice_is_one_report_too(caplog: pytest.LogCaptureFixture) -> None:
    """The same request; other requests of that account are told each."""
    empty = failing(429, body=b'{"error":{"message":"no","code":"insufficient_quota"}}')
    async with proxied(empty) as (service, _):
        for body in (b'{"x":1}', b'{"x":1}', b'{"x":2}'):
            await talk(service, post(body))
    assert [record.message for record in caplog.records].count("call failed") == 2
