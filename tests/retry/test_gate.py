"""The gate, on a clock in hand."""

from __future__ import annotations

import itertools

import pytest

from proxy.model import TRAITS, Class, Confidence, Scope, Verdict, Wait, WaitOrigin
from proxy.retry.gate import PROBE_EVERY_S, Closure, Gates, Pass, Replay, close, closure_of, pass_by

KEY = ("openai", "credential")
OTHER = ("openai", "other")


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


def model() -> str | None:
    return "model"


def unasked() -> str | None:
    raise AssertionError("the request was parsed")


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
    assert closure_of(failure, "answer", 100.0, drained=drained) == Closure(
        "answer", 100.0, until, 100.0 + PROBE_EVERY_S
    )


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
    assert closure_of(failure, "answer", 100.0, drained=drained) is None


STATED = Closure("answer", 100.0, 130.0, 105.0)
BROKE = Closure("answer", 100.0, None, 105.0)


@pytest.mark.parametrize(
    ("closure", "now", "passed", "after"),
    [
        (None, 100.0, Pass(), None),
        (STATED, 101.0, Replay("answer", 1.0, 29.0), STATED),
        (STATED, 105.0, Pass(probes=True), Closure("answer", 100.0, 130.0, 110.0)),
        (STATED, 130.0, Pass(), None),
        (BROKE, 104.0, Replay("answer", 4.0, None), BROKE),
        (BROKE, 9000.0, Pass(probes=True), Closure("answer", 100.0, None, 9005.0)),
    ],
)
def test_a_call_before_the_gate(closure, now, passed, after):
    assert pass_by(closure, now) == (passed, after)


@pytest.mark.parametrize(
    ("before", "after", "until"),
    [
        (None, STATED, 130.0),
        (Closure("old", 90.0, 150.0, 95.0), STATED, 150.0),
        (Closure("old", 90.0, 110.0, 95.0), STATED, 130.0),
        (Closure("old", 90.0, None, 95.0), STATED, 130.0),
        (Closure("old", 90.0, 150.0, 95.0), BROKE, None),
    ],
)
def test_the_latest_answer_counts_and_the_longest_wait(before, after, until):
    closed = close(before, after)
    assert (closed.answer, closed.answered_at, closed.until) == ("answer", 100.0, until)


def closed_by(failure: Verdict, *, drained: bool = False) -> Gates[str]:
    gates: Gates[str] = Gates()
    gates.failed(KEY, "model", failure, "answer", 100.0, drained=drained)
    return gates


def test_an_open_gate_lets_all_pass_and_looks_at_no_request():
    assert Gates[str]().pass_by(KEY, unasked, 0.0) == Pass()


def test_a_hundred_calls_at_once_are_one_probe():
    gates = closed_by(verdict(Class.BUDGET_EXHAUSTED))
    passed = [gates.pass_by(KEY, unasked, 105.0) for _ in range(100)]
    assert passed.count(Pass(probes=True)) == 1
    assert passed.count(Replay("answer", 5.0, None)) == 99


def test_one_probe_an_interval_for_as_long_as_it_fails():
    gates = closed_by(verdict(Class.BUDGET_EXHAUSTED))
    probes = []
    for tick in range(600):
        now = 100.0 + tick / 10
        if isinstance(gates.pass_by(KEY, unasked, now), Pass):
            probes.append(now)
            gates.failed(KEY, "model", verdict(Class.BUDGET_EXHAUSTED), f"answer at {now}", now)
    assert len(probes) == 11
    assert all(later - first >= PROBE_EVERY_S for first, later in itertools.pairwise(probes))
    assert gates.pass_by(KEY, unasked, 156.0) == Replay("answer at 155.0", 1.0, None)


def test_a_probe_that_never_comes_back_blocks_nobody():
    """Its client may have left."""
    gates = closed_by(verdict(Class.BUDGET_EXHAUSTED))
    assert gates.pass_by(KEY, unasked, 105.0) == Pass(probes=True)
    assert gates.pass_by(KEY, unasked, 110.0) == Pass(probes=True)


def test_a_good_answer_to_a_probe_opens_it():
    gates = closed_by(verdict(Class.PROVIDER_ERROR), drained=True)
    gates.succeeded(KEY, "model")
    assert gates.pass_by(KEY, unasked, 101.0) == Pass()
    assert gates._closed == {}


def test_it_opens_when_the_stated_wait_is_over():
    gates = closed_by(verdict(wait_s=30))
    assert isinstance(gates.pass_by(KEY, unasked, 101.0), Replay)
    assert gates.pass_by(KEY, unasked, 130.0) == Pass()
    assert gates._closed == {}


def test_another_credential_passes():
    assert closed_by(verdict(wait_s=30)).pass_by(OTHER, unasked, 101.0) == Pass()


def test_a_models_shortage_closes_that_model_alone():
    gates = closed_by(verdict(Class.OVERLOADED, 30))
    assert gates.pass_by(KEY, model, 101.0) == Replay("answer", 1.0, 29.0)
    assert gates.pass_by(KEY, lambda: "another", 101.0) == Pass()
    assert gates.pass_by(KEY, lambda: None, 101.0) == Pass()


def test_a_probe_is_not_claimed_by_a_call_that_does_not_pass():
    gates = closed_by(verdict(Class.OVERLOADED, 30))
    gates.failed(KEY, "model", verdict(wait_s=30), "later", 103.0)
    assert gates.pass_by(KEY, model, 106.0) == Replay("later", 3.0, 27.0)
    assert gates.pass_by(KEY, model, 108.0) == Pass(probes=True)
    assert isinstance(gates.pass_by(KEY, model, 109.0), Replay)


def test_memory_is_bounded():
    gates: Gates[str] = Gates(most_keys=8)
    for n in range(100):
        gates.failed(n, None, verdict(wait_s=30), "answer", 0.0)
    for n in range(1000):
        gates.failed(99, f"model-{n}", verdict(Class.OVERLOADED, 30), "answer", 0.0)
    assert len(gates._closed) == 8
    assert sum(len(closures) for closures in gates._closed.values()) <= 8 + 64
