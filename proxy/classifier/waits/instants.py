"""Instants as people write them: a date with its time, a day of this year, a time of day, each with or without a zone."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from itertools import islice
from typing import Final

from proxy.classifier.waits.clock import Clock

_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH: Final = rf"(?P<month>{'|'.join(_MONTHS)})[a-z]{{0,6}}\.?"
_DAY_OF_MONTH: Final = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?"
_TIME: Final = re.compile(
    r"(?P<hour>\d{1,2})(?::(?P<minute>\d\d)(?::(?P<second>\d\d)(?P<fraction>\.\d{1,9})?)?+(?!\d|:\d)|(?= ?[ap]\.?m\b))"
)
# What follows a time of day: `AM`, a zone, and the year where asctime and `date` have it. `(UTC+8)`, `+0800`, `GMT`, `EST`
_AFTER_TIME: Final = re.compile(
    r"(?: ?(?P<half>[ap])\.?m\b\.?)?+"
    r"(?: ?\(?(?:(?:utc|gmt)? ?(?P<sign>[+-])(?P<hours>\d{1,2})(?::?(?P<minutes>\d\d))?(?!\d)|(?P<zone>utc|gmt|z|[ecmp][sd]t)(?![a-z]))\)?)?"
    r"(?: (?P<year>\d{4})(?!\d))?"
)
_AHEAD_HOURS: Final = {"est": -5, "edt": -4, "cst": -6, "cdt": -5, "mst": -7, "mdt": -6, "pst": -8, "pdt": -7}
_BEIJING: Final = ("北京时间", "beijing time")
# A zone that RFC 822 does not name is not guessed.
_OTHER_ZONE: Final = re.compile(
    r" ?\(?(?:[ecmp]t|ce?s?t|[a-z]{1,2}st|hkt|sgt|(?:pacific|eastern|central|mountain)(?: \w{1,8})? time)\b"
)
# What stands before the time. All but the last name the year or may; of the last, months are numbers as in ISO 8601.
_DATES: Final = tuple(
    re.compile(rf"(?<!\d){form}(?:,? (?:at )?|t)?$")
    for form in (
        rf"(?P<year>\d{{4}})[-/.](?:(?P<number>\d{{1,2}})|{_MONTH})[-/.](?P<day>\d{{1,2}})",
        rf"{_MONTH} {{1,2}}{_DAY_OF_MONTH}(?:,? (?P<year>\d{{4}}))?",
        rf"{_DAY_OF_MONTH}[ -]{_MONTH}(?:[ -](?P<year>\d{{4}}|\d\d))?",
        r"(?:(?P<year>\d{4}) ?年 ?)?(?P<number>\d{1,2}) ?月 ?(?P<day>\d{1,2}) ?[日号]",
        r"(?<!-)(?P<number>\d\d)-(?P<day>\d\d)",
    )
)
_WHEN: Final = re.compile(
    r"(?:reset|resets|again|available|until|after|retry|wait|access|back|refresh|replenish|refill|unlock|resume|open|allowed)"
    r"[a-z ]{0,20}(?: (?:at|on|until|after))?:? ?(?:(?:mon|tue|wed|thu|fri|sat|sun)[a-z]{0,6},? )?$"
)
# A time without its day needs clearer words: "failed again at 10:00 UTC" is the past.
_WHEN_NEXT: Final = re.compile(
    r"(?:(?<!was )(?<!been )\bresets?(?: time)?(?: daily| every day)?|\b(?:try|trying) again|\bplease retry|\bavailable(?: again)?|\bretry"
    r"|\brefresh(?:es)?|\breplenish(?:es|ed)?|\brefills?|\brenews?|\bresumes?|\bopens?|\bunlocks?|\bback|\blifted|\bwait"
    r"|\b(?:can|may) (?:access|use|call|send|make|retry)[a-z ]{0,24})"
    r"(?: (?:again )?(?:at|after|until|on|is)\b:? |: )$|\buntil $"
)
_WHEN_CJK: Final = re.compile(
    r" ?(?:后|後|之后|之後|以后|以後)?(?:自动|自動)?(?:重置|恢复|恢復|刷新|解除|解封|再试|再試|重试|重試)|(?:에|に) ?(?:초기화|재설정|リセット)"
)
_BEFORE_CHARS: Final = 80
_MAX_TIMES: Final = 8
_HALF_A_YEAR_S: Final = 183 * 86400.0
_DAY_S: Final = 86400.0


def instant_in(said: str, clock: Clock, ahead_s: float) -> float | None:
    """The seconds until the instant that a sentence, in lower case, says it waits for."""
    if ":" not in said and "am" not in said and "pm" not in said and ".m" not in said:
        return None
    for time in islice(_TIME.finditer(said), _MAX_TIMES):
        before = said[max(0, time.start() - _BEFORE_CHARS) : time.start()]
        after = _AFTER_TIME.match(said, time.end())
        if after is None or (_zone_s(after) is None and _OTHER_ZONE.match(said, after.end())):
            continue
        date = _date(before)
        is_told_after = _WHEN_CJK.match(said, after.end()) is not None
        if date is None:
            if _zone_s(after) is not None and (is_told_after or _WHEN_NEXT.search(before)):
                return _until_next(time, after, clock)
        elif is_told_after or _WHEN.search(before, 0, date.start()):
            return _until(date, time, after, _ahead_s(said, after, ahead_s), clock)
    return None


def dated(text: str, clock: Clock) -> float | None:
    """The seconds until a date with its time that stands alone: `2026-Jan-17 00:00:00+0000 UTC`."""
    text = text.lower()
    time = _TIME.search(text)
    after = _AFTER_TIME.match(text, time.end()) if time else None
    date = _date(text[: time.start()]) if time else None
    if time is None or after is None or date is None or _OTHER_ZONE.match(text, after.end()):
        return None
    return _until(date, time, after, _zone_s(after) or 0.0, clock)


def _date(before: str) -> re.Match[str] | None:
    return next((found for form in _DATES if (found := form.search(before))), None)


def _zone_s(after: re.Match[str]) -> float | None:
    """How far the zone that is named is ahead of UTC."""
    if after["sign"]:
        ahead_s = int(after["hours"]) * 3600.0 + int(after["minutes"] or 0) * 60
        return -ahead_s if after["sign"] == "-" else ahead_s
    return _AHEAD_HOURS.get(after["zone"], 0) * 3600.0 if after["zone"] else None


def _ahead_s(said: str, after: re.Match[str], otherwise: float) -> float:
    zone_s = _zone_s(after)
    if zone_s is not None:
        return zone_s
    return 8 * 3600.0 if any(name in said for name in _BEIJING) else otherwise


def _until(
    date: re.Match[str], time: re.Match[str], after: re.Match[str], ahead_s: float, clock: Clock
) -> float | None:
    now = clock.now()
    if now is None:
        return None
    parts = date.groupdict()
    year = parts.get("year") or after["year"]
    month = int(parts["number"]) if parts.get("number") else _MONTHS.index(parts["month"]) + 1
    here = datetime.fromtimestamp(now + ahead_s, UTC)
    # A day of no year is the nearest one, which may have passed.
    years = (int(year) if len(year) == 4 else 2000 + int(year),) if year else range(here.year - 1, here.year + 2)
    found: list[float] = []
    for one in years:
        try:
            day = datetime(one, month, int(parts["day"]), tzinfo=UTC).timestamp()
        except (ValueError, OverflowError):
            continue
        seconds = _of_day(time, after)
        if seconds is not None:
            found.append(day + seconds - ahead_s - now)
    if not year:
        found = [seconds for seconds in found if abs(seconds) <= _HALF_A_YEAR_S]
    return found[0] if found else None


def _until_next(time: re.Match[str], after: re.Match[str], clock: Clock) -> float | None:
    seconds, now = _of_day(time, after), clock.now()
    if seconds is None or now is None:
        return None
    return (seconds - (_zone_s(after) or 0.0) - now) % _DAY_S


def _of_day(time: re.Match[str], after: re.Match[str]) -> float | None:
    """The seconds from midnight to a time of day."""
    hour, minute, second = int(time["hour"]), int(time["minute"] or 0), int(time["second"] or 0)
    if after["half"]:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if after["half"] == "p" else 0)
    if hour > 23 or minute > 59 or second > 60:
        return None
    return hour * 3600.0 + minute * 60 + second + float(time["fraction"] or 0)
