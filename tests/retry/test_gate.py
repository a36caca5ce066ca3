"""What closes the gate, and for how long."""

from __future__ import annotations

import pytest

from proxy.model import TRAITS, Class, Confidence, Scope, Verdict, Wait, WaitOrigin
from proxy.retry.gate import UNSTATED_S, Closure, closed_again, closure_of


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


CLOSES = [
    ("a stated wait", verdict(wait_s=30), False, 130.0),
    ("a wait that overload states", verdict(Class.OVERLOADED, 30), False, 130.0),
    ("no money", verdict(Class.BUDGET_EXHAUSTED), False, None),
    ("no money, with a date", verdict(Class.BUDGET_EXHAUSTED, 900), False, None),
    ("a drained budget", verdict(Class.PROVIDER_ERROR), True, None),
    ("a drained budget and a stated wait", verdict(wait_s=30), True, 130.0),
]


@pytest.mark.parametrize(
    ("failure", "drained", "until"), [case[1:] for case in CLOSES], ids=[case[0] for case in CLOSES]
)
def test_what_closes_it(failure, drained, until):
    assert closure_of(failure, 100.0, drained=drained) == Closure(100.0, until)


STAYS_OPEN = [
    ("a limit without a wait", verdict(), False),
    ("a wait of nothing", verdict(wait_s=0), False),
    ("a fault of the provider", verdict(Class.PROVIDER_ERROR), False),
    ("a refused credential", verdict(Class.AUTH, 30), True),
    ("a bad request", verdict(Class.BAD_REQUEST, 30), True),
    ("one request's own limit", verdict(wait_s=30, scope=Scope.REQUEST), True),
    ("one session's own limit", verdict(wait_s=30, scope=Scope.SESSION), True),
    ("the proxy's own refusal", verdict(Class.OVERLOADED, 1, scope=Scope.PROXY), True),
    ("nobody knows", verdict(Class.UNKNOWN, 30), True),
]


@pytest.mark.parametrize(
    ("failure", "drained"), [case[1:] for case in STAYS_OPEN], ids=[case[0] for case in STAYS_OPEN]
)
def test_what_does_not(failure, drained):
    assert closure_of(failure, 100.0, drained=drained) is None


STATED = Closure(100.0, 130.0)
BROKE = Closure(100.0, None)


@pytest.mark.parametrize(
    ("before", "after", "until"),
    [
        (None, STATED, 130.0),
        (Closure(90.0, 150.0), STATED, 150.0),
        (Closure(90.0, 110.0), STATED, 130.0),
        (Closure(90.0, None), STATED, 130.0),
        (Closure(90.0, 150.0), BROKE, None),
    ],
)
def test_the_latest_answer_counts_and_the_longest_wait(before, after, until):
    assert closed_again(before, after) == Closure(100.0, until)


def test_what_is_left_of_a_stated_wait():
    assert (STATED.left_s(101.0), STATED.keeps_s(101.0)) == (29.0, 29.0)
    assert STATED.keeps_s(130.0) == 0.0
    assert (BROKE.left_s(101.0), BROKE.keeps_s(101.0)) == (None, UNSTATED_S)
