from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from functools import partial

import pytest

from proxy.model import Verdict
from proxy.report import Metrics, Reporter, ReportSettings, Words
from proxy.report.teller import CLAIM_S, RENEW_S, Teller
from proxy.store.memory import MemoryStore
from tests.report.conftest import Clock


async def told(*tellers: Teller, now_s: float, upstream: str = "openai") -> list[int]:
    """Which of them tell, when all see an upstream fail."""
    lines: list[int] = []
    for number, teller in enumerate(tellers):
        teller.failing(upstream, now_s, partial(lines.append, number))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    return lines


@pytest.fixture
def store(clock: Clock) -> MemoryStore:
    return MemoryStore(clock)


async def test_without_a_store_each_process_tells_once() -> None:
    one, other = Teller(), Teller()
    assert await told(one, other, now_s=0) == [0, 1]
    assert await told(one, other, now_s=1) == []
    assert one.over("openai")
    assert await told(one, other, now_s=2) == [0]


async def test_with_a_shared_store_the_first_tells_for_all(store: MemoryStore) -> None:
    one, other, third = Teller(store), Teller(store), Teller(store)
    assert await told(one, other, third, now_s=0) == [0]
    assert not other.over("openai")
    assert one.over("openai")


async def test_each_upstream_is_told_for_itself(store: MemoryStore) -> None:
    one, other = Teller(store), Teller(store)
    assert await told(one, now_s=0) == [0]
    assert await told(other, now_s=0, upstream="anthropic") == [0]


async def test_a_claim_is_kept_for_as_long_as_the_outage_is_open(store: MemoryStore, clock: Clock) -> None:
    one, other = Teller(store), Teller(store)
    await told(one, other, now_s=clock())
    for _ in range(5):
        clock.now_s += RENEW_S
        one.renew(clock())
        assert await told(one, other, now_s=clock()) == []


async def test_the_next_outage_is_told_anew_by_whoever_sees_it_first(store: MemoryStore) -> None:
    one, other = Teller(store), Teller(store)
    await told(one, other, now_s=0)
    assert [one.over("openai"), other.over("openai")] == [True, False]
    await asyncio.sleep(0)
    assert await told(other, one, now_s=100) == [0]


async def test_the_claim_of_a_process_that_died_runs_out(store: MemoryStore, clock: Clock) -> None:
    dead, other = Teller(store), Teller(store)
    await told(dead, other, now_s=clock())
    clock.now_s += CLAIM_S
    assert await told(other, now_s=clock()) == [0]
    assert other.over("openai")


async def test_two_reporters_with_one_store_write_one_line_for_the_beginning_and_one_for_the_end(
    clock: Clock, store: MemoryStore, verdict: Callable[..., Verdict], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "llm_triage")
    reporters = [
        Reporter(ReportSettings(upstreams=("openai",)), Metrics(Words()), clock=clock, claims=store) for _ in range(2)
    ]
    for _ in range(50):
        for reporter in reporters:
            reporter.attempt_failed("openai", verdict())
        await asyncio.sleep(0)
        clock.now_s += 0.1
    for reporter in reporters:
        reporter.attempt_succeeded("openai")
    clock.now_s += 31
    for reporter in reporters:
        reporter.flush()
    assert [record.message for record in caplog.records] == ["outage began", "outage over"]
    assert [reporter.snapshot()["upstreams"][0]["up"] for reporter in reporters] == [True, True]  # type: ignore[index]
