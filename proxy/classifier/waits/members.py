"""Waits in the members of a body."""

from __future__ import annotations

from typing import Any

from proxy.classifier.waits.clock import EPOCH_FROM, Clock, http_date, iso
from proxy.classifier.waits.durations import duration, plausible


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
            return plausible(seconds + nanos / 1e9)
        return None
    if isinstance(value, str):
        number = duration(value.strip()[:64])
        if number is None:
            instant = iso(value.strip()[:64]) or http_date(value)
            return plausible(clock.until(instant))
        if not value.strip().replace(".", "", 1).isdigit():
            return plausible(number)
        value = number
    if not isinstance(value, (int, float)):
        return None
    if value >= EPOCH_FROM:
        return plausible(clock.until(float(value)))
    return plausible(value / 1000 if name.endswith("ms") else float(value))
