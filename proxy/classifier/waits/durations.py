"""Lengths of time as people and programs write them, and as people read them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Final

from proxy.classifier.waits.units import ENGLISH_UNIT, UNITS

# Commas part thousands in English and in Chinese; other languages have their own separators (`languages`).
WORD: Final = r"[^\W\d_]{1,16}"
# Nothing is won by giving back a digit, so it is not tried: a page of digits is read in one go.
NUMBER: Final = r"(?>(?:\d{1,3}(?:,\d{3}){1,4}(?!\d|,\d)|\d{1,18})(?:\.\d{1,12})?)"
# What may stand between a number and its unit: "3 business days", "60 more seconds", "60 (seconds)".
_BETWEEN: Final = r"\s?\(?(?:(?:more|additional|further|full|whole|business|working|calendar) ){0,2}"
# `1h30`, `2m15`: what follows is of the next smaller unit.
_UNNAMED: Final = r"[hm][0-5]\d(?![\da-z.:])"
# `1 h. 30 min.`: the stop of an abbreviation, where the next smaller unit follows.
_STOP: Final = r"(?:\.(?:(?<=[dhr]\.)(?=\s?\d{1,2}\s?m)|(?<=[mn]\.)(?=\s?\d{1,2}\s?s)))?"


def lengths(number: str, unit: str, joined: str) -> str:
    """A pattern for one to four numbers with their units, all or nothing: `2 hours and 5 minutes`, `1h30`, `1 h. 30 min`."""
    return rf"(?>(?:{_STOP}[\s,]{{0,2}}(?:(?:{joined})\s?)?{number}{_BETWEEN}(?:{_UNNAMED}|{unit})){{1,4}})"


DURATION: Final = lengths(NUMBER, ENGLISH_UNIT, "and|&")
# `00:05:00` and `12.03:10:05`, with days: https://learn.microsoft.com/en-us/dotnet/standard/base-types/standard-timespan-format-strings
SPAN: Final = r"(?:\d{1,5}\.)?\d{1,2}:\d\d:\d\d(?:\.\d{1,9})?(?![\d:])"
_PART: Final = re.compile(rf"({NUMBER}){_BETWEEN}({_UNNAMED}|{WORD})")
_ONE: Final = re.compile(r"\s?(\d{1,12}(?:\.\d{1,12})?)\s?([a-z]{1,12})")
_WHOLE_NUMBER: Final = re.compile(NUMBER)
_WHOLE_DURATION: Final = re.compile(rf"{lengths(NUMBER, WORD, 'and|&')}\)?")
_WHOLE_SPAN: Final = re.compile(r"(?:(\d{1,5})\.)?(\d{1,2}):(\d\d):(\d\d(?:\.\d{1,9})?)")
# `PT1M30S` (ISO 8601, as java.time and Azure write it)
_ISO_DURATION: Final = re.compile(
    r"p(?:(\d{1,4})d)?(?:t(?:(\d{1,6})h)?(?:(\d{1,8})m)?(?:(\d{1,12}(?:\.\d{1,12})?)s)?)?(?![a-z0-9])"
)
_OF_CLOCK: Final = (86400.0, 3600.0, 60.0, 1.0)
_MANY_YEARS: Final = 1000


def duration(text: str) -> float | None:
    """`60`, `1.5s`, `6m0s`, `120ms`, `1,200 seconds`, `1 hour, 5 minutes`, `00:05:00`, `PT5M`; None for anything else."""
    text = text.strip().lower()
    try:
        return float(text) if text.isascii() and text[:1].isdigit() and "_" not in text else _written(text)
    except ValueError:
        return _written(text)


def _written(text: str) -> float | None:
    if text[:1] == "p":
        iso = _ISO_DURATION.fullmatch(text)
        return _by_clock(iso) if iso and any(iso.groups()) else None
    if _WHOLE_DURATION.fullmatch(text):
        return summed(_PART.findall(text), number)
    if _WHOLE_NUMBER.fullmatch(text):
        return number(text)
    span = _WHOLE_SPAN.fullmatch(text) if ":" in text else None
    return _by_clock(span) if span else None


def _by_clock(found: re.Match[str]) -> float:
    return sum([float(part or 0) * unit for part, unit in zip(found.groups(), _OF_CLOCK, strict=True)])


def number(text: str) -> float:
    """The value of what `NUMBER` has found."""
    return float(text.replace(",", "") if "," in text else text)


def total(text: str) -> float:
    """The seconds of a duration that `DURATION` has found."""
    one = _ONE.fullmatch(text)
    if one and one[2] in UNITS:  # nearly all
        return float(one[1]) * UNITS[one[2]]
    seconds = 0.0
    for count, unit in _PART.findall(text):
        seconds += number(count) * UNITS[unit] if unit in UNITS else _unnamed(number(count), unit)
    return seconds


def summed(parts: Iterable[tuple[str, str]], read: Callable[[str], float]) -> float | None:
    """The seconds of numbers and their units, None where a word is no unit of time."""
    seconds = 0.0
    for count, unit in parts:
        if unit in UNITS:
            seconds += read(count) * UNITS[unit]
        elif unit[-1:].isdecimal():
            seconds += _unnamed(read(count), unit)
        else:
            return None
    return seconds


def _unnamed(count: float, unit: str) -> float:
    return (count + float(unit[1:]) / 60) * UNITS[unit[0]]


def in_words(seconds: float) -> str:
    """As people read it: `644 ms`, `26.4 seconds`, `1 hour 20 minutes`, `40 days`, `317 years`."""
    if seconds < 1:
        return f"{round(seconds * 1000, 2):g} ms" if seconds else "0 seconds"
    if seconds < 60:
        return _counted(float(f"{seconds:.3g}"), "second")
    if seconds > _MANY_YEARS * 365 * 86400:
        return f"more than {_MANY_YEARS:,} years"
    days, rest = divmod(round(seconds), 86400)
    if days > 2 * 365:
        return f"{days // 365} years"
    hours, rest = divmod(rest, 3600)
    minutes, rest = divmod(rest, 60)
    # Beside days nobody counts seconds.
    named = ((days, "day"), (hours, "hour"), (minutes, "minute"), (0 if days else rest, "second"))
    return " ".join(_counted(count, unit) for count, unit in named if count)


def _counted(count: float, unit: str) -> str:
    return f"{count:g} {unit}" if count == 1 else f"{count:g} {unit}s"
