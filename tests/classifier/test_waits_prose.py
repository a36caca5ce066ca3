"""Lengths of time and instants as people write them: all units, thousands, ranges, languages, zones; and what states no wait."""

from __future__ import annotations

import json
import time

import pytest

from proxy.classifier.evidence.answer import gather
from proxy.classifier.waits import NO_CLOCK, Clock, duration, in_prose, member, wait_of
from proxy.model import Answer, Wait, WaitOrigin

NOW = 1_800_000_000.0  # 2027-01-15 08:00:00 UTC
CLOCK = Clock(NOW, {})


def stated(text: str) -> float | None:
    return in_prose(text, CLOCK)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("Try again in 2 weeks.", 1_209_600),
        ("Try again in 1 month.", 2_592_000),
        ("Try again in 3 business days", 259_200),
        ("retry after 10 more seconds", 10),
        ("Try again in 12 hrs.", 43_200),
        ("Please wait 90 sec.", 90),
        ("Retry after 60 (seconds)", 60),
        ("Try again in 1,200 seconds", 1200),
        ("Retry after 1,200", 1200),
        ("Please wait 2,000 ms before retrying", 2),
        ("try again in 1.200 s", 1.2),
        ("try again in 1h30", 5400),
        ("Please wait 2m15 and retry", 135),
        ("Retry-After: 00:05:00", 300),
        ("5 TPS exceeded, next slot opens in 00:00:12", 12),
        ("Try again in 5-10 minutes", 600),
        ("Please try again in 1 to 2 minutes", 120),
        ("Please wait between 5 and 10 minutes", 600),
        ("Please wait 10 minutes to 1 hour", 3600),
        ("Please wait 1 hour and 10 minutes", 4200),
        ("Retry in 5 or 10 minutes", 600),
        ("Resets in: 5m", 300),
        ("Your access unlocks in 30 minutes", 1800),
        ("The model is unavailable for 10 minutes", 600),
        ("Come back in 2 days", 172_800),
        ("retry-after-ms: 1500", 1.5),
        ("retry_after: 60 request_id: 17", 60),
        ("Retry after 30 and then check the quota", 30),
        ("Retry after 1800000090", 90),
        ("Retry after 60\nRequest 5", 60),
        ("Please retry your requests after 59 seconds", 59),
        ("Retry this API call in 5 s", 5),
        ("retryDelay: 34.07s", 34.07),
        ('"retryDelay": "34s"', 34),
        ("Please wait 1 h. 30 min.", 5400),
        ("Please wait 1 min. 30 s.", 90),
        ("Please wait 30 s. 5 min is the window", 30),
        ("Temporarily banned for 1 day", 86_400),
        ("The model will be loaded in 20 seconds", 20),
        ("Estimated queue wait: 45 s", 45),
        ("Limit exceeded, wait 5 s", 5),
        ("You are in the queue, wait 30 s", 30),
    ],
)  # fmt: skip
def test_lengths_in_english(text: str, seconds: float) -> None:
    assert stated(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("Please try again in a minute.", 60),
        ("try again in one minute", 60),
        ("retry in about an hour", 3600),
        ("Try again in half an hour", 1800),
        ("Try again in a minute or two.", 120),
        ("Try again in one or two minutes", 120),
        ("Try again in an hour and a half", 5400),
        ("Wait one and a half hours", 5400),
        ("Please wait twenty four hours before retrying", 86_400),
        ("Retry in thirty seconds", 30),
        ("Your limit resets in an hour.", 3600),
        ("Your key is suspended for one day", 86_400),
        ("Allow one minute before retrying", 60),
        ("In a minute you can try again", 60),
    ],
)
def test_lengths_whose_number_is_a_word(text: str, seconds: float) -> None:
    assert stated(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("In 20 seconds you can try again", 20),
        ("Rate limit exceeded. In 20 seconds you can try again.", 20),
        ("Rate limit exceeded: in about 20 seconds you may retry", 20),
        ("After 30 seconds, please try again.", 30),
        ("Slow down; in 20 seconds you can make another request", 20),
        ("5 requests were sent in 10 seconds, you can try again later", None),
        ("In 10 seconds you can send 5 requests, try again later", None),
        ("It timed out after 60 seconds, please retry", None),
        ("It timed out after 60 seconds, you can retry", None),
        ("After 60 seconds the request timed out, retry", None),
    ],
)
def test_lengths_that_stand_first(text: str, seconds: float | None) -> None:
    assert stated(text) == (None if seconds is None else pytest.approx(seconds))


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1小时30分钟后重试", 5400),
        ("Bitte warten Sie 1 Std. 30 Min.", 5400),
        ("请 1,200 秒后重试", 1200),
        ("请等待 30 秒", 30),
        ("请等待5-10分钟", 600),
        ("2分30秒お待ちください", 150),
        ("2分30秒後に再試行してください", 150),
        ("2분 30초 후에 다시 시도하세요", 150),
        ("2분 30초 동안 기다려 주세요", 150),
        ("Bitte warten Sie 2 Minuten und 30 Sekunden.", 150),
        ("Bitte in 2 Wochen erneut versuchen", 1_209_600),
        ("Versuchen Sie es in 1.200 Sekunden erneut", 1200),
        ("Versuchen Sie es in 1,5 Minuten erneut", 90),
        ("Bitte in 5 bis 10 Minuten erneut versuchen", 600),
        ("Bitte in 30 Sekunden, 3 Versuche sind übrig, erneut versuchen", 30),
        ("Veuillez patienter 2 minutes et 30 secondes.", 150),
        ("Réessayez dans 1 200 secondes", 1200),
        ("réessayez dans 2 semaines", 1_209_600),
        ("Espere 2 minutos y 30 segundos.", 150),
        ("Aguarde 2 minutos e 30 segundos.", 150),
        ("Tente novamente em 1 hora e 5 minutos", 3900),
        ("Attendere 2 minuti e 30 secondi.", 150),
        ("Riprova tra 5 minuti", 300),
        ("Подождите 2 минуты и 30 секунд.", 150),
        ("Повторите попытку через 2–3 минуты", 180),
        ("Повторите через 5 ч", 18_000),
        ("Lütfen 2 dakika 30 saniye bekleyin.", 150),
        ("2 dakika ve 30 saniye sonra tekrar deneyin", 150),
        ("Probeer het over 30 seconden opnieuw", 30),
        ("Spróbuj ponownie za 30 sekund", 30),
        ("Thử lại sau 30 giây", 30),
        ("Coba lagi dalam 30 detik", 30),
    ],
)  # fmt: skip
def test_lengths_in_other_languages(text: str, seconds: float) -> None:
    assert stated(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("您的限额将在 2027-01-15 19:13:58 (UTC+8) 重置。", 11_638),
        ("您的限额将在北京时间 2027-01-15 19:13:58 重置", 11_638),
        ("将于 2027年1月15日 19:13:58 (UTC+8) 重置", 11_638),
        ("The quota will reset at 01-16 08:00:00 UTC.", 86_400),
        ("You can access API after 2027-Jan-17 00:00:00+0000 UTC", 144_000),
        ("Try again at Jan 16, 10:00 UTC", 93_600),
        ("Resets at 10:00 UTC", 7200),
        ("Resets at 07:00 UTC", 82_800),
        ("Resets daily at 00:00 UTC", 57_600),
        ("Try again after 3:00 PM UTC", 25_200),
        ("Try again at 3 PM UTC", 25_200),
        ("Try again at 12:30 AM GMT", 59_400),
        ("Try again at 10:00 AM EST", 25_200),
        ("Available again at 18:00 (UTC+8)", 7200),
        ("Under maintenance until 10:00 UTC", 7200),
    ],
)  # fmt: skip
def test_instants(text: str, seconds: float) -> None:
    assert stated(text) == pytest.approx(seconds)
    assert in_prose(text, NO_CLOCK) is None


@pytest.mark.parametrize(
    "text",
    [
        "Try again in 3 attempts",
        "Retry after 1,200 attempts",
        "Retry after 2 or 3 attempts",
        "Retry after 5-10",
        "Try again in 4:32",
        "retry 3 times in 10 seconds",
        "wait for one of 3 running requests to end",
        "Your key was reset 3 days ago",
        "Rate limit reset 2 hours ago",
        "Your limit resets in the past: it did so after 3 days ago",
        "Model available 24 hours a day",
        "Model available within 24 hours/day",
        "Model available for 24 hours only",
        "Requests are limited within 60 seconds",
        "The circuit opened after 5 seconds, please retry",
        "Timed out waiting for 30 seconds",
        "try again in a few minutes (max 60 minutes a day)",
        "Bitte in 3 Versuchen erneut probieren",
        "Réessayez plus tard (5 tentatives en 10 minutes)",
        "Повторите попытку через 5 человек",
        "请求在 60 秒后超时",
        "您的密钥将在 30 天后过期",
        "Try again at 3 PM",
        "Resets at 10:00",
        "Resets at 10:00 CET",
        "Resets at 25:00 UTC",
        "Resets at 13:00 PM UTC",
        "Failed again at 10:00 UTC",
        "Access denied at 10:00 UTC",
        "The quota was reset at 10:00 UTC",
        "The quota will reset at 01-14 08:00:00 UTC.",
        "The quota will reset at 02-30 08:00:00 UTC.",
        "Max wait 60 s for queue; try again",
        "max_wait: 60s was reached, retry",
        "The queue wait is 60 seconds; increase your timeout",
        "The call exceeded the wait time of 60 seconds",
        "Max retry delay 60 seconds",
        "Please try again in a few minutes",
        "Please try again in a couple of minutes",
        "Please try again in a moment",
        "Please retry a second time",
        "Wait for a second request to end",
        "Retry after a second failure",
        "5 requests a minute, try again later",
        "Please wait. One minute is the window",
    ],
)
def test_what_states_no_wait(text: str) -> None:
    assert stated(text) is None


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("00:05:00", 300), ("12.03:10:05", 1_048_205), ("1,200", 1200), ("30秒", 30), ("2 weeks", 1_209_600), ("1h30", 5400)],
)  # fmt: skip
def test_durations_that_stand_alone(text: str, seconds: float) -> None:
    assert duration(text) == seconds


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("2027-Jan-17 00:00:00+0000 UTC", 144_000),
        ("2027-01-15 16:10:00 (UTC+8)", 600),
        ({"seconds": 1_800_000_060}, 60),
        ("00:00:12", 12),
        ("²", None),
        ({"seconds": "²"}, None),
        (10**400, None),
        ({"seconds": 10**400}, None),
        ({"seconds": 1, "nanos": 10**400}, None),
    ],
)
def test_members(value: object, seconds: float | None) -> None:
    """No digit that is no number and no number that no float holds breaks the reading."""
    assert member("nextaccesstime", value, CLOCK) == seconds


@pytest.mark.parametrize(
    ("name", "value", "seconds"),
    [
        ("retry_after_minutes", 2, 120),
        ("retryAfterMinutes", "2", 120),
        ("retryDelayMs", 5000, 5),
        ("backoff_seconds", 5, 5),
        ("try_again_in", "2m", 120),
        ("wait_minutes", 1.5, 90),
        ("cooldown_ms", 1500, 1.5),
        ("reset_seconds", 33, 33),
        ("resets_in_hours", 2, 7200),
        ("minutes_until_reset", 3, 180),
        ("retry_after_minutes", "30s", 30),
        ("wait", 10, None),
        ("waits", 10, None),
        ("wait_min", 10, None),
        ("backoff", 5, None),
        ("max_retry_after", 60, None),
        ("window_seconds", 60, None),
    ],
)
def test_members_whose_name_states_the_unit(name: str, value: object, seconds: float | None) -> None:
    evidence = gather(Answer(status=429, body=json.dumps({"error": {name: value}}).encode()))
    assert evidence is not None
    assert wait_of(evidence, None) == (None if seconds is None else Wait(seconds, WaitOrigin.BODY))


@pytest.mark.parametrize(
    ("name", "value", "seconds"),
    [
        ("X-Rate-Limit-Retry-After-Seconds", "12", 12),
        ("x-ratelimit-retry-after-seconds", "12", 12),
        ("x-ratelimit-retry-after", "12", 12),
        ("X-RateLimit-Retry-After-Ms", "1500", 1.5),
        ("x-rate-limit-retry-after-milliseconds", "1500", 1.5),
        ("x-retry-after-count", "12", None),
        ("x-ai-ratelimit-retry-after-30-azure", "²", None),
        ("x-rate-limit-retry-after-seconds", "²", None),
    ],
)
def test_headers_called_like_retry_after(name: str, value: str, seconds: float | None) -> None:
    evidence = gather(Answer(status=429, headers=((name, value),)))
    assert evidence is not None
    assert wait_of(evidence, None) == (None if seconds is None else Wait(seconds, WaitOrigin.BODY))


PIECES = (
    "9", "1,234", "1.234,", "123 456 ", "5 ", "5-", "1h30", "9a ", "more 9", "2 minutes ", "5分", "30秒", "10:00 ", "2027-01-15 10:00 ", "jan 15 10:00 ",
    "00:00:12 ", "again ", "retry in 5 x ", "wait 5 minutes a day ", "reset in 5 ", "erneut in 5 ", "warten sie ca. ", "等待5", "business more ", "5 to ",
    "in a minute ", "1 h. 5 min. ", "in 5 seconds you can ", "again in twenty ", ". in 5 ", "a a a ",
)  # fmt: skip


@pytest.mark.parametrize("piece", PIECES)
def test_time_grows_with_the_text_alone(piece: str) -> None:
    """Four times the text takes about four times as long, also where every pattern is tried and none fits."""

    def took(chars: int) -> float:
        text = ("again warten erneut 后 before " + piece * chars)[:chars]
        best = float("inf")
        for _ in range(3):
            start = time.process_time()
            in_prose(text, CLOCK)
            best = min(best, time.process_time() - start)
        return best

    assert took(4000) < 12 * took(1000) + 0.002
