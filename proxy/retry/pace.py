"""Until when the retries of one credential and model are held back: the latest end of any wait stated to them. Pure.

Ten calls that were told ten different waits would otherwise each try as its own ends, and each be told again. First
attempts are never held.
"""

from __future__ import annotations

from collections.abc import Hashable
from math import inf
from typing import Final

_MOST_KEYS: Final = 16384


class Pace:
    """The ends of stated waits. A key names one credential and model at one upstream."""

    def __init__(self, most_keys: int = _MOST_KEYS) -> None:
        self._most = most_keys
        self._ends: dict[Hashable, float] = {}

    def state(self, key: Hashable, wait_s: float, now: float) -> None:
        """An answer said to wait. A shorter wait does not replace a longer one (BerriAI/litellm#40130)."""
        end = now + wait_s
        if self.until(key) >= end:
            return
        if key not in self._ends and len(self._ends) >= self._most:
            self._make_room(now)
        self._ends[key] = end

    def until(self, key: Hashable) -> float:
        """When the latest stated wait ends, perhaps in the past."""
        return self._ends.get(key, -inf)

    def _make_room(self, now: float) -> None:
        """Drops what is over, and of the rest the oldest until a quarter is free: rarely, for all."""
        self._ends = {key: end for key, end in self._ends.items() if end > now}
        surplus = len(self._ends) - self._most * 3 // 4
        for key in list(self._ends)[: max(0, surplus)]:
            del self._ends[key]
