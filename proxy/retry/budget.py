"""How many retries a credential may cost its upstream: a share of its own requests, and a few in any case. Pure.

Retries help while few calls fail. When all fail they multiply the load on who is down, so their number is tied to the
number of first tries (https://sre.google/sre-book/handling-overload/#client-side-throttling). One credential's troubles never
take from another's budget.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable
from typing import Final

_WINDOW_S: Final = 60.0
_PERIODS: Final = 12
_PERIOD_S: Final = _WINDOW_S / _PERIODS
_LEAST: Final = 3  # retries in any ten seconds
_LEAST_PER_S: Final = 10.0
_MOST_KEYS: Final = 16384  # in one period; a crowd beyond it has its minimum alone


class _Retries:
    """One key's retries of one period: how many, and when the latest were."""

    __slots__ = ("count", "latest")

    def __init__(self) -> None:
        self.count = 0
        self.latest: deque[float] = deque(maxlen=_LEAST)


class _Period:
    """Five seconds of requests and retries. Old ones fall off the end whole, and what nobody calls with goes with them."""

    __slots__ = ("requests", "retries")

    def __init__(self) -> None:
        self.requests: dict[Hashable, int] = {}
        self.retries: dict[Hashable, _Retries] = {}


class Budget:
    """The retries of all credentials of all upstreams. A key names one credential at one upstream."""

    def __init__(self) -> None:
        self._periods: deque[_Period] = deque((_Period(),), maxlen=_PERIODS)
        self._requests = self._periods[-1].requests
        self._turns_at = float("-inf")

    def count(self, key: Hashable, now: float) -> None:
        """A call goes to the upstream. Every call passes here, so it is no more than one look-up."""
        if now >= self._turns_at:
            self._turn(now)
        requests = self._requests
        if key in requests:
            requests[key] += 1
        elif len(requests) < _MOST_KEYS:
            requests[key] = 1

    def spend(self, key: Hashable, now: float, share: float) -> bool:
        """Takes one retry; False where the budget, a share of the key's requests, has none left."""
        if now >= self._turns_at:
            self._turn(now)
        periods = self._periods
        requests = sum(period.requests.get(key, 0) for period in periods)
        retries = [period.retries[key] for period in periods if key in period.retries]
        spent = sum(each.count for each in retries)
        if spent + 1 > share * requests + 1e-9 and not _is_least(retries, now):
            return False
        present = periods[-1].retries
        if key not in present:
            if len(present) >= _MOST_KEYS:
                return False
            present[key] = _Retries()
        present[key].count += 1
        present[key].latest.append(now)
        return True

    def _turn(self, now: float) -> None:
        """Begins the period that `now` is in."""
        passed = _PERIODS if self._turns_at == float("-inf") else int((now - self._turns_at) // _PERIOD_S) + 1
        for _ in range(min(passed, _PERIODS)):
            self._periods.append(_Period())
        self._requests = self._periods[-1].requests
        self._turns_at = now + _PERIOD_S if passed >= _PERIODS else self._turns_at + passed * _PERIOD_S


def _is_least(retries: list[_Retries], now: float) -> bool:
    """Whether this retry is one of the few that are always allowed."""
    return sum(at > now - _LEAST_PER_S for each in retries for at in each.latest) < _LEAST
