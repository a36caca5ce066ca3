"""Waits in the members of a body."""

from __future__ import annotations

from typing import Any

from proxy.classifier.evidence.wait_names import WAIT_NAMES
from proxy.classifier.waits.clock import EPOCH_FROM, Clock, http_date, iso
from proxy.classifier.waits.durations import duration
from proxy.classifier.waits.instants import dated
from proxy.classifier.waits.plausible import plausible


def member(name: str, value: Any, clock: Clock) -> float | None:
    """The wait that a body's member states, None where that cannot be one."""
    return plausible(stated_in(name, value, clock))


def stated_in(name: str, value: Any, clock: Clock) -> float | None:
    """What a body's member states: a number of its name's unit, an epoch, a duration (`33s`, `1m26.4s`), an instant, or
    protobuf's object of seconds and nanos."""
    if isinstance(value, dict):
        seconds, nanos = _number(value.get("seconds")), _number(value.get("nanos", 0))
        return None if seconds is None or nanos is None else _told(seconds + nanos / 1e9, clock)
    seconds = _number(value)
    if seconds is None:
        if not isinstance(value, str):
            return None
        text = value.strip()[:64]
        seconds = duration(text)
        if seconds is None:
            instant = iso(text) or http_date(text)
            return clock.until(instant) if instant else dated(text, clock)
        return seconds
    return _told(seconds, clock, WAIT_NAMES.get(name, 1.0))


def _told(number: float, clock: Clock, unit_s: float = 1.0) -> float | None:
    return clock.until(number) if number >= EPOCH_FROM else number * unit_s


def _number(value: Any) -> float | None:
    """A number, also one in a string; None for what is none or more than a float can hold."""
    if isinstance(value, str):
        text = value.strip()[:24]
        if not text.isascii() or not text.removeprefix("-").replace(".", "", 1).isdecimal():
            return None
        value = text
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        return float(value)
    except (ValueError, OverflowError):
        return None
