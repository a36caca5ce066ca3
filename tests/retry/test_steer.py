"""`x-should-retry` and the wait, case by case."""

from __future__ import annotations

import pytest

from proxy.model import TRAITS, Class, Confidence, Verdict, Wait, WaitOrigin
from proxy.retry.steer import retry_after, should_retry

RETRYABLE = [cls for cls, traits in TRAITS.items() if traits.can_retry]
NEVER = [cls for cls, traits in TRAITS.items() if not traits.can_retry and cls is not Class.UNKNOWN]
ELSEWHERE = [WaitOrigin.BODY, WaitOrigin.PROSE, WaitOrigin.RESET]
HEADER = WaitOrigin.RETRY_AFTER


def verdict(cls: Class = Class.RATE_LIMITED, wait_s: float | None = None, origin: WaitOrigin = HEADER) -> Verdict:
    return Verdict(
        cls=cls,
        reason="any",
        rule="any.rule",
        confidence=Confidence.CODE,
        scope=TRAITS[cls].scope,
        action=TRAITS[cls].action,
        advice="Any.",
        wait=None if wait_s is None else Wait(wait_s, origin),
    )


def test_the_classes_are_the_taxonomys():
    assert set(RETRYABLE) == {
        Class.RATE_LIMITED,
        Class.OVERLOADED,
        Class.TIMEOUT,
        Class.NETWORK,
        Class.PROVIDER_ERROR,
    }


@pytest.mark.parametrize("cls", RETRYABLE)
@pytest.mark.parametrize("said", [None, "true", "", "yes", "False"])
def test_a_class_that_can_be_retried_is(cls, said):
    assert should_retry(verdict(cls), said=said, patience_s=None, used_up=False) is True


@pytest.mark.parametrize("cls", NEVER)
@pytest.mark.parametrize("said", [None, "true", "false"])
def test_a_class_that_is_never_retried_is_not_whatever_the_provider_says(cls, said):
    assert should_retry(verdict(cls), said=said, patience_s=None, used_up=False) is False


@pytest.mark.parametrize("said", [None, "true", "false"])
@pytest.mark.parametrize("used_up", [True, False])
@pytest.mark.parametrize("wait_s", [None, 5.0, 5000.0])
def test_unknown_adds_nothing(said, used_up, wait_s):
    assert should_retry(verdict(Class.UNKNOWN, wait_s), said=said, patience_s=None, used_up=used_up) is None


@pytest.mark.parametrize("cls", RETRYABLE)
@pytest.mark.parametrize("said", ["false", " false "])
def test_the_providers_no_stands(cls, said):
    assert should_retry(verdict(cls), said=said, patience_s=None, used_up=False) is False


@pytest.mark.parametrize("cls", RETRYABLE)
def test_a_schedule_that_is_used_up_ends_it(cls):
    assert should_retry(verdict(cls), said="true", patience_s=None, used_up=True) is False


@pytest.mark.parametrize("origin", ELSEWHERE)
@pytest.mark.parametrize(
    ("wait_s", "expected"), [(0.0, True), (59.9, True), (60.0, True), (60.1, False), (86400.0, False)]
)
def test_a_wait_above_a_minute_that_no_header_tells(origin, wait_s, expected):
    """Clients would retry into it: they read headers only."""
    assert should_retry(verdict(wait_s=wait_s, origin=origin), said="true", patience_s=3600, used_up=False) is expected


@pytest.mark.parametrize(
    ("wait_s", "patience_s", "expected"),
    [
        (61.0, None, True),
        (600.0, None, True),
        (600.1, None, False),
        (124633.0, None, False),
        (30.0, 30.0, True),
        (30.1, 30.0, False),
        (900.0, 1800.0, True),
        (1800.5, 1800.0, False),
    ],
)
def test_a_wait_in_the_header_against_the_callers_patience(wait_s, patience_s, expected):
    assert should_retry(verdict(wait_s=wait_s), said="true", patience_s=patience_s, used_up=False) is expected


WRITTEN = [
    (0.05, ("1", "50")),
    (1.0, ("1", "1000")),
    (1.1, ("2", "1100")),
    (20.1, ("21", "20100")),
    (33.0, ("33", "33000")),
    (33.0000000001, ("33", "33000")),
    (0.0004, ("1", "1")),
    (60.0, ("60", "60000")),
    (300.1, ("301", "300100")),
    (86400.0, ("86400", "86400000")),
]


@pytest.mark.parametrize("origin", ELSEWHERE)
@pytest.mark.parametrize(("wait_s", "headers"), WRITTEN)
def test_a_wait_that_stood_elsewhere_is_written(origin, wait_s, headers):
    found = retry_after(verdict(wait_s=wait_s, origin=origin), stated=False)
    assert found == (("retry-after", headers[0]), ("retry-after-ms", headers[1]))


@pytest.mark.parametrize("origin", ELSEWHERE)
@pytest.mark.parametrize("wait_s", [60.001, 61.0, 120.0, 299.9, 300.0])
def test_minutes_that_stood_elsewhere_are_not(origin, wait_s):
    assert retry_after(verdict(wait_s=wait_s, origin=origin), stated=False) == ()


@pytest.mark.parametrize("wait_s", [None, 0.0])
def test_no_wait_is_no_header(wait_s):
    assert retry_after(verdict(wait_s=wait_s, origin=WaitOrigin.BODY), stated=False) == ()


@pytest.mark.parametrize("origin", WaitOrigin)
@pytest.mark.parametrize("wait_s", [5.0, 86400.0])
def test_the_providers_own_is_kept(origin, wait_s):
    """Also where a longer window in the body outranks it: the verdict tells that, and `x-should-retry`."""
    assert retry_after(verdict(wait_s=wait_s, origin=origin), stated=True) == ()


@pytest.mark.parametrize("cls", [*NEVER, Class.UNKNOWN])
def test_a_class_that_is_never_retried_has_no_wait(cls):
    assert retry_after(verdict(cls, 5.0, WaitOrigin.BODY), stated=False) == ()
