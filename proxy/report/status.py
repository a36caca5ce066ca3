"""What has happened lately, for the person who looks: bounded, in memory, as plain JSON-able values.

Nothing secret comes in (`event.py`), so nothing has to be taken out. How it is shown is up to `proxy/admin`.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, NamedTuple

from proxy.model import Class
from proxy.report.event import CallReport
from proxy.report.lines import call_facts
from proxy.report.outage import Trouble

HISTORY_MINUTES: Final = 60
MAX_VERDICTS: Final = 50


class Seen(NamedTuple):
    """A report, when it came, and what made it one."""

    at: float
    event: str
    report: CallReport


@dataclass(frozen=True, slots=True, kw_only=True)
class Now:
    """What is counted elsewhere and read when somebody looks."""

    upstreams: Sequence[str]
    observed: Collection[str]  # those of them that are only watched
    troubles: Mapping[str, Trouble]
    threshold: int
    inflight: int
    open_streams: int
    stalled: Mapping[str, int]
    waiting: int
    quarantined_turns: int


class Status:
    def __init__(self, *, clock: Callable[[], float], wall: Callable[[], float]) -> None:
        self._clock = clock
        self._wall = wall
        self._began_at = wall()
        self._minutes: deque[tuple[int, Counter[Class]]] = deque(maxlen=HISTORY_MINUTES)
        self._seen: deque[Seen] = deque(maxlen=MAX_VERDICTS)
        self._retries: Counter[Class] = Counter()
        self._would: Counter[str] = Counter()
        self.revision = 0  # grows with everything that is told here, so that a live page knows when to look again

    def told(self, event: str, report: CallReport) -> None:
        """Remember a report; failures are counted by class and minute."""
        self.revision += 1
        self._seen.append(Seen(self._wall(), event, report))
        if report.verdict is not None:
            minute = int(self._clock() // 60)
            if not self._minutes or self._minutes[-1][0] != minute:
                self._minutes.append((minute, Counter()))
            self._minutes[-1][1][report.verdict.cls] += 1

    def retried(self, cls: Class) -> None:
        self.revision += 1
        self._retries[cls] += 1

    def would(self, what: str) -> None:
        self.revision += 1
        self._would[what] += 1

    def touched(self) -> None:
        """Something changed that is read from elsewhere, such as an upstream's outage."""
        self.revision += 1

    def snapshot(self, now: Now) -> dict[str, object]:
        minutes = self._last_hour()
        totals: Counter[Class] = Counter()
        for _, counts in minutes:
            totals.update(counts)
        return {
            "revision": self.revision,
            "at": _iso(self._wall()),
            "began_at": _iso(self._began_at),
            "upstreams": [self._upstream(name, now) for name in now.upstreams],
            "inflight": now.inflight,
            "open_streams": now.open_streams,
            "waiting": now.waiting,
            "quarantined_turns": now.quarantined_turns,
            "retries": _plain(self._retries),
            "would": dict(self._would),
            "failures_last_hour": {
                "total": sum(totals.values()),
                "by_class": _plain(totals),
                "minutes": [{"minutes_ago": ago, "by_class": _plain(counts)} for ago, counts in minutes],
            },
            "verdicts": [
                {"at": _iso(seen.at), "event": seen.event, **call_facts(seen.report)} for seen in reversed(self._seen)
            ],
        }

    def _last_hour(self) -> list[tuple[int, Counter[Class]]]:
        this_minute = int(self._clock() // 60)
        return [
            (this_minute - minute, counts) for minute, counts in self._minutes if this_minute - minute < HISTORY_MINUTES
        ]

    def _upstream(self, name: str, now: Now) -> dict[str, object]:
        trouble = now.troubles.get(name)
        state: dict[str, object] = {
            "name": name,
            "mode": "observe" if name in now.observed else "act",
            "up": trouble is None or not trouble.opened,
            "streak": trouble.run if trouble is not None else 0,
            "threshold": now.threshold,
            "stalled_streams": now.stalled.get(name, 0),
        }
        if trouble is not None:
            state["class"] = str(trouble.verdict.cls)
            state["reason"] = trouble.verdict.reason
            if trouble.opened:
                state["down_since"] = _iso(self._wall() - (self._clock() - trouble.began_s))
                state["failures"] = trouble.failures
        return state


def _plain(counts: Counter[Class]) -> dict[str, int]:
    return {str(cls): counts[cls] for cls in Class if counts[cls]}


def _iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
