"""One status of many: the snapshots of several processes as if one had done all of it. Pure.

Calls and counts add up; an upstream is as ill as the process that sees it worst; the latest failures of all stand in
the order in which they came.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from proxy.model import Class
from proxy.report.status import MAX_VERDICTS

Snapshot = Mapping[str, Any]

_SUMS: Final = ("inflight", "open_streams", "waiting")


def merge(own: Snapshot, others: Sequence[Snapshot]) -> dict[str, Any]:
    """`own` says which upstreams there are, and when it all began."""
    every = [own, *others]
    return {
        **own,
        "upstreams": [_upstream(upstream["name"], every) for upstream in own["upstreams"]],
        **{name: sum(each[name] for each in every) for name in _SUMS},
        # Each knows of those that it put there; a turn that several met counts once at least.
        "quarantined_turns": max(each["quarantined_turns"] for each in every),
        "retries": _by_class(each["retries"] for each in every),
        "would": dict(_added(each["would"] for each in every)),
        "failures_last_hour": _hour([each["failures_last_hour"] for each in every]),
        "verdicts": sorted(
            (verdict for each in every for verdict in each["verdicts"]), key=lambda verdict: verdict["at"], reverse=True
        )[:MAX_VERDICTS],
    }  # fmt: skip


def _upstream(name: str, every: Iterable[Snapshot]) -> dict[str, Any]:
    seen = [upstream for each in every for upstream in each["upstreams"] if upstream["name"] == name]
    worst = max(seen, key=lambda upstream: (not upstream["up"], upstream["streak"]))
    down = [upstream for upstream in seen if not upstream["up"]]
    merged = {**worst, "stalled_streams": sum(upstream["stalled_streams"] for upstream in seen)}
    if down:
        merged["down_since"] = min(upstream["down_since"] for upstream in down)
        merged["failures"] = sum(upstream["failures"] for upstream in down)
    return merged


def _hour(hours: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    ago = sorted({minute["minutes_ago"] for hour in hours for minute in hour["minutes"]}, reverse=True)
    return {
        "total": sum(hour["total"] for hour in hours),
        "by_class": _by_class(hour["by_class"] for hour in hours),
        "minutes": [
            {
                "minutes_ago": each,
                "by_class": _by_class(
                    minute["by_class"] for hour in hours for minute in hour["minutes"] if minute["minutes_ago"] == each
                ),
            }
            for each in ago
        ],
    }


def _added(counts: Iterable[Mapping[str, int]]) -> Counter[str]:
    total: Counter[str] = Counter()
    for each in counts:
        total.update(each)
    return total


def _by_class(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total = _added(counts)
    return {str(cls): total[cls] for cls in Class if total[cls]}
