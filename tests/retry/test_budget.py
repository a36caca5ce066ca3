"""The budget of retries, on a clock in hand."""

from __future__ import annotations

import random
import time

import pytest

from proxy.retry import budget as module
from proxy.retry.budget import Budget

A = ("openai", "a")
B = ("openai", "b")


SHARE = 0.2


def filled(requests: int, *, at: float = 0.0) -> Budget:
    budget = Budget()
    for _ in range(requests):
        budget.count(A, at)
    return budget


def spent(budget: Budget, key, now: float, tries: int = 500, *, share: float = SHARE) -> int:
    return sum(budget.spend(key, now, share) for _ in range(tries))


@pytest.mark.parametrize(
    ("requests", "share", "retries"),
    [
        (0, 0.2, 3),
        (1, 0.2, 3),
        (15, 0.2, 3),
        (20, 0.2, 4),
        (100, 0.2, 20),
        (1000, 0.2, 200),
        (100, 0.0, 3),
        (100, 0.29, 29),
    ],
)
def test_a_share_of_the_requests_and_at_least_three(requests, share, retries):
    assert spent(filled(requests), A, 1.0, share=share) == retries


def test_three_in_any_ten_seconds():
    budget = Budget()
    budget.count(A, 0.0)
    times = [tick / 10 for tick in range(1000) if budget.spend(A, tick / 10, SHARE)]
    assert len(times) == 30
    assert all(later - first >= 10.0 for first, later in zip(times, times[3:], strict=False))


def test_the_least_is_not_added_to_the_share():
    budget = filled(50)
    assert spent(budget, A, 1.0) == 10
    assert spent(budget, A, 10.0) == 0
    assert spent(budget, A, 11.5) == 3


@pytest.mark.parametrize(("later_s", "retries"), [(30.0, 100), (54.0, 100), (61.0, 3), (3600.0, 3)])
def test_requests_count_for_a_minute(later_s, retries):
    assert spent(filled(500), A, later_s) == retries


@pytest.mark.parametrize(("later_s", "retries"), [(66.0, 3), (100.0, 3), (116.0, 20)])
def test_retries_count_for_a_minute_too(later_s, retries):
    """Those of the 54th second outlast the requests that paid for them."""
    budget = filled(500)
    assert spent(budget, A, 54.0) == 100
    for _ in range(100):
        budget.count(A, later_s)
    assert spent(budget, A, later_s) == retries


def test_another_credential_is_untouched():
    budget = filled(1000)
    assert spent(budget, A, 1.0) == 200
    assert spent(budget, B, 1.0) == 3


def test_an_hour_of_a_storm_keeps_to_the_share():
    """Every call fails and asks for as many retries as it can get."""
    budget, source, now, requests, retries = Budget(), random.Random(3), 0.0, 0, 0
    while now < 3600.0:
        now += source.expovariate(5.0)
        budget.count(A, now)
        requests += 1
        retries += sum(budget.spend(A, now, SHARE) for _ in range(5))
    assert 0.15 * requests < retries <= 0.2 * requests + 3


def test_memory_is_bounded_and_let_go(monkeypatch):
    monkeypatch.setattr(module, "_MOST_KEYS", 10)
    budget = Budget()
    for n in range(1000):
        budget.count(("openai", n), 0.0)
        budget.spend(("openai", n), 0.0, SHARE)
    assert sum(len(period.requests) + len(period.retries) for period in budget._periods) == 20
    budget.count(A, 120.0)
    assert sum(len(period.requests) + len(period.retries) for period in budget._periods) == 1


def test_a_crowd_beyond_the_memory_takes_nothing_from_those_within(monkeypatch):
    monkeypatch.setattr(module, "_MOST_KEYS", 1)
    budget = filled(100)
    for n in range(100):
        budget.count(("openai", n), 0.0)
    assert spent(budget, A, 0.0) == 20


def test_a_clock_that_stands_still_for_days_is_no_work():
    budget = filled(10)
    budget.count(A, 1e9)
    assert spent(budget, A, 1e9) == 3


def test_counting_a_request_costs_less_than_a_microsecond():
    budget = filled(1)
    best = float("inf")
    for _ in range(20):
        began = time.perf_counter()
        for _ in range(1000):
            budget.count(A, 1.0)
        best = min(best, time.perf_counter() - began)
    assert best / 1000 < 1e-6
