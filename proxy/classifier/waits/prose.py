"""Waits that a sentence states."""

from __future__ import annotations

import re
from itertools import islice
from typing import Final

from proxy.classifier.waits.clock import Clock, http_date, iso
from proxy.classifier.waits.durations import DURATION, NUMBER, UNIT, duration, plausible, total

_CUE: Final = (
    r"(?:(?:re-?try|again|wait|reset|resets|back ?off|available|replenish(?:ed)?|refill(?:s|ed)?|come back|cooldown|cool ?down|refresh(?:es|ed)?|next (?:request|call)(?: is| will be)? allowed|blocked)"
    r"(?: (?:the |your |this |another |a )?(?:request|period|again|it|time|limit|quota|window|ends|remaining|off))?"
    r"(?: (?:at least|for at least|in|after|for|of|another|about|approximately|around|within|is|the next)){0,2}[:=]?)"
)
_PROSE: Final = re.compile(rf"{_CUE} ?(?:about |approximately |~ ?|at least )?\"?({DURATION})")
_PROSE_BARE: Final = re.compile(
    rf"(?:retry[ _-]?after|retry in|try again in)[\"']?\s?[:=]?\s?[\"']?({NUMBER})(?![\d.%a-z])"
)
_PROSE_CJK: Final = re.compile(rf"(?:请|請)?(?:在|等待|稍等|等)?\s?({NUMBER}\s?(?:{UNIT}))\s?(?:后|後|之后|以后|후)")
_PROSE_OTHER: Final = re.compile(rf"\b(?:in|en|dans|em|через|nach|después de|após|après) ({DURATION})")
_PROSE_ISO: Final = re.compile(r"(?:after|in|wait)[\"']?[ :=]{1,2}[\"']?(pt[\d.hms]{2,20})(?![a-z0-9])")
_PROSE_SPAN: Final = re.compile(rf"({DURATION})(?: (?:and|then))? (?:before|until) (?:re-?try|try|making|send|the)")
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
# API Management: `19:26:41`, with days `12.03:10:05` (https://learn.microsoft.com/en-us/azure/api-management/quota-policy)
_CLOCK_SPAN: Final = re.compile(
    r"(?:replenished|reset|resets|again|wait|refilled) (?:in|after) (?:(\d{1,3})\.)?(\d{1,2}):(\d\d):(\d\d)(?!\d)"
)
_CUES: Final = ("again", "retry", "wait", "reset", "until", "后", "後", "back", "available", "refresh", "cool", "refill", "replenish", "access", "allowed", "blocked", "후", "重置", "恢复", "刷新")  # fmt: skip
# Where another language speaks of trying again, its "in 30 Sekunden" is a wait.
_OTHER_CUES: Final = ("erneut", "nochmal", "wieder", "nuevo", "nuevamente", "réessay", "novamente", "повтор", "попробуйте", "снова", "reinten", "reessay")  # fmt: skip
_MAX_PROSE: Final = 4000
_BEFORE_CUE_CHARS: Final = 48  # "3 minutes before retrying", "next request will be allowed in"


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
            return plausible(days * 86400.0 + hours * 3600 + minutes * 60 + seconds)
        if found:
            stated = plausible(float(found[1]) if pattern is _PROSE_BARE else total(found[1]))
            if stated is not None:
                return stated
    if "pt" in said:
        found = _PROSE_ISO.search(said)
        if found:
            return plausible(duration(found[1]))
    instant = _INSTANT.search(said) or (None if said.isascii() else _INSTANT_CJK.search(said))
    if instant:
        return plausible(clock.until(iso(instant[1].replace(" at ", " "), ahead_s)))
    for form in _DATED if ":" in said else ():
        for dated in islice(form.finditer(said), _MAX_DATES):
            if _BEFORE_DATE.search(said[max(0, dated.start() - _BEFORE_DATE_CHARS) : dated.start()]):
                return plausible(clock.until(_date(dated, ahead_s)))
    return _in_another_language(whole)


def _date(said: re.Match[str], ahead_s: float) -> float | None:
    hour = int(said["hour"])
    if said["half"]:
        hour = hour % 12 + (12 if said["half"][0] == "p" else 0)
    zone = (said["zone"] or "").replace(":", "")
    return http_date(f"{said['day']} {said['month']} {said['year']} {hour}:{said['rest']} {zone}", ahead_s)


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
            return plausible(total(found[1])) if found else None
    return None
