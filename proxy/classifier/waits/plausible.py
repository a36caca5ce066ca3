"""Which of the waits that an answer states can be one."""

from __future__ import annotations

from typing import Final

LONGEST_S: Final = 400 * 86400.0


def plausible(seconds: float | None) -> float | None:
    """A wait in the past or of more than a year is a mistake of somebody's clock, not a wait."""
    return float(seconds) if seconds is not None and 0 <= seconds <= LONGEST_S else None


def bounded(seconds: float) -> float:
    """A header's wait, however long: clients obey it to the letter, so it must not count as none."""
    return min(seconds, LONGEST_S)
