"""Waits in headers: `retry-after` and its like, and the resets of windows that are empty."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from proxy.classifier.waits.clock import EPOCH_FROM, Clock, http_date, iso
from proxy.classifier.waits.durations import bounded, duration, plausible

READ_BY_CLIENTS: Final = {"retry-after-ms": 0.001, "x-ms-retry-after-ms": 0.001, "retry-after": 1.0}
READ_BY_NOBODY: Final = {"x-retry-after-ms": 0.001, "x-retry-after": 1.0}


def stated_by(headers: Mapping[str, str], names: Mapping[str, float], clock: Clock) -> float | None:
    """The wait of the first of some headers that states one."""
    for name, unit_s in names.items():
        if name in headers:
            seconds = _header(headers[name], unit_s, clock)
            if seconds is not None:
                return seconds
    return None


def _header(text: str, unit_s: float, clock: Clock) -> float | None:
    """`retry-after`: a number of its unit, a duration in words, or a date (RFC 9110, 10.2.3)."""
    text = text.strip()[:64]
    seconds = duration(text)
    if seconds is not None:
        seconds = seconds * unit_s if text[-1].isdigit() else seconds
        return plausible(bounded(seconds if seconds < EPOCH_FROM else clock.until(seconds)))
    return plausible(bounded(clock.until(http_date(text) or iso(text))))


def resets(headers: Mapping[str, str], clock: Clock) -> list[float]:
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


def structured(headers: Mapping[str, str]) -> list[float]:
    """The resets of empty windows in the IETF draft's structured field, and Kong's retry-after of a window and provider."""
    found = [float(seconds) for seconds in _EMPTY_WINDOW.findall(headers.get("ratelimit", "")[:400])]
    for name, value in headers.items():
        if "ratelimit-retry-after" in name and value.strip().isdigit() and len(value) < 10:
            found.append(float(value))
    return found


def _reset(value: str, clock: Clock) -> float | None:
    seconds = duration(value[:64])
    if seconds is None:
        return plausible(clock.until(iso(value[:64])))
    return plausible(clock.until(seconds) if seconds >= EPOCH_FROM else seconds)
