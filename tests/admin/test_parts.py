from __future__ import annotations

from typing import Any, Final

from proxy.admin.parts import NUMBERS, WOULD, _headline, draw
from proxy.report.event import Would

WELL: Final[dict[str, Any]] = {"upstreams": [], "draining": False}


def test_everything_that_observe_mode_leaves_undone_has_words() -> None:
    assert set(WOULD) == set(Would)


def test_workers_that_are_missing_are_told() -> None:
    told = [{"state": "ready"}, {"state": "dead"}, {"state": "starting"}]
    assert "2 of 3 workers not ready" in _headline({**WELL, "workers": told})
    assert "workers" not in _headline({**WELL, "workers": told[:1]})
    assert "workers" not in _headline(WELL)


def test_numbers_and_classes_are_ordered_by_size_and_named() -> None:
    parts = draw(
        {
            "at": "2026-03-01T10:00:00.000Z", "began_at": "2026-02-28T09:00:00.000Z", "draining": False, "upstreams": [],
            "would": {}, "inflight": 11, "open_streams": 12, "waiting": 13, "quarantined_turns": 0, "quarantine": [],
            "failures_last_hour": {"total": 3, "by_class": {"auth": 1, "timeout": 2}, "minutes": []},
            "retries": {"network": 4}, "verdicts": [],
        }
    )  # fmt: skip
    assert [parts["numbers"].index(str(number)) for number in (11, 12, 13)]
    assert all(name in parts["numbers"] for name, _ in NUMBERS)
    assert parts["hour"].rindex("timeout") < parts["hour"].rindex("auth")
    assert "network" in parts["retries"]
    assert "None is configured." in parts["upstreams"]
    assert parts["would"] == ""
