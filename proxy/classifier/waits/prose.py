"""Waits that a sentence states: English lengths after a word that asks for one here, the rest in `leading`, `languages`, `instants`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from proxy.classifier.waits.clock import EPOCH_FROM, Clock
from proxy.classifier.waits.durations import DURATION, NUMBER, SPAN, duration, number, total
from proxy.classifier.waits.instants import instant_in
from proxy.classifier.waits.languages import in_another_language
from proxy.classifier.waits.leading import leading
from proxy.classifier.waits.plausible import plausible
from proxy.classifier.waits.spelled import SPELLED, UNITS, spelled_total
from proxy.classifier.waits.units import ENGLISH_UNIT

# After who is told to wait or to try again, the bare length tells how long; after what comes back, only "in" or "after" does.
_ASKED_WORDS: Final = ("again", "retry", "wait", "back", "re-try", "cool")
_ASKED: Final = re.compile(
    r"again|retrying|retry(?:[ _-]?delay)?|wait|backoff|back off|come back|be back|re-try|cooldown|cool down"
)
_COMES_WORDS: Final = (
    "reset", "available", "refresh", "replenish", "refill", "next ", "open", "renew", "resume", "lock", "limited for", "suspended", "throttled",
    "banned", "be ready", "be loaded",
)  # fmt: skip
_COMES: Final = re.compile(
    r"reset|unavailable for|available|refresh|replenish|refill|next (?:request|call|slot|window|attempt)|open(?!ed)|renew|resume"
    r"|unlock|(?:locked|limited|suspended|throttled|banned) for|be (?:ready|loaded)"
)
_WHAT: Final = (
    r"(?: (?:the |your |this |another |a |any |all )?(?:api )?"
    r"(?:requests?|calls?|operation|query|message|period|again|it|time|limit|quota|window|ends|remaining|off))?"
)
_AFTER_ASKED: Final = re.compile(
    rf"{_WHAT}(?:[ _-](?:at least|for at least|in|after|for|of|another|about|approximately|around|within|is|the next)){{0,2}}(?:[\"']?[:=])?"
)
_AFTER_COMES: Final = re.compile(
    rf"(?:e?s|e?d|ing)?{_WHAT}(?:(?: is| will be| can be)? (?:allowed|opens?|available|made))?"
    r"(?: (?:at least|about|approximately|around))?(?: (?:in|after|within|of|is)[:=]?|[:=]|(?<= for))"
)
_AROUND: Final = r" ?(?:at least |about |approximately |around |roughly |another |the next |between |~ ?|≈ ?)?\"?"
# Of "5-10 minutes" and "1 to 2 minutes" the longer counts.
_FROM: Final = rf"(?:{NUMBER}(?: and |\s?(?:{ENGLISH_UNIT}\s?)?(?:[-–—~〜]|to|or)\s?))?"
# "reset 3 days ago", "available 24 hours a day"
_NO_WAIT: Final = r"(?!\s?(?:ago|earlier|old)\b|\s?(?:/|an? |per |each |every )\s?(?:sec|min|hour|day|week|month|year))"
_LENGTH: Final = rf"{_AROUND}{_FROM}(?P<minus>-?)(?P<length>{DURATION}){_NO_WAIT}"
# API Management: `19:26:41`, with days `12.03:10:05` (https://learn.microsoft.com/en-us/azure/api-management/quota-policy)
_SPAN: Final = rf" ?\"?(?P<span>{SPAN})(?! ?(?:utc|gmt|z\b|[ap]\.?m\b|[+-]\d))"
_TOLD: Final = re.compile(rf"{_LENGTH}|{_SPAN}|{_AROUND}(?P<spelled>{SPELLED})")
# How long something else may take or has taken: "max wait 60 s", "the queue wait is 60 seconds", "exceeded the wait time of 60 s".
_OF_ANOTHER: Final = tuple(
    f"{word}{gap}" for word in ("max", "maximum", "longest", "allowed", "queue", "exceeds", "exceeded the", "exceeds the") for gap in " _-"
)  # fmt: skip
_OF_THE_CALLER: Final = ("estimated queue ", "expected queue ", "estimated_queue_")
# A number alone is one of seconds, where no other word follows it ("in 3 attempts") but one that goes on or a next key.
_BARE: Final = re.compile(
    rf"(?:retry[ _-]?after(?:[ _-]?(?:(ms|milliseconds)|s|secs|seconds))?|retry in|try again in)[\"']?\s?[:=]?\s?[\"']?(-?{NUMBER})"
    r"(?![\d%/:-]|[.,]\d|[^\W\d_])"
    r"(?![ \t](?!(?:and|then|before|if|because|due|as|please|or)\b(?! \d)|[\w-]{1,40}[\"']?[:=])[^\W\d_])"
)
_BEFORE_WORD_CHARS: Final = 5  # "come back", "unlocked"
_ISO: Final = re.compile(r"(?:after|in|wait)[\"']?[ :=]{1,2}[\"']?(pt[\d.hms]{2,20})(?![a-z0-9])")
_MAX_CHARS: Final = 4000
_DIGIT: Final = re.compile(r"\d")


def in_prose(text: str, clock: Clock, ahead_s: float = 0.0) -> float | None:
    """The wait that a sentence states, None for a vague one ("a few minutes") and for one that cannot be."""
    for seconds in stated_by(text, clock, ahead_s):
        if plausible(seconds) is not None:
            return seconds
    return None


def stated_by(text: str, clock: Clock, ahead_s: float = 0.0) -> Iterator[float]:
    """What a sentence states as a wait, the likeliest first."""
    said = text[:_MAX_CHARS].lower()
    has_digit = _DIGIT.search(said) is not None
    if not has_digit and not _says(UNITS, said):
        return
    asked = _first(_ASKED_WORDS, said)
    if asked >= 0:
        yield from _lengths(_ASKED, _AFTER_ASKED, said, max(0, asked - _BEFORE_WORD_CHARS))
    comes = _first(_COMES_WORDS, said)
    if comes >= 0:
        yield from _lengths(_COMES, _AFTER_COMES, said, max(0, comes - _BEFORE_WORD_CHARS))
    if asked >= 0:
        yield from _otherwise(said, asked, clock)
    yield from leading(said, is_asked=asked >= 0)
    if not has_digit:
        return
    abroad = in_another_language(said)
    if abroad is not None:
        yield abroad
    instant = instant_in(said, clock, ahead_s)
    if instant is not None:
        yield instant


def _first(words: tuple[str, ...], said: str) -> int:
    """Where one of some words first stands, -1 for none: nothing before it needs a pattern."""
    first = -1
    for word in words:
        if word in said:
            at = said.find(word)
            first = at if first < 0 else min(at, first)
    return first


def _says(words: tuple[str, ...], said: str) -> bool:
    for word in words:  # noqa: SIM110 (a generator would cost as much as the search)
        if word in said:
            return True
    return False


def _lengths(cue: re.Pattern[str], leads: re.Pattern[str], said: str, start: int) -> Iterator[float]:
    for at in cue.finditer(said, start):
        led = leads.match(said, at.end())
        told = _TOLD.match(said, led.end()) if led else None
        if told and (not said.endswith(_OF_ANOTHER, 0, at.start()) or said.endswith(_OF_THE_CALLER, 0, at.start())):
            yield _length(told)


def _otherwise(said: str, asked: int, clock: Clock) -> Iterator[float]:
    if found := _BARE.search(said, asked):
        seconds = _bare(found, clock)
        if seconds is not None:
            yield seconds
    if "pt" in said and (found := _ISO.search(said)):
        yield duration(found[1]) or 0.0


def _length(found: re.Match[str]) -> float:
    if found["span"]:
        return duration(found["span"]) or 0.0
    if found["spelled"]:
        return spelled_total(found["spelled"])
    return -total(found["length"]) if found["minus"] else total(found["length"])


def _bare(found: re.Match[str], clock: Clock) -> float | None:
    seconds = number(found[2])
    return clock.until(seconds) if seconds >= EPOCH_FROM else seconds / 1000 if found[1] else seconds
