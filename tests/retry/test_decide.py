"""Wait or stop, case by case, on a clock that stands at 100 s and with chance in hand."""

from __future__ import annotations

import itertools
import random

import pytest

from proxy.model import TRAITS, Class, Confidence, Verdict, Wait, WaitOrigin
from proxy.retry.alone import Alone
from proxy.retry.decide import Backoff, Failed, Retry, Stop, Why, decide, decide_again
from proxy.retry.patience import Limits

NOW = 100.0
RETRYABLE = [cls for cls, traits in TRAITS.items() if traits.can_retry]


def verdict(cls: Class = Class.OVERLOADED, wait_s: float | None = None) -> Verdict:
    return Verdict(
        cls=cls,
        reason="any",
        rule="any.rule",
        confidence=Confidence.CODE,
        scope=TRAITS[cls].scope,
        action=TRAITS[cls].action,
        advice="Any.",
        wait=None if wait_s is None else Wait(wait_s, WaitOrigin.RETRY_AFTER),
    )


class Purse:
    """A budget that says whether it was asked."""

    def __init__(self, allows: bool = True) -> None:
        self.allows = allows
        self.asked = 0

    def __call__(self) -> bool:
        self.asked += 1
        return self.allows


def ask(
    cls: Class = Class.OVERLOADED,
    *,
    wait_s: float | None = None,
    retries: int = 0,
    may_repeat: bool = True,
    said: str | None = None,
    is_peer: bool = False,
    left_s: float = 15.0,
    most: int = 5,
    paced_s: float = float("-inf"),
    chance: float = 0.5,
    spend: Purse | None = None,
    made: int | None = None,
) -> Retry | Stop:
    return decide(
        Failed(verdict=verdict(cls, wait_s), retries=retries, may_repeat=may_repeat, said=said, is_peer=is_peer),
        now=NOW,
        limits=Limits(most, NOW + left_s, alone=None if made is None else Alone(made)),
        backoff=Backoff(),
        paced_until=NOW + paced_s,
        chance=lambda: chance,
        spend=spend or Purse(),
    )


@pytest.mark.parametrize("cls", Class)
def test_only_what_time_mends_is_repeated(cls):
    assert (ask(cls) == Stop(Why.CLASS)) is (cls not in RETRYABLE)


STOPS = [
    ("the provider forbids it", {"said": "false"}, Stop(Why.PROVIDER)),
    ("a peer has done it", {"is_peer": True}, Stop(Why.PEER)),
    ("it could be done twice", {"may_repeat": False}, Stop(Why.UNSAFE)),
    ("it could be done twice, at last", {"may_repeat": False, "retries": 5}, Stop(Why.UNSAFE)),
    ("retries are off", {"most": 0}, Stop(Why.MAX)),
    ("one was allowed", {"most": 1, "retries": 1}, Stop(Why.MAX)),
    ("two were allowed", {"most": 2, "retries": 2}, Stop(Why.MAX, used_up=True)),
    ("all were made", {"retries": 5}, Stop(Why.MAX, used_up=True)),
    ("the deadline is now", {"left_s": 0.0}, Stop(Why.DEADLINE)),
    ("the deadline is over after one", {"left_s": -1.0, "retries": 1}, Stop(Why.DEADLINE)),
    ("the deadline is over after two", {"left_s": -1.0, "retries": 2}, Stop(Why.DEADLINE, used_up=True)),
    ("the stated wait does not fit", {"wait_s": 15.1}, Stop(Why.WAIT)),
    ("it does not fit after three either", {"wait_s": 15.1, "retries": 3}, Stop(Why.WAIT)),
    ("another's stated wait does not fit", {"paced_s": 15.1}, Stop(Why.WAIT)),
    ("the budget is closed", {"spend": Purse(allows=False)}, Stop(Why.BUDGET)),
    ("the budget is closed after three", {"spend": Purse(allows=False), "retries": 3}, Stop(Why.BUDGET)),
]


@pytest.mark.parametrize(("facts", "expected"), [case[1:] for case in STOPS], ids=[case[0] for case in STOPS])
def test_stops(facts, expected):
    assert ask(**facts) == expected


@pytest.mark.parametrize("said", [None, "true", "", "no"])
def test_only_a_plain_no_of_the_provider_binds(said):
    assert isinstance(ask(said=said), Retry)


DRAWN = [
    ("at most the base", {"chance": 0.999}, 1.998),
    ("as little as nothing", {"chance": 0.0}, 0.0),
    ("twice as long after one", {"retries": 1, "chance": 0.5}, 2.0),
    ("four times after two", {"retries": 2, "chance": 0.5}, 4.0),
    ("sixteen times after four", {"retries": 4, "chance": 0.5, "left_s": 60.0}, 16.0),
    ("capped", {"retries": 5, "most": 9, "chance": 0.5, "left_s": 60.0}, 16.0),
    ("capped after ever so many", {"retries": 5000, "most": 9999, "chance": 0.5, "left_s": 60.0}, 16.0),
    ("cut to what is left", {"retries": 4, "chance": 0.9, "left_s": 3.0}, 3.0),
    ("a stated wait of nothing states none", {"wait_s": 0.0, "chance": 0.5}, 1.0),
    ("longer than another's wait", {"paced_s": 0.9, "chance": 0.5}, 1.0),
    ("another's wait is over", {"paced_s": -5.0, "chance": 0.5}, 1.0),
]


@pytest.mark.parametrize(("facts", "wait_s"), [case[1:] for case in DRAWN], ids=[case[0] for case in DRAWN])
def test_a_drawn_wait(facts, wait_s):
    decision = ask(**facts)
    assert isinstance(decision, Retry)
    assert decision.wait_s == pytest.approx(wait_s)


@pytest.mark.parametrize("wait_s", [0.001, 0.5, 1.0, 7.3, 14.99, 15.0])
@pytest.mark.parametrize("chance", [0.0, 0.5, 0.999])
@pytest.mark.parametrize("retries", [0, 4])
def test_a_stated_wait_is_obeyed_with_a_little_on_top(wait_s, chance, retries):
    decision = ask(Class.RATE_LIMITED, wait_s=wait_s, chance=chance, retries=retries)
    assert isinstance(decision, Retry)
    assert wait_s <= decision.wait_s <= min(15.0, wait_s + 0.01)


def test_two_calls_with_the_same_stated_wait_do_not_come_together():
    assert ask(wait_s=5.0, chance=0.2) != ask(wait_s=5.0, chance=0.8)


@pytest.mark.parametrize("paced_s", [2.5, 8.0, 15.0])
@pytest.mark.parametrize("chance", [0.0, 0.5, 0.999])
@pytest.mark.parametrize("own_s", [None, 1.0])
def test_a_wait_stated_to_another_call_holds_this_one_and_spreads_it(paced_s, chance, own_s):
    decision = ask(wait_s=own_s, paced_s=paced_s, chance=chance)
    assert isinstance(decision, Retry)
    assert paced_s <= decision.wait_s <= min(15.0, paced_s * 1.1)


@pytest.mark.parametrize("cls", RETRYABLE)
@pytest.mark.parametrize(("wait_s", "free"), [(None, False), (0.0, False), (3.0, True)])
def test_what_the_budget_is_for(cls, wait_s, free):
    """All but a caller's own window with a stated end."""
    purse = Purse()
    assert isinstance(ask(cls, wait_s=wait_s, spend=purse), Retry)
    assert purse.asked == (0 if free and cls is Class.RATE_LIMITED else 1)


IN_PLACE_OF_THE_CALLER = [
    # (repeats it has made, repeats of ours, the shortest and the longest wait)
    (0, 0, 0.3375, 0.375),
    (0, 1, 0.675, 0.75),
    (1, 0, 0.675, 0.75),
    (0, 2, 0.0, 8.0),
    (1, 1, 0.0, 4.0),
    (2, 0, 0.0, 2.0),
    (0, 3, 0.0, 16.0),
]


@pytest.mark.parametrize(("made", "retries", "shortest_s", "longest_s"), IN_PLACE_OF_THE_CALLER)
def test_a_caller_that_repeats_by_itself_is_not_served_later_than_it_would_be_alone(
    made, retries, shortest_s, longest_s
):
    decisions = [ask(made=made, retries=retries, chance=chance, left_s=60.0) for chance in (0.0, 0.5, 0.999_999)]
    waits = [decision.wait_s for decision in decisions if isinstance(decision, Retry)]
    assert len(waits) == 3
    assert min(waits) == pytest.approx(shortest_s, abs=1e-4)
    assert max(waits) == pytest.approx(longest_s, abs=1e-4)


@pytest.mark.parametrize(
    ("made", "retries", "needed_s"),
    [(0, 0, 1.125), (0, 1, 0.75), (1, 0, 0.75)],
    ids=["both", "last", "last of its own"],
)
def test_what_the_deadline_would_cut_short_is_left_to_such_a_caller(made, retries, needed_s):
    """Else it would be told, before its own repeats are due, that they have been made."""
    purse = Purse()
    assert ask(made=made, retries=retries, left_s=needed_s - 0.01, spend=purse) == Stop(Why.DEADLINE)
    assert purse.asked == 0
    assert isinstance(ask(made=made, retries=retries, left_s=needed_s), Retry)
    assert isinstance(ask(retries=retries, left_s=0.1), Retry)


def test_a_shorter_schedule_stays_shorter():
    quick = Backoff(base_s=0.02, cap_s=0.03)
    limits = Limits(5, NOW + 60, alone=Alone(0))
    decision = decide(
        Failed(verdict=verdict(), retries=1, may_repeat=True),
        now=NOW,
        limits=limits,
        backoff=quick,
        paced_until=0.0,
        chance=lambda: 0.0,
        spend=lambda: True,
    )
    assert decision == Retry(0.03)


@pytest.mark.parametrize("made", [0, 1, 2, 7])
@pytest.mark.parametrize("retries", [0, 1, 2, 4])
def test_of_its_own_window_such_a_caller_has_those_repeats_free_that_it_would_make(made, retries):
    purse = Purse()
    assert isinstance(ask(Class.RATE_LIMITED, wait_s=1.0, made=made, retries=retries, spend=purse), Retry)
    assert purse.asked == (0 if made + retries < 2 else 1)


WINDOWS = [
    # (what is known, whether the caller has had all that it would have had alone)
    ("the budget is closed after both repeats", {"retries": 2, "spend": Purse(allows=False)}, Stop(Why.BUDGET, True)),
    ("and after more", {"retries": 4, "spend": Purse(allows=False)}, Stop(Why.BUDGET, True)),
    ("one repeat was its own", {"made": 1, "retries": 1, "spend": Purse(allows=False)}, Stop(Why.BUDGET, True)),
    ("all were its own", {"made": 2, "retries": 0, "spend": Purse(allows=False)}, Stop(Why.BUDGET)),
    ("the third wait does not fit", {"retries": 2, "left_s": 0.5}, Stop(Why.WAIT, True)),
    ("the second does not", {"retries": 1, "left_s": 0.5}, Stop(Why.WAIT)),
    ("not both fit, so the budget has to pay", {"left_s": 1.5, "spend": Purse(allows=False)}, Stop(Why.BUDGET)),
    ("no end was stated", {"wait_s": None, "retries": 2, "spend": Purse(allows=False)}, Stop(Why.BUDGET)),
    ("no window", {"cls": Class.OVERLOADED, "retries": 2, "spend": Purse(allows=False)}, Stop(Why.BUDGET)),
]


@pytest.mark.parametrize(("facts", "expected"), [case[1:] for case in WINDOWS], ids=[case[0] for case in WINDOWS])
def test_who_had_its_own_repeats_made_for_it_is_not_told_to_make_them_again(facts, expected):
    assert ask(**{"cls": Class.RATE_LIMITED, "wait_s": 1.0, "made": 0} | facts) == expected


def test_any_other_callers_window_is_never_the_budgets():
    shut = Purse(allows=False)
    assert isinstance(ask(Class.RATE_LIMITED, wait_s=1.0, retries=4, spend=shut), Retry)
    assert ask(Class.RATE_LIMITED, wait_s=20.0, retries=4) == Stop(Why.WAIT)


@pytest.mark.parametrize(
    "facts",
    [{"left_s": 0.0}, {"most": 0}, {"may_repeat": False}, {"wait_s": 99.0}, {"said": "false"}, {"paced_s": 99.0}],
)
def test_what_is_not_repeated_costs_no_budget(facts):
    purse = Purse()
    assert isinstance(ask(spend=purse, **facts), Stop)
    assert purse.asked == 0


@pytest.mark.parametrize(
    ("paced_s", "left_s", "expected"),
    [(-1.0, 5.0, None), (0.0, 5.0, None), (3.0, 5.0, Retry(3.15)), (4.9, 5.0, Retry(5.0)), (6.0, 5.0, Stop(Why.WAIT))],
)
def test_a_longer_wait_stated_meanwhile(paced_s, left_s, expected):
    decision = decide_again(now=NOW, limits=Limits(5, NOW + left_s), paced_until=NOW + paced_s, chance=lambda: 0.5)
    assert decision == expected


def test_a_whole_schedule_on_a_fake_clock_keeps_all_bounds():
    """Whatever chance and answers bring: never more than the retries, none started after the deadline."""
    source = random.Random(7)
    ends = set()
    for _ in range(2000):
        now, limits = 0.0, Limits(5, 15.0)
        for retries in itertools.count():
            wait_s = source.choice([None, None, None, 0.2, 3.0, 40.0])
            decision = decide(
                Failed(verdict=verdict(source.choice(RETRYABLE), wait_s), retries=retries, may_repeat=True),
                now=now,
                limits=limits,
                backoff=Backoff(),
                paced_until=0.0,
                chance=source.random,
                spend=lambda: True,
            )
            if isinstance(decision, Stop):
                ends.add(decision.why)
                break
            assert retries < 5
            assert decision.wait_s >= (wait_s or 0.0)
            now += decision.wait_s
            assert now <= 15.0 + 1e-9
            now += source.random()  # the attempt itself
    assert ends == {Why.MAX, Why.DEADLINE, Why.WAIT}
