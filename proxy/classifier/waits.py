"""Every form in which providers tell how long to wait. A pure reader: what is stated, not whether to obey it.

An instant (a date, an epoch) becomes a wait only against a clock: the caller's `now`, else the answer's own `Date`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from itertools import islice
from typing import Any, Final

from proxy.classifier.evidence import Evidence
from proxy.model import Wait, WaitOrigin

_LONGEST_S: Final = 400 * 86400.0
_EPOCH_FROM: Final = 1_000_000_000.0
_EPOCH_MS_FROM: Final = 100_000_000_000.0

_UNITS: Final[Mapping[str, float]] = {
    **dict.fromkeys(("ms", "millisecond", "milliseconds", "msec", "毫秒"), 0.001),
    **dict.fromkeys(
        (
            "",
            "s",
            "sec",
            "secs",
            "second",
            "seconds",
            "秒",
            "秒钟",
            "초",
            "segundo",
            "segundos",
            "seconde",
            "secondes",
            "sekunde",
            "sekunden",
            "секунд",
            "секунды",
            "секунду",
        ),
        1.0,
    ),
    **dict.fromkeys(
        (
            "m",
            "min",
            "mins",
            "minute",
            "minutes",
            "分",
            "分钟",
            "分鐘",
            "분",
            "minuto",
            "minutos",
            "minuten",
            "минут",
            "минуты",
            "минуту",
        ),
        60.0,
    ),
    **dict.fromkeys(
        (
            "h",
            "hr",
            "hrs",
            "hour",
            "hours",
            "小时",
            "時間",
            "个小时",
            "시간",
            "hora",
            "horas",
            "heure",
            "heures",
            "stunde",
            "stunden",
            "час",
            "часа",
            "часов",
        ),
        3600.0,
    ),
    **dict.fromkeys(("d", "day", "days", "天", "日", "días", "jours", "tage", "tagen", "дней", "дня"), 86400.0),
}
_UNIT: Final = "|".join(sorted((re.escape(unit) for unit in _UNITS if unit), key=len, reverse=True))
_NUMBER: Final = r"\d{1,12}(?:\.\d{1,12})?"
_PART: Final = re.compile(rf"({_NUMBER})\s?({_UNIT})(?![a-z])")
_DURATION: Final = rf"(?:{_NUMBER}\s?(?:{_UNIT})(?![a-z])[\s,]{{0,2}}(?:and\s)?){{1,4}}"
# `PT1M30S` (ISO 8601, as java.time and Azure write it)
_ISO_DURATION: Final = re.compile(
    rf"p(?:(\d{{1,4}})d)?(?:t(?:(\d{{1,6}})h)?(?:(\d{{1,8}})m)?(?:({_NUMBER})s)?)?(?![a-z0-9])"
)
_WHOLE_DURATION: Final = re.compile(rf"{_DURATION}$")
_CUE: Final = (
    r"(?:(?:re-?try|again|wait|reset|resets|back ?off|available|replenish(?:ed)?|refill(?:s|ed)?|come back|cooldown|cool ?down|refresh(?:es|ed)?|next (?:request|call)(?: is| will be)? allowed|blocked)"
    r"(?: (?:the |your |this |another |a )?(?:request|period|again|it|time|limit|quota|window|ends|remaining|off))?"
    r"(?: (?:at least|for at least|in|after|for|of|another|about|approximately|around|within|is|the next)){0,2}[:=]?)"
)
_PROSE: Final = re.compile(rf"{_CUE} ?(?:about |approximately |~ ?|at least )?\"?({_DURATION})")
_PROSE_BARE: Final = re.compile(
    rf"(?:retry[ _-]?after|retry in|try again in)[\"']?\s?[:=]?\s?[\"']?({_NUMBER})(?![\d.%a-z])"
)
_PROSE_CJK: Final = re.compile(rf"(?:请|請)?(?:在|等待|稍等|等)?\s?({_NUMBER}\s?(?:{_UNIT}))\s?(?:后|後|之后|以后|후)")
_PROSE_OTHER: Final = re.compile(rf"\b(?:in|en|dans|em|через|nach|después de|após|après) ({_DURATION})")
_PROSE_ISO: Final = re.compile(r"(?:after|in|wait)[\"']?[ :=]{1,2}[\"']?(pt[\d.hms]{2,20})(?![a-z0-9])")
_PROSE_SPAN: Final = re.compile(rf"({_DURATION})(?: (?:and|then))? (?:before|until) (?:re-?try|try|making|send|the)")
_WHEN: Final = (
    r"(?:reset|resets|again|available|until|after|retry|wait|access|back)[a-z ]{0,20}(?: (?:at|on|until|after))?:? "
)
# A zone that RFC 822 does not name is not guessed.
_NO_OTHER_ZONE: Final = (
    r"(?! ?\(?(?:[ecmp]t|ce?s?t|[a-z]{1,2}st|hkt|sgt|(?:pacific|eastern|central|mountain)(?: \w{1,8})? time)\b)"
)
_INSTANT: Final = re.compile(
    rf"{_WHEN}"
    r"(\d{4}-\d\d-\d\d[t ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?+"
    rf"(?: ?z| ?utc| ?[+-]\d\d:?\d\d|{_NO_OTHER_ZONE})|\d{{4}}-\d\d-\d\d at \d\d:\d\d utc)"
)
_INSTANT_CJK: Final = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d(?::\d\d)?) ?(?:后|後)?(?:自动)?(?:重置|恢复|刷新)")
_MONTH: Final = r"(?P<month>jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]{0,6}\.?"
_DAY_OF_MONTH: Final = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?"
_TIME: Final = r"(?P<hour>\d{1,2}):(?P<rest>\d\d(?::\d\d)?+)"
_ZONE: Final = (
    r"(?: ?(?P<half>[ap]\.?m\b)\.?)?+"
    rf"(?: ?\(?(?P<zone>utc|gmt|z|[ecmp][sd]t|[+-]\d\d:?\d\d)\b|{_NO_OTHER_ZONE})"
)
# `Nov 21, 2026 at 10:00 AM UTC`, `Sat, 21 Nov 2026 10:00:00 GMT` and `Saturday, 21-Nov-26 10:00:00 GMT`, `Sat Nov 21 10:00:00 2026`
_DATED: Final = tuple(
    re.compile(rf"\b{form}{_ZONE}")
    for form in (
        rf"{_MONTH} {_DAY_OF_MONTH},? (?P<year>\d{{4}}),?(?: at)? {_TIME}",
        rf"{_DAY_OF_MONTH}[ -]{_MONTH}[ -](?P<year>\d{{4}}|\d\d),?(?: at)? {_TIME}",
        rf"{_MONTH} {{1,2}}{_DAY_OF_MONTH} {_TIME} (?P<year>\d{{4}})",
    )
)
# What stands before a date that is waited for; looked for only where there is one.
_BEFORE_DATE: Final = re.compile(rf"{_WHEN}(?:(?:mon|tue|wed|thu|fri|sat|sun)[a-z]{{0,6}},? )?$")
_BEFORE_DATE_CHARS: Final = 60
_MAX_DATES: Final = 4
_ZONE_GAP: Final = re.compile(r" ([+-]\d\d:?\d\d)$")
# API Management: `19:26:41`, with days `12.03:10:05` (https://learn.microsoft.com/en-us/azure/api-management/quota-policy)
_CLOCK_SPAN: Final = re.compile(
    r"(?:replenished|reset|resets|again|wait|refilled) (?:in|after) (?:(\d{1,3})\.)?(\d{1,2}):(\d\d):(\d\d)(?!\d)"
)
_CUES: Final = ("again", "retry", "wait", "reset", "until", "后", "後", "back", "available", "refresh", "cool", "refill", "replenish", "access", "allowed", "blocked", "후", "重置", "恢复", "刷新")  # fmt: skip
# Where another language speaks of trying again, its "in 30 Sekunden" is a wait.
_OTHER_CUES: Final = ("erneut", "nochmal", "wieder", "nuevo", "nuevamente", "réessay", "novamente", "повтор", "попробуйте", "снова", "reinten", "reessay")  # fmt: skip
_MAX_PROSE: Final = 4000
_BEFORE_CUE_CHARS: Final = 48  # "3 minutes before retrying", "next request will be allowed in"


def wait_of(evidence: Evidence, now: float | None, ahead_s: float = 0.0) -> Wait | None:
    """The wait that an answer states: in `retry-after` headers, else in the body's members, else in prose, else by the
    reset of a window whose remaining is 0. `ahead_s`: how far the provider's clock is ahead of UTC where prose names none.
    """
    headers = evidence.headers
    clock = Clock(now, headers)
    stated = _stated(headers, _READ_BY_CLIENTS, clock)
    if stated is not None:
        return Wait(stated, WaitOrigin.RETRY_AFTER)
    if evidence.waits:
        members = [seconds for name, value in evidence.waits if (seconds := member(name, value, clock)) is not None]
        if members:
            seconds = _longest(evidence, members)
            # A daily window that the sentence dates outranks the shorter delay beside it.
            dated = _prose(evidence, clock, ahead_s) if _names_a_day(evidence) else None
            return (
                Wait(dated, WaitOrigin.PROSE)
                if dated is not None and dated > seconds + 1
                else Wait(seconds, WaitOrigin.BODY)
            )
    for said, names in ((headers, _READ_BY_NOBODY), (evidence.body_headers, _READ_BY_CLIENTS)):
        stated = _stated(said, names, clock)
        if stated is not None:
            return Wait(stated, WaitOrigin.BODY)
    told = _prose(evidence, clock, ahead_s)
    if told is not None:
        return Wait(told, WaitOrigin.PROSE)
    resets = [*_resets(headers, clock), *_resets(evidence.body_headers, clock), *_structured(headers)]
    return Wait(max(resets), WaitOrigin.RESET) if resets else None


_READ_BY_CLIENTS: Final = {"retry-after-ms": 0.001, "x-ms-retry-after-ms": 0.001, "retry-after": 1.0}
_READ_BY_NOBODY: Final = {"x-retry-after-ms": 0.001, "x-retry-after": 1.0}


def _stated(headers: Mapping[str, str], names: Mapping[str, float], clock: Clock) -> float | None:
    """The wait of the first of some headers that states one."""
    for name, unit_s in names.items():
        if name in headers:
            seconds = _header(headers[name], unit_s, clock)
            if seconds is not None:
                return seconds
    return None


_DAY: Final = re.compile(r"\b(?:daily|weekly|per day|per week|rpd|tpd)\b|每天|每日|每周", re.IGNORECASE)


def _names_a_day(evidence: Evidence) -> bool:
    return any(_DAY.search(text) for layer in evidence.layers for text in layer.texts)


def _prose(evidence: Evidence, clock: Clock, ahead_s: float) -> float | None:
    """The wait that the innermost sentence states."""
    for layer in reversed(evidence.layers):
        for text in layer.texts:
            seconds = in_prose(text, clock, ahead_s)
            if seconds is not None:
                return seconds
    return None


def _longest(evidence: Evidence, stated: list[float]) -> float:
    """Of a member in seconds and one in epochs both say the same instant: the first in seconds is the provider's word."""
    relative = [
        seconds
        for (name, _), seconds in zip(evidence.waits, stated, strict=False)
        if not name.endswith(("at", "timestamp"))
    ]
    return max(relative) if relative else max(stated)


class Clock:
    """The time against which an instant becomes a wait; an answer's own `Date` is read only where an instant needs it."""

    __slots__ = ("_headers", "_now")

    def __init__(self, now: float | None, headers: Mapping[str, str]) -> None:
        self._now = now
        self._headers = headers

    def until(self, instant: float | None) -> float | None:
        """Seconds until an instant, None where there is no clock."""
        if instant is None:
            return None
        if self._now is None and "date" in self._headers:
            self._now = _http_date(self._headers["date"])
        if self._now is None:
            return None
        for _ in range(3):  # of milli-, micro- and nanoseconds
            if instant >= _EPOCH_MS_FROM:
                instant /= 1000
        return instant - self._now


NO_CLOCK: Final = Clock(None, {})


def _http_date(text: str, ahead_s: float = 0.0) -> float | None:
    """An instant in any of the three forms of RFC 9110, 5.6.7, of which asctime's names no zone."""
    try:
        instant = parsedate_to_datetime(text[:64])
        if instant.tzinfo is None:
            return instant.replace(tzinfo=UTC).timestamp() - ahead_s
        return instant.timestamp()
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


def _header(text: str, unit_s: float, clock: Clock) -> float | None:
    """`retry-after`: a number of its unit, a duration in words, or a date (RFC 9110, 10.2.3)."""
    text = text.strip()[:64]
    seconds = duration(text)
    if seconds is not None:
        seconds = seconds * unit_s if text[-1].isdigit() else seconds
        return _plausible(_bounded(seconds if seconds < _EPOCH_FROM else clock.until(seconds)))
    return _plausible(_bounded(clock.until(_http_date(text) or _iso(text))))


def member(name: str, value: Any, clock: Clock) -> float | None:
    """A wait in a body's member: a number of its name's unit, an epoch, a duration (`33s`, `1m26.4s`), an instant, or
    protobuf's object of seconds and nanos."""
    if isinstance(value, bool):
        return None
    if isinstance(value, dict):
        seconds, nanos = value.get("seconds"), value.get("nanos", 0)
        if isinstance(seconds, str) and seconds.isdigit() and len(seconds) < 12:
            seconds = int(seconds)
        if isinstance(seconds, (int, float)) and isinstance(nanos, (int, float)):
            return _plausible(seconds + nanos / 1e9)
        return None
    if isinstance(value, str):
        number = duration(value.strip()[:64])
        if number is None:
            instant = _iso(value.strip()[:64]) or _http_date(value)
            return _plausible(clock.until(instant))
        if not value.strip().replace(".", "", 1).isdigit():
            return _plausible(number)
        value = number
    if not isinstance(value, (int, float)):
        return None
    if value >= _EPOCH_FROM:
        return _plausible(clock.until(float(value)))
    return _plausible(value / 1000 if name.endswith("ms") else float(value))


def in_prose(text: str, clock: Clock, ahead_s: float = 0.0) -> float | None:
    """A wait that a sentence states, None for a vague one ("a few minutes")."""
    said = text[:_MAX_PROSE].lower()
    first = _first_cue(said)
    if first is None:
        return _in_another_language(said)
    said, whole = said[max(0, first - _BEFORE_CUE_CHARS) :], said
    for pattern in (_PROSE, _CLOCK_SPAN, _PROSE_CJK, _PROSE_SPAN, _PROSE_BARE):
        found = pattern.search(said)
        if found and pattern is _CLOCK_SPAN:
            days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
            return _plausible(days * 86400.0 + hours * 3600 + minutes * 60 + seconds)
        if found:
            stated = _plausible(float(found[1]) if pattern is _PROSE_BARE else _total(found[1]))
            if stated is not None:
                return stated
    if "pt" in said:
        found = _PROSE_ISO.search(said)
        if found:
            return _plausible(duration(found[1]))
    instant = _INSTANT.search(said) or (None if said.isascii() else _INSTANT_CJK.search(said))
    if instant:
        return _plausible(clock.until(_iso(instant[1].replace(" at ", " "), ahead_s)))
    for form in _DATED if ":" in said else ():
        for dated in islice(form.finditer(said), _MAX_DATES):
            if _BEFORE_DATE.search(said[max(0, dated.start() - _BEFORE_DATE_CHARS) : dated.start()]):
                return _plausible(clock.until(_date(dated, ahead_s)))
    return _in_another_language(whole)


def _date(said: re.Match[str], ahead_s: float) -> float | None:
    hour = int(said["hour"])
    if said["half"]:
        hour = hour % 12 + (12 if said["half"][0] == "p" else 0)
    zone = (said["zone"] or "").replace(":", "")
    return _http_date(f"{said['day']} {said['month']} {said['year']} {hour}:{said['rest']} {zone}", ahead_s)


def _first_cue(said: str) -> int | None:
    """Where waiting is first spoken of: nothing before it needs a pattern."""
    first = None
    for cue in _CUES:
        if cue in said:
            at = said.find(cue)
            first = at if first is None else min(at, first)
    return first


def _in_another_language(said: str) -> float | None:
    for cue in _OTHER_CUES:
        if cue in said:
            found = _PROSE_OTHER.search(said)
            return _plausible(_total(found[1])) if found else None
    return None


def duration(text: str) -> float | None:
    """`60`, `1.5s`, `6m0s`, `120ms`, `1 hour, 5 minutes`; None for anything else."""
    text = text.strip().lower()
    try:
        if text[:1].isdigit() and text[-1:].isdigit():
            return float(text) if text.isascii() and "_" not in text else None
    except ValueError:
        return None
    if text[:1] == "p":
        iso = _ISO_DURATION.fullmatch(text)
        if iso is None or not any(iso.groups()):
            return None
        return sum(float(part or 0) * unit for part, unit in zip(iso.groups(), (86400, 3600, 60, 1), strict=True))
    if not _WHOLE_DURATION.match(text):
        return None
    return _total(text)


def _total(text: str) -> float:
    """The seconds of a duration that a pattern has found."""
    return sum([float(number) * _UNITS[unit] for number, unit in _PART.findall(text)])


def _iso(text: str, ahead_s: float = 0.0) -> float | None:
    text = text.strip().lower()
    zoned = text.endswith("utc")
    text = text.removesuffix("utc").strip().upper()
    try:
        instant = datetime.fromisoformat(_ZONE_GAP.sub(r"\1", text))
        if instant.tzinfo is None:
            return instant.replace(tzinfo=UTC).timestamp() - (0.0 if zoned else ahead_s)
        return instant.timestamp()
    except (ValueError, OverflowError):
        return None


def _bounded(seconds: float | None) -> float | None:
    """A header's wait, however long: clients obey it to the letter, so it must not count as none."""
    return seconds if seconds is None else min(seconds, _LONGEST_S)


def _plausible(seconds: float | None) -> float | None:
    """A wait in the past or of more than a year is a mistake of somebody's clock, not a wait."""
    return float(seconds) if seconds is not None and 0 <= seconds <= _LONGEST_S else None


def _resets(headers: Mapping[str, str], clock: Clock) -> list[float]:
    """The resets of all windows in rate-limit headers whose remaining is 0, or which say that they were rejected."""
    found = []
    for name, value in headers.items():
        if "reset" not in name or "limit" not in name:
            continue
        remaining = headers.get(name.replace("reset", "remaining"))
        rejected = headers.get(name.replace("reset", "status")) == "rejected"
        if not rejected and (remaining is None or remaining.strip() not in ("0", "0.0")):
            continue
        seconds = _reset(value, clock)
        if seconds is not None:
            found.append(seconds)
    return found


# https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/: `RateLimit: "default";r=0;t=50`, before that `limit=9, remaining=0, reset=50`
_EMPTY_WINDOW: Final = re.compile(r"(?:;\s?r=0\s?;\s?t|\bremaining=0\s?[,;]\s?reset)=(\d{1,9})")


def _structured(headers: Mapping[str, str]) -> list[float]:
    """The resets of empty windows in the IETF draft's structured field, and Kong's retry-after of a window and provider."""
    found = [float(seconds) for seconds in _EMPTY_WINDOW.findall(headers.get("ratelimit", "")[:400])]
    for name, value in headers.items():
        if "ratelimit-retry-after" in name and value.strip().isdigit() and len(value) < 10:
            found.append(float(value))
    return found


def _reset(value: str, clock: Clock) -> float | None:
    seconds = duration(value[:64])
    if seconds is None:
        return _plausible(clock.until(_iso(value[:64])))
    return _plausible(clock.until(seconds) if seconds >= _EPOCH_FROM else seconds)
