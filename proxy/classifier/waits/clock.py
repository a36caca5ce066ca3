"""Instants as machines write them, as dates and epochs, and the clock against which one becomes a wait."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

EPOCH_FROM: Final = 1_000_000_000.0
_EPOCH_MS_FROM: Final = 100_000_000_000.0
_ZONE_GAP: Final = re.compile(r" ([+-]\d\d:?\d\d)$")


class Clock:
    """The time against which an instant becomes a wait; an answer's own `Date` is read only where an instant needs it."""

    __slots__ = ("_headers", "_now", "was_missed")

    def __init__(self, now: float | None, headers: Mapping[str, str]) -> None:
        self._now = now
        self._headers = headers
        self.was_missed = False  # an instant was stated and nobody knew the time

    def now(self) -> float | None:
        """Seconds since the epoch, None where nobody knows."""
        if self._now is None and "date" in self._headers:
            self._now = http_date(self._headers["date"])
        self.was_missed = self._now is None
        return self._now

    def until(self, instant: float | None) -> float | None:
        """Seconds until an instant, None where there is no clock."""
        if instant is None:
            return None
        now = self.now()
        if now is None:
            return None
        for _ in range(3):  # of milli-, micro- and nanoseconds
            if instant >= _EPOCH_MS_FROM:
                instant /= 1000
        return instant - now


NO_CLOCK: Final = Clock(None, {})


def http_date(text: str) -> float | None:
    """An instant in any of the three forms of RFC 9110, 5.6.7, of which asctime's names no zone."""
    try:
        instant = parsedate_to_datetime(text[:64])
        return (instant if instant.tzinfo else instant.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


def iso(text: str) -> float | None:
    text = text.strip().lower().removesuffix("utc").strip().upper()
    try:
        instant = datetime.fromisoformat(_ZONE_GAP.sub(r"\1", text))
        return (instant if instant.tzinfo else instant.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
