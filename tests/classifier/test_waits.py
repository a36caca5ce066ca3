"""Waits in every form that providers use, and what is none."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from proxy.classifier import classify, load_rules
from proxy.classifier.waits import duration
from proxy.model import Answer, WaitOrigin

NOW = 1_800_000_000.0  # 2027-01-15 08:00:00 UTC


def wait(
    body: Any = "", *, now: float | None = None, provider: str = "", **headers: str
) -> tuple[float, WaitOrigin] | None:
    text = body if isinstance(body, str) else json.dumps(body)
    pairs = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    verdict = classify(Answer(status=429, headers=pairs, body=text.encode(), provider=provider), now=now)
    assert verdict is not None
    return (round(verdict.wait.seconds, 3), verdict.wait.origin) if verdict.wait else None


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("60", 60.0), ("1.5", 1.5), ("1.5s", 1.5), ("6m0s", 360.0), ("120ms", 0.12), ("1m26.4s", 86.4), ("2h3m", 7380.0), ("1d", 86400.0),
        ("1 hour, 5 minutes", 3900.0), ("31m59.9s", 1919.9), ("161h39m41s", 581981.0),
        ("PT30S", 30.0), ("PT1H0.5S", 3600.5), ("P1DT2H", 93600.0), ("P", None), ("PT", None), ("PT5X", None),
        ("", None), ("soon", None), ("5 apples", None), ("1_0", None), ("-3", None),
    ],
)  # fmt: skip
def test_durations(text: str, seconds: float | None) -> None:
    assert duration(text) == (pytest.approx(seconds) if seconds is not None else None)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry_after": "7"}, 7.0),
        ({"retry_after": "0.5"}, 0.5),
        ({"retry_after": "6m0s"}, 360.0),
        ({"retry_after_ms": "1500"}, 1.5),
        ({"retry_after_ms": "1500", "retry_after": "9"}, 1.5),
        ({"x_ms_retry_after_ms": "250"}, 0.25),
        ({"retry_after": "Fri, 15 Jan 2027 08:01:00 GMT"}, 60.0),
        ({"retry_after": "Fri, 15 Jan 2027 08:01:00 GMT", "date": "Fri, 15 Jan 2027 08:00:30 GMT"}, 60.0),
        ({"retry_after": "Friday, 15-Jan-27 08:01:00 GMT"}, 60.0),
        ({"retry_after": "Fri Jan 15 08:01:00 2027"}, 60.0),
        ({"retry_after": "1800000090"}, 90.0),
        ({"retry_after": "1800000090000"}, 90.0),
        ({"retry_after": "1800000090000000000"}, 90.0),
        ({"retry_after_ms": "1800000090000"}, 90.0),
    ],
)
def test_retry_after(headers: dict[str, str], seconds: float) -> None:
    assert wait(now=NOW, **headers) == (seconds, WaitOrigin.RETRY_AFTER)


@pytest.mark.parametrize("value", ["-5", "inf", "nan", "0x10", "soon", "1700000000000"])
def test_a_header_that_states_no_wait(value: str) -> None:
    assert wait(now=NOW, retry_after=value) is None


def test_headers_that_clients_do_not_read() -> None:
    """They tell a wait as members of the body do: no client has seen it, so the proxy may have to say it."""
    assert wait(now=NOW, x_retry_after="7") == (7.0, WaitOrigin.BODY)
    assert wait(now=NOW, x_retry_after_ms="1500") == (1.5, WaitOrigin.BODY)
    assert wait(now=NOW, x_retry_after="7", retry_after="3") == (3.0, WaitOrigin.RETRY_AFTER)
    assert wait({"error": {"message": "Try again in 3s."}}, now=NOW, x_retry_after="7") == (7.0, WaitOrigin.BODY)


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="the zone of a process is set so on POSIX alone")
def test_a_date_without_a_zone_is_utc_wherever_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Shanghai")
    time.tzset()
    try:
        assert wait(now=NOW, retry_after="Fri Jan 15 08:01:00 2027") == (60.0, WaitOrigin.RETRY_AFTER)
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize("value", ["99999999", "99999999999", "Wed, 21 Oct 2099 07:28:00 GMT"])
def test_a_headers_wait_is_one_however_long(value: str) -> None:
    """A client that obeys it would sleep so long: what is told beside it must not say that it can retry."""
    verdict = classify(
        Answer(status=429, headers=(("retry-after", value),), body=b"{}"), load_rules(), now=1_700_000_000.0
    )
    assert verdict is not None
    assert verdict.wait is not None
    assert verdict.wait.seconds > 600


def test_without_a_clock_the_answers_own_date_serves() -> None:
    assert wait(retry_after="Fri, 15 Jan 2027 08:01:00 GMT", date="Fri, 15 Jan 2027 08:00:30 GMT") == (
        30.0,
        WaitOrigin.RETRY_AFTER,
    )
    assert wait(retry_after="Fri, 15 Jan 2027 08:01:00 GMT") is None


@pytest.mark.parametrize(
    ("members", "seconds"),
    [
        ({"retry_after": 12}, 12.0),
        ({"retryAfterMs": 1200}, 1.2),
        ({"retryDelay": "33s"}, 33.0),
        ({"retryDelay": {"seconds": "7", "nanos": 500000000}}, 7.5),
        ({"resets_in_seconds": 60}, 60.0),
        ({"resets_at": 1_800_000_600}, 600.0),
        ({"resets_at": 1_800_000_600_000}, 600.0),
        ({"resets_at": "2027-01-15T08:10:00Z"}, 600.0),
        ({"resets_at": 1_800_000_600, "resets_in_seconds": 601}, 601.0),
        ({"estimated_time": 20.5}, 20.5),
        ({"retry_after": "PT30S"}, 30.0),
        ({"resetTime": "Fri, 15 Jan 2027 08:01:00 GMT"}, 60.0),
        ({"reset": 1_800_000_060}, 60.0),
        ({"reset_at": 1_700_000_000}, None),
        ({"retry_after": -1}, None),
        ({"retry_after": True}, None),
        ({"retry_after": "soon"}, None),
    ],
)
def test_members_of_a_body(members: dict[str, Any], seconds: float | None) -> None:
    told = wait({"error": {"message": "Too many requests", **members}}, now=NOW)
    assert told == ((seconds, WaitOrigin.BODY) if seconds is not None else None)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("Please try again in 1m26.4s.", 86.4),
        ("Please try again in 644ms.", 0.644),
        ("Please retry after 26 seconds.", 26.0),
        ("Retry after 60", 60.0),
        ("Please wait 5 minutes before trying again", 300.0),
        ("Your limit resets in 2 hours and 5 minutes", 7500.0),
        ("Quota will be replenished in 19:26:41.", 70001.0),
        ("Quota will be replenished in 12.03:10:05.", 1048205.0),
        ("Limit resets at: 2027-01-15 08:10:00 UTC", 600.0),
        ("It will reset at 2027-01-15 16:10:00 +0800", 600.0),
        ("Please try again at 2027-01-15T08:10:00Z", 600.0),
        ("请在 30 秒后重试", 30.0),
        ("请 5 分钟后再试", 300.0),
        ("请求过于频繁，请1小时后再试", 3600.0),
        ("30秒後に再試行してください", 30.0),
        ("20초 후 다시 시도하세요.", 20.0),
        ("Bitte versuchen Sie es in 30 Sekunden erneut.", 30.0),
        ("Inténtelo de nuevo en 2 minutos.", 120.0),
        ("Veuillez réessayer dans 10 secondes.", 10.0),
        ("Tente novamente em 5 minutos.", 300.0),
        ("Повторите попытку через 60 секунд.", 60.0),
        ("Please wait for 45 sec and try again", 45.0),
        ("Next request allowed in 15 seconds", 15.0),
        ("Blocked for the next 60 seconds", 60.0),
        ("retry after PT1M30S", 90.0),
        ("Try again at Fri, 15 Jan 2027 08:01:00 GMT", 60.0),
        ("Please retry after Jan 15, 2027 10:00 UTC", 7200.0),
        ("Your limit resets on January 15th, 2027 at 10:00 AM (UTC).", 7200.0),
        ("Try again at Friday, January 15, 2027 1:00:30 PM EST", 36030.0),
        ("Try again at Jan 15, 2027 12:30 a.m. -0800", 1800.0),
        ("available again on 15 Jan 2027 16:01 +08:00", 60.0),
        ("Retry after Friday, 15-Jan-27 08:01:00 GMT", 60.0),
        ("You will be back on Fri Jan 15 08:01:00 2027", 60.0),
        ("Try again at Jan 15, 2027 10:00", 7200.0),
        ("Try again at Jan 15, 2027 10:00 JST", None),
        ("Try again at Jan 15, 2027 16:01 +0800 CST", 60.0),
        ("It will reset at 2027-01-15 16:01:00 +0800 CST", 60.0),
        ("Try again at Jan 15, 2027 10:00 PT", None),
        ("Try again at Jan 15, 2027 10:00:30 AM CET", None),
        ("Try again at Jan 15, 2027 10:00 (Pacific Time)", None),
        ("Try again at 2027-01-15 10:00:30 CET", None),
        ("Try again at 2027-01-15 10:00, just not before", 7200.0),
        ("Try again at Jan 15, 2026 10:00 UTC", None),
        ("Try again at Jan 45, 2027 10:00 UTC", None),
        ("Try again at Jan 15, 2027 25:00 UTC", None),
        ("Since Jan 1, 2026 10:00 UTC this is limited. Try again after Jan 15, 2027 10:00 UTC", 7200.0),
        ("This model was retired on Jan 15, 2027 10:00 UTC", None),
        ("Only 5 requests are allowed in 10 seconds", None),
        ("Zu viele Anfragen in 30 Sekunden", None),
        ("Please try again later.", None),
        ("wait a few minutes and retry", None),
        ("It can take up to 15 minutes for access to propagate", None),
        ("Retry after 50% of the load is gone", None),
        ("limit 30 per 10 seconds", None),
    ],
)
def test_prose(text: str, seconds: float | None) -> None:
    told = wait({"error": {"message": text}}, now=NOW)
    assert told == ((seconds, WaitOrigin.PROSE) if seconds is not None else None)


@pytest.mark.parametrize("instant", ["2027-01-15 16:10:00", "Jan 15, 2027 4:10 PM"])
def test_a_provider_whose_clock_names_no_zone(instant: str) -> None:
    body = {"error": {"code": "1308", "message": f"Your limit will reset at {instant}"}}
    assert wait(body, now=NOW, provider="zhipu") == (600.0, WaitOrigin.PROSE)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"x_ratelimit_remaining_requests": "0", "x_ratelimit_reset_requests": "6m0s"}, 360.0),
        ({"x_ratelimit_remaining_requests": "5", "x_ratelimit_reset_requests": "6m0s"}, None),
        ({"x_ratelimit_remaining_requests": "0", "x_ratelimit_reset_requests": "1s",
          "x_ratelimit_remaining_tokens": "0", "x_ratelimit_reset_tokens": "9s"}, 9.0),
        ({"anthropic_ratelimit_tokens_remaining": "0", "anthropic_ratelimit_tokens_reset": "2027-01-15T08:01:00Z"}, 60.0),
        ({"anthropic_ratelimit_unified_status": "rejected", "anthropic_ratelimit_unified_reset": "1800000300"}, 300.0),
        ({"anthropic_ratelimit_unified_status": "allowed", "anthropic_ratelimit_unified_reset": "1800000300"}, None),
        ({"x_ratelimit_remaining": "0", "x_ratelimit_reset": "1800000060000"}, 60.0),
        ({"ratelimit": '"permin";r=0;t=50'}, 50.0),
        ({"ratelimit": '"permin";r=3;t=50'}, None),
    ],
)  # fmt: skip
def test_resets_of_windows_that_are_empty(headers: dict[str, str], seconds: float | None) -> None:
    assert wait(now=NOW, **headers) == ((seconds, WaitOrigin.RESET) if seconds is not None else None)


def test_what_outranks_what() -> None:
    body = {"error": {"message": "Please try again in 3s.", "retry_after": 2}}
    headers = {"x_ratelimit_remaining": "0", "x_ratelimit_reset": "4"}
    assert wait(body, now=NOW, retry_after="1", **headers) == (1.0, WaitOrigin.RETRY_AFTER)
    assert wait(body, now=NOW, **headers) == (2.0, WaitOrigin.BODY)
    assert wait({"error": {"message": "Please try again in 3s."}}, now=NOW, **headers) == (3.0, WaitOrigin.PROSE)
    assert wait("", now=NOW, **headers) == (4.0, WaitOrigin.RESET)


def test_a_daily_window_outranks_a_shorter_delay() -> None:
    body = {"error": {"message": "Daily limit reached, resets in 5 hours.", "retry_after": 2}}
    assert wait(body) == (18000.0, WaitOrigin.PROSE)
    assert wait({"error": {"message": "Minute limit reached, resets in 5 hours.", "retry_after": 2}}) == (
        2.0,
        WaitOrigin.BODY,
    )
