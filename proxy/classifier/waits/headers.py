"""Waits in headers: `retry-after` and its like, and the resets of windows that are empty."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from proxy.classifier.waits.clock import EPOCH_FROM, Clock, http_date, iso
from proxy.classifier.waits.durations import duration

READ_BY_CLIENTS: Final = {"retry-after-ms": 0.001, "x-ms-retry-after-ms": 0.001, "retry-after": 1.0}
# `x-retry-after`, `x-ratelimit-retry-after-seconds`, `X-Rate-Limit-Retry-After-Milliseconds`
_RETRY_AFTER: Final = re.compile(
    r"(?:[a-z-]{1,40}-)?retry-?after(?:-?in)?(?:-(?:(s|secs?|seconds)|(ms|millis|milliseconds)))?"
)


def read_by_clients(headers: Mapping[str, str], clock: Clock) -> Iterator[tuple[str, float]]:
    """What each of the headers states that official clients obey, in their order."""
    for name, unit_s in READ_BY_CLIENTS.items():
        if name in headers:
            seconds = _header(headers[name], unit_s, clock)
            if seconds is not None:
                yield name, seconds


def read_by_nobody(headers: Mapping[str, str], clock: Clock) -> Iterator[tuple[str, float]]:
    """What the headers state that are called like `retry-after`."""
    for name, value in headers.items():
        if "retry" not in name or name in READ_BY_CLIENTS:
            continue
        spelled = _RETRY_AFTER.fullmatch(name)
        if spelled:
            seconds = _header(value, 0.001 if spelled[2] else 1.0, clock)
            if seconds is not None:
                yield name, seconds


def _header(text: str, unit_s: float, clock: Clock) -> float | None:
    """A number of its unit, a duration in words, or a date (RFC 9110, 10.2.3)."""
    text = text.strip()[:64]
    if text[:1] == "-":
        seconds = duration(text[1:])
        return None if seconds is None else -seconds * (unit_s if text[-1].isdecimal() else 1.0)
    seconds = duration(text)
    if seconds is None:
        return clock.until(http_date(text) or iso(text))
    seconds = seconds * unit_s if text[-1].isdecimal() and ":" not in text else seconds
    return seconds if seconds < EPOCH_FROM else clock.until(seconds)


def resets(headers: Mapping[str, str], clock: Clock) -> Iterator[tuple[str, float]]:
    """The resets of all windows in rate-limit headers whose remaining is 0, or which say that they were rejected."""
    for name, value in headers.items():
        if "reset" not in name or "limit" not in name:
            continue
        remaining = headers.get(name.replace("reset", "remaining"))
        rejected = headers.get(name.replace("reset", "status")) == "rejected"
        if not rejected and (remaining is None or remaining.strip() not in ("0", "0.0")):
            continue
        seconds = _reset(value, clock)
        if seconds is not None:
            yield name, seconds


# https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/: `RateLimit: "default";r=0;t=50`, before that `limit=9, remaining=0, reset=50`
_EMPTY_WINDOW: Final = re.compile(r"(?:;\s?r=0\s?;\s?t|\bremaining=0\s?[,;]\s?reset)=(\d{1,9})")


def structured(headers: Mapping[str, str]) -> Iterator[tuple[str, float]]:
    """The resets of empty windows in the IETF draft's structured field, and Kong's retry-after of a window and provider."""
    for seconds in _EMPTY_WINDOW.findall(headers.get("ratelimit", "")[:400]):
        yield "ratelimit", float(seconds)
    for name, value in headers.items():
        if "ratelimit-retry-after" in name and value.strip().isdecimal() and len(value) < 10:
            yield name, float(value)


def _reset(value: str, clock: Clock) -> float | None:
    seconds = duration(value[:64])
    if seconds is None:
        return clock.until(iso(value[:64]))
    return clock.until(seconds) if seconds >= EPOCH_FROM else seconds
