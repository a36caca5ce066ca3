"""Waits stated to one call hold the retries of all calls like it."""

from __future__ import annotations

import pytest

from proxy.retry.pace import Pace

KEY = ("openai", "credential", "model")


def test_nothing_stated_holds_nothing():
    assert Pace().until(KEY) < 0


@pytest.mark.parametrize(
    ("stated", "until"),
    [
        ([(0.0, 5.0)], 5.0),
        ([(0.0, 5.0), (1.0, 1.0)], 5.0),
        ([(0.0, 5.0), (1.0, 9.0)], 10.0),
        ([(0.0, 5.0), (20.0, 2.0)], 22.0),
    ],
)
def test_the_latest_end_counts(stated, until):
    pace = Pace()
    for now, wait_s in stated:
        pace.state(KEY, wait_s, now)
    assert pace.until(KEY) == until


def test_another_model_or_credential_is_not_held():
    pace = Pace()
    pace.state(KEY, 60.0, 0.0)
    assert pace.until(("openai", "credential", "other")) < 0
    assert pace.until(("openai", "other", "model")) < 0


def test_memory_is_bounded_and_what_is_over_goes_first():
    pace = Pace(most_keys=8)
    pace.state("long", 1000.0, 0.0)
    for n in range(100):
        pace.state(n, 1.0, float(n * 2))
        assert len(pace._ends) <= 8
    assert pace.until("long") == 1000.0


def test_when_all_still_hold_the_oldest_go():
    pace = Pace(most_keys=8)
    for n in range(9):
        pace.state(n, 1000.0, 0.0)
    assert [n for n in range(9) if pace.until(n) > 0] == [2, 3, 4, 5, 6, 7, 8]
