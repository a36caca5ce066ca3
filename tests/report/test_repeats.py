from __future__ import annotations

from collections.abc import Callable

import pytest

from proxy.model import Class
from proxy.report import CallReport
from proxy.report.repeats import Repeats

Make = Callable[..., CallReport]


def test_the_same_request_failing_the_same_way_is_a_repeat(report: Make) -> None:
    repeats = Repeats()
    poisoned = report(Class.BAD_REQUEST, client="web", fingerprint="f1")
    assert [repeats.is_repeat(poisoned, now_s) for now_s in (0, 1, 2)] == [False, True, True]


@pytest.mark.parametrize("changes", [{"client": "app"}, {"fingerprint": "f2"}, {"upstream": "anthropic"}])
def test_another_caller_request_or_upstream_is_none(report: Make, changes: dict[str, str]) -> None:
    repeats = Repeats()
    repeats.is_repeat(report(Class.BAD_REQUEST, client="web", fingerprint="f1"), 0)
    assert not repeats.is_repeat(report(Class.BAD_REQUEST, **{"client": "web", "fingerprint": "f1"} | changes), 1)


def test_a_request_that_nobody_looked_into_is_none(report: Make) -> None:
    repeats = Repeats()
    assert not any(repeats.is_repeat(report(Class.BAD_REQUEST, client="web"), now_s) for now_s in range(3))
    assert len(repeats) == 0


@pytest.mark.parametrize("cls", [Class.RATE_LIMITED, Class.OVERLOADED, Class.NETWORK])
def test_what_a_retry_can_mend_is_none(report: Make, cls: Class) -> None:
    repeats = Repeats()
    assert not any(repeats.is_repeat(report(cls, client="web", fingerprint="f1"), now_s) for now_s in range(3))


def test_it_is_told_again_when_it_was_not_seen_for_long(report: Make) -> None:
    repeats = Repeats(ttl_s=10)
    poisoned = report(Class.BAD_REQUEST, fingerprint="f1")
    assert [repeats.is_repeat(poisoned, now_s) for now_s in (0, 9, 18, 28)] == [False, True, True, False]


def test_memory_is_bounded_and_the_longest_unseen_goes_first(report: Make) -> None:
    repeats = Repeats(max_entries=3)
    for number in (1, 2, 3, 1, 4):
        repeats.is_repeat(report(Class.BAD_REQUEST, fingerprint=f"f{number}"), 0)
    assert len(repeats) == 3
    assert repeats.is_repeat(report(Class.BAD_REQUEST, fingerprint="f1"), 1)
    assert not repeats.is_repeat(report(Class.BAD_REQUEST, fingerprint="f2"), 1)
