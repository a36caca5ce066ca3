"""Every form in which providers tell how long to wait. A pure reader: what is stated, not whether to obey it.

An instant (a date, an epoch) becomes a wait only against a clock: the caller's `now`, else the answer's own `Date`.
"""

from __future__ import annotations

import re
from typing import Final

from proxy.classifier.evidence import Evidence
from proxy.classifier.waits.clock import NO_CLOCK, Clock
from proxy.classifier.waits.durations import duration
from proxy.classifier.waits.headers import READ_BY_CLIENTS, READ_BY_NOBODY, resets, stated_by, structured
from proxy.classifier.waits.members import member
from proxy.classifier.waits.prose import in_prose
from proxy.model import Wait, WaitOrigin

__all__ = ["NO_CLOCK", "Clock", "duration", "in_prose", "member", "wait_of"]

_DAY: Final = re.compile(r"\b(?:daily|weekly|per day|per week|rpd|tpd)\b|每天|每日|每周", re.IGNORECASE)


def wait_of(evidence: Evidence, now: float | None, ahead_s: float = 0.0) -> Wait | None:
    """The wait that an answer states: in `retry-after` headers, else in the body's members, else in prose, else by the
    reset of a window whose remaining is 0. `ahead_s`: how far the provider's clock is ahead of UTC where prose names none.
    """
    headers = evidence.headers
    clock = Clock(now, headers)
    stated = stated_by(headers, READ_BY_CLIENTS, clock)
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
    for said, names in ((headers, READ_BY_NOBODY), (evidence.body_headers, READ_BY_CLIENTS)):
        stated = stated_by(said, names, clock)
        if stated is not None:
            return Wait(stated, WaitOrigin.BODY)
    told = _prose(evidence, clock, ahead_s)
    if told is not None:
        return Wait(told, WaitOrigin.PROSE)
    ends = [*resets(headers, clock), *resets(evidence.body_headers, clock), *structured(headers)]
    return Wait(max(ends), WaitOrigin.RESET) if ends else None


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
