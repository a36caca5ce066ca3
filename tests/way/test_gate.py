"""The gate: what calls are told while it is closed, who probes, what opens it; with either store, by itself and on the wire."""

from __future__ import annotations

import asyncio
import json

import pytest

from proxy.app import Service
from proxy.model import TRAITS, Class, Confidence, Dialect, Scope, Source, Verdict, Wait, WaitOrigin
from proxy.retry.gate import PROBE_EVERY_S
from proxy.store.memory import MemoryStore
from proxy.way import gate as module
from proxy.way.gate import Gate, Gated
from proxy.way.kept import Again, Kept
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
    status_of,
    talk,
)


def verdict(cls: Class = Class.RATE_LIMITED, wait_s: float | None = None, scope: Scope | None = None) -> Verdict:
    return Verdict(
        cls=cls,
        reason="any",
        rule="any.rule",
        confidence=Confidence.CODE,
        scope=scope or TRAITS[cls].scope,
        action=TRAITS[cls].action,
        advice="Any.",
        wait=None if wait_s is None else Wait(wait_s, WaitOrigin.RETRY_AFTER),
    )


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def gate(clock: Clock) -> Gate:
    return Gate(MemoryStore(clock), clock)


def unasked() -> str:
    raise AssertionError("the request was parsed")


def call(gate: Gate, name: str = "caller", model: str | None = None) -> Gated:
    return Gated(gate, name, unasked if model is None else lambda: model)


def kept(failure: Verdict) -> Kept:
    return Kept(verdict=failure, status=429, reason=b"Too Many Requests", body=b"{}")


async def passes(gate: Gate, name: str = "caller", model: str | None = None) -> bool:
    return await call(gate, name, model).pass_by() is None


async def test_an_open_gate_lets_all_pass_and_looks_at_no_request(gate: Gate) -> None:
    assert await passes(gate)


async def test_a_hundred_calls_at_once_are_one_probe(gate: Gate, clock: Clock) -> None:
    await call(gate).failed(kept(verdict(Class.BUDGET_EXHAUSTED)))
    clock.now += PROBE_EVERY_S
    calls = [call(gate) for _ in range(100)]
    told = await asyncio.gather(*(each.pass_by() for each in calls))
    assert told.count(None) == sum(each.probes for each in calls) == 1
    again = next(each for each in told if each is not None)
    assert (again.age_s, again.left_s) == (PROBE_EVERY_S, None)


async def test_processes_that_share_a_store_share_the_probe(clock: Clock) -> None:
    store = MemoryStore(clock)
    one, other = Gate(store, clock), Gate(store, clock)
    await call(one).failed(kept(verdict(wait_s=30)))
    assert not await passes(other)
    clock.now += PROBE_EVERY_S
    assert [await passes(one), await passes(other)] == [True, False]


async def test_one_probe_an_interval_for_as_long_as_it_fails(gate: Gate, clock: Clock) -> None:
    await call(gate).failed(kept(verdict(Class.BUDGET_EXHAUSTED)))
    probes = 0
    for _ in range(600):
        each = call(gate)
        if await each.pass_by() is None:
            probes += 1
            await each.failed(kept(verdict(Class.BUDGET_EXHAUSTED)))
        clock.now += 0.1
    assert probes == 11


async def test_a_probe_that_never_comes_back_blocks_nobody(gate: Gate, clock: Clock) -> None:
    await call(gate).failed(kept(verdict(Class.BUDGET_EXHAUSTED)))
    for _ in range(3):
        clock.now += PROBE_EVERY_S
        assert await passes(gate)
        assert not await passes(gate)


async def test_a_good_answer_to_a_probe_opens_it(gate: Gate, clock: Clock) -> None:
    await call(gate).failed(kept(verdict(Class.PROVIDER_ERROR)), drained=True)
    assert not await passes(gate)
    await call(gate).succeeded()
    assert await passes(gate)


async def test_it_opens_when_the_stated_wait_is_over(gate: Gate, clock: Clock) -> None:
    await call(gate).failed(kept(verdict(wait_s=3)))
    clock.now += 2.9
    again = await call(gate).pass_by()
    assert again is not None
    assert again.left_s == pytest.approx(0.1)
    clock.now += 0.1
    assert await passes(gate)


async def test_another_caller_passes(gate: Gate) -> None:
    await call(gate).failed(kept(verdict(wait_s=30)))
    assert await passes(gate, "other")


async def test_a_models_shortage_closes_that_model_alone(gate: Gate) -> None:
    await call(gate, model="small").failed(kept(verdict(Class.OVERLOADED, 30)))
    assert not await passes(gate, model="small")
    assert await passes(gate, model="large")
    assert await passes(gate, model="")
    await call(gate, model="small").succeeded()
    assert await passes(gate, model="small")


async def test_what_another_version_wrote_closes_nothing(gate: Gate, clock: Clock) -> None:
    for junk in (b"", b"[1,2]", b"[1,null]\n{}", b'x\n{"verdict":3}', b"[1,null]\n[]"):
        await gate._store.put("gate:caller", junk, 60)
        assert await passes(gate)


def test_a_kept_answer_survives_the_store() -> None:
    full = Kept(
        verdict=verdict(wait_s=1.5),
        status=529,
        reason=b"caf\xe9",
        head=b"X: \xff\r\n",
        body=b"\x00\xff{}",
        dialect=Dialect.ANTHROPIC,
        said="true",
    )
    bare = Kept(verdict=verdict(), status=502)
    assert [Kept.load(each.dump()) for each in (full, bare)] == [full, bare]


@pytest.mark.parametrize(
    ("failure", "left_s", "patience", "should_retry", "waits"),
    [
        (verdict(wait_s=30), 12.3, None, True, {"retry-after": "13", "retry-after-ms": "12300"}),
        (verdict(wait_s=200), 120.0, None, True, {"retry-after": "120", "retry-after-ms": "120000"}),
        (verdict(wait_s=200), 120.0, "100", False, {"retry-after": "120", "retry-after-ms": "120000"}),
        (verdict(Class.BUDGET_EXHAUSTED), None, None, False, {}),
        (verdict(Class.OVERLOADED), None, None, True, {}),
    ],
)
def test_what_is_told_is_what_holds_now(
    failure: Verdict, left_s: float | None, patience: str | None, should_retry: bool, waits: dict[str, str]
) -> None:
    read = {} if patience is None else {"x-stainless-read-timeout": patience}
    told, facts = Again(kept(failure), 7.9, left_s).told("call", read)
    assert (told.cls, told.reason, told.rule, told.source) == (failure.cls, "any", "any.rule", Source.PROXY)
    assert (facts.should_retry, dict(facts.waits), facts.replayed_s) == (should_retry, waits, 7)
    assert facts.session.action is failure.action


# -- on the wire


def failing(status: int, error: dict[str, str], *headers: str) -> bytes:
    body = json.dumps({"error": error}).encode()
    lines = [f"HTTP/1.1 {status} So", "Content-Type: application/json", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


EMPTY = failing(429, {"message": "No money", "code": "insufficient_quota"}, "X-Mine: 1", "X-Request-Id: req_1")
LIMIT = failing(429, {"message": "Slow", "code": "rate_limit_exceeded"}, "Retry-After: 30", "x-should-retry: true")
DOWN = failing(503, {"message": "Down"})
ON = {"gate": True}


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PROBE_EVERY_S", 0.4)


async def test_calls_that_cannot_succeed_are_answered_at_once() -> None:
    async with proxied(EMPTY, **ON) as (service, up):
        real = await talk(service, post())
        again = await talk(service, post())
        assert len(up.requests) == 1
    tags, told = headers_of(real), headers_of(again)
    assert body_part(again) == body_part(real)
    assert again.startswith(b"HTTP/1.1 429 So\r\n")
    same = ("class", "reason", "scope", "rule", "confidence", "advice")
    assert [told[f"x-llm-error-{name}"] for name in same] == [tags[f"x-llm-error-{name}"] for name in same]
    assert (tags["x-llm-error-source"], told["x-llm-error-source"]) == ("upstream", "proxy")
    assert (told["x-llm-session-action"], told["x-should-retry"]) == ("keep", "false")
    assert (told["x-llm-replayed"], told["x-mine"]) == ("0", "1")
    assert "x-request-id" not in told
    assert told["x-llm-call-id"] != tags["x-llm-call-id"]


async def test_the_wait_is_what_is_left_of_it() -> None:
    async with proxied(LIMIT, **ON) as (service, up):
        await talk(service, post())
        await asyncio.sleep(1.0)
        told = await talk(service, post())
        assert len(up.requests) == 1
    assert told.lower().count(b"retry-after:") == told.lower().count(b"x-should-retry:") == 1
    assert headers_of(told)["retry-after"] in ("28", "29")
    assert int(headers_of(told)["x-llm-replayed"]) >= 1
    assert headers_of(told)["x-should-retry"] == "true"


async def test_a_drained_budget_closes_it_and_a_good_probe_opens_it(often: None) -> None:
    answers = [DOWN] * 5

    async def script(connection: Connection, _: Request) -> None:
        await connection.send(answers.pop() if answers else OK)

    settings = {**ON, "retry": {"base": "1ms", "cap": "1ms"}}
    async with proxied(script, **settings) as (service, up):
        assert headers_of(await talk(service, post()))["x-llm-retries"] == "3"
        told = await talk(service, post())
        assert (status_of(told), headers_of(told)["x-llm-error-class"]) == (503, "provider_error")
        assert headers_of(told)["x-should-retry"] == "true"
        assert len(up.requests) == 4
        await asyncio.sleep(0.4)
        answered = await asyncio.gather(*(talk(service, post()) for _ in range(10)))
        assert sorted(map(status_of, answered)) == [503] * 10
        assert len(up.requests) == 5
        await asyncio.sleep(0.4)
        assert status_of(await talk(service, post())) == 200
        assert status_of(await talk(service, post())) == 200


async def test_other_calls_callers_and_dialects() -> None:
    async with proxied(EMPTY, **ON) as (service, up):
        await talk(service, post(b"{}", "/v1/chat/completions", "Authorization: Bearer a"))
        await talk(service, get("/v1/models", "Authorization: Bearer a"))
        await talk(service, post(b"{}", "/v1/chat/completions", "Authorization: Bearer b"))
        assert len(up.requests) == 3
        told = await talk(service, post(b"{}", "/v1/messages", "Authorization: Bearer a"))
        assert len(up.requests) == 3
    assert json.loads(body_part(told))["type"] == "error"
    assert headers_of(told)["x-llm-error-reason"] == "insufficient_quota"


async def test_off_by_default() -> None:
    async with proxied(EMPTY) as (service, up):
        for _ in range(2):
            assert "x-llm-replayed" not in headers_of(await talk(service, post()))
        assert len(up.requests) == 2


async def test_one_upstream_alone_can_have_it() -> None:
    async with proxied(EMPTY, up={"gate": True}) as (service, up):
        for _ in range(2):
            await talk(service, post())
        assert len(up.requests) == 1


async def test_observing_it_is_counted_only() -> None:
    async with proxied(EMPTY, mode="observe", **ON) as (service, up):
        for _ in range(3):
            assert "x-llm-replayed" not in headers_of(await talk(service, post()))
        assert len(up.requests) == 3
        metrics = service.reporter.scrape("")[0].decode()
    assert 'llm_triage_would_total{upstream="up",what="gate"} 2.0' in metrics


async def test_services_that_share_a_store_share_the_gate() -> None:
    async with proxied(EMPTY, **ON) as (one, up):
        settings = config(up.url, **ON)
        other = Service(settings, one._rules)
        other.store = one.store
        await other.start()
        await talk(one, post())
        assert headers_of(await talk(other, post()))["x-llm-replayed"] == "0"
        assert len(up.requests) == 1
        await other.close()


async def test_a_page_of_another_origin_can_read_it() -> None:
    settings = {**ON, "cors": ["https://page.test"]}
    async with proxied(EMPTY, **settings) as (service, _):
        call = post(b"{}", "/v1/chat/completions", "Origin: https://page.test")
        await talk(service, call)
        told = headers_of(await talk(service, call))
    assert told["access-control-allow-origin"] == "https://page.test"
    assert "x-llm-replayed" in told["access-control-expose-headers"]


async def test_what_is_kept_holds_no_credential() -> None:
    async with proxied(EMPTY, **ON) as (service, _):
        await talk(
            service, post(b'{"prompt":"quiet words"}', "/v1/chat/completions", "Authorization: Bearer sk-secret")
        )
        held = await service.store.listing("gate", 10)
    assert held
    text = repr(held)
    assert "secret" not in text
    assert "quiet" not in text
