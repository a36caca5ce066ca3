"""Lengths of time as people and programs write them, and which of them can be a wait."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

LONGEST_S: Final = 400 * 86400.0

UNITS: Final[Mapping[str, float]] = {
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
UNIT: Final = "|".join(sorted((re.escape(unit) for unit in UNITS if unit), key=len, reverse=True))
NUMBER: Final = r"\d{1,12}(?:\.\d{1,12})?"
_PART: Final = re.compile(rf"({NUMBER})\s?({UNIT})(?![a-z])")
DURATION: Final = rf"(?:{NUMBER}\s?(?:{UNIT})(?![a-z])[\s,]{{0,2}}(?:and\s)?){{1,4}}"
# `PT1M30S` (ISO 8601, as java.time and Azure write it)
_ISO_DURATION: Final = re.compile(
    rf"p(?:(\d{{1,4}})d)?(?:t(?:(\d{{1,6}})h)?(?:(\d{{1,8}})m)?(?:({NUMBER})s)?)?(?![a-z0-9])"
)
_WHOLE_DURATION: Final = re.compile(rf"{DURATION}$")


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
    return total(text)


def total(text: str) -> float:
    """The seconds of a duration that a pattern has found."""
    return sum([float(number) * UNITS[unit] for number, unit in _PART.findall(text)])


def bounded(seconds: float | None) -> float | None:
    """A header's wait, however long: clients obey it to the letter, so it must not count as none."""
    return seconds if seconds is None else min(seconds, LONGEST_S)


def plausible(seconds: float | None) -> float | None:
    """A wait in the past or of more than a year is a mistake of somebody's clock, not a wait."""
    return float(seconds) if seconds is not None and 0 <= seconds <= LONGEST_S else None
