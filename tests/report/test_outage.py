from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from proxy.model import Class, Source, Verdict
from proxy.report.outage import Outages, is_providers_fault

Make = Callable[..., Verdict]


@pytest.fixture
def outages() -> Outages:
    return Outages(threshold=5, clear_s=30.0)


def fail(outages: Outages, verdict: Verdict, *times_s: float) -> list[bool]:
    return [outages.failed("openai", verdict, now_s) for now_s in times_s]


@pytest.mark.parametrize("cls", list(Class))
def test_only_what_is_the_providers_fault_counts(cls: Class, verdict: Make) -> None:
    counted = {Class.NETWORK, Class.TIMEOUT, Class.PROVIDER_ERROR, Class.OVERLOADED}
    assert is_providers_fault(verdict(cls)) == (cls in counted)


def test_what_the_proxy_said_is_not_the_providers_fault(verdict: Make) -> None:
    assert not is_providers_fault(verdict(Class.OVERLOADED, Source.PROXY))
    assert is_providers_fault(verdict(Class.NETWORK, Source.TRANSPORT))


def test_an_outage_opens_with_the_thresholds_failure_and_only_once(outages: Outages, verdict: Make) -> None:
    assert fail(outages, verdict(), *range(8)) == [False, False, False, False, True, False, False, False]


def test_a_success_ends_a_run(outages: Outages, verdict: Make) -> None:
    fail(outages, verdict(), 0, 1, 2, 3)
    outages.succeeded("openai", 4)
    assert not outages.troubles
    assert fail(outages, verdict(), 5, 6, 7, 8, 9)[-1]


def test_upstreams_are_counted_apart(outages: Outages, verdict: Make) -> None:
    fail(outages, verdict(), 0, 1, 2, 3)
    assert not outages.failed("anthropic", verdict(), 4)
    outages.succeeded("anthropic", 5)
    assert outages.failed("openai", verdict(), 6)
    assert outages.is_open("openai")
    assert not outages.is_open("anthropic")


def test_an_outage_is_over_when_the_time_has_passed_since_the_first_success(outages: Outages, verdict: Make) -> None:
    fail(outages, verdict(), *range(10))
    outages.succeeded("openai", 20)
    outages.succeeded("openai", 40)
    assert outages.settle(49.9) == ()
    (recovery,) = outages.settle(50)
    assert (recovery.upstream, recovery.length_s, recovery.failures) == ("openai", 20, 10)
    assert not outages.troubles


def test_time_alone_ends_no_outage(outages: Outages, verdict: Make) -> None:
    fail(outages, verdict(), *range(5))
    assert outages.settle(10_000) == ()
    outages.succeeded("openai", 10_000)
    assert outages.settle(10_001) == ()


def test_another_run_keeps_an_outage_open(outages: Outages, verdict: Make) -> None:
    fail(outages, verdict(), *range(5))
    outages.succeeded("openai", 10)
    fail(outages, verdict(), 20, 21, 22, 23, 24)
    assert outages.settle(45) == ()
    outages.succeeded("openai", 46)
    (recovery,) = outages.settle(76)
    assert recovery.failures == 10


def test_single_failures_do_not_keep_an_outage_open(outages: Outages, verdict: Make) -> None:
    fail(outages, verdict(), *range(5))
    outages.succeeded("openai", 10)
    fail(outages, verdict(), 20, 21, 22, 23)
    outages.succeeded("openai", 25)
    assert len(outages.settle(40)) == 1


def test_a_run_that_has_begun_goes_on_after_the_outage_before_it(outages: Outages, verdict: Make) -> None:
    fail(outages, verdict(), *range(5))
    outages.succeeded("openai", 10)
    fail(outages, verdict(), 38, 39, 39.5)
    outages.settle(41)
    assert fail(outages, verdict(), 41, 42) == [False, True]


@pytest.mark.parametrize("seed", range(5))
def test_a_coin_toss_for_ten_minutes_is_one_outage(seed: int, verdict: Make) -> None:
    outages = Outages(threshold=5, clear_s=30.0)
    chance = random.Random(seed)
    opened = over = 0
    failures = 0
    for tick in range(20 * 600):
        now_s = tick / 20
        over += len(outages.settle(now_s))
        if chance.random() < 0.5:
            failures += 1
            opened += outages.failed("openai", verdict(), now_s)
        else:
            outages.succeeded("openai", now_s)
    assert failures > 5000
    assert (opened, over) == (1, 0)
    for tick in range(20 * 31):
        now_s = 600 + tick / 20
        outages.succeeded("openai", now_s)
        over += len(outages.settle(now_s))
    assert (opened, over) == (1, 1)
