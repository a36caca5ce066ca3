from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from proxy.model import Class, Verdict
from proxy.report import CallReport
from proxy.report.outage import Trouble
from proxy.report.status import HISTORY_MINUTES, MAX_VERDICTS, Now, Status

Make = Callable[..., CallReport]
NOW = Now(
    upstreams=("openai", "anthropic"),
    observed={"anthropic"},
    troubles={},
    threshold=5,
    inflight=3,
    open_streams=2,
    stalled={"openai": 1},
    waiting=1,
    quarantined_turns=4,
)


@pytest.fixture
def status(clock: Any) -> Status:
    return Status(clock=clock, wall=lambda: 1_700_000_000.0 + clock())


def test_it_tells_what_is_counted_elsewhere(status: Status) -> None:
    snapshot: Any = status.snapshot(NOW)
    assert (snapshot["inflight"], snapshot["open_streams"], snapshot["waiting"]) == (3, 2, 1)
    assert snapshot["quarantined_turns"] == 4
    assert snapshot["began_at"] == "2023-11-14T22:30:00.000Z"


def test_an_upstream_is_down_since_when_and_why(status: Status, verdict: Callable[..., Verdict], clock: Any) -> None:
    trouble = Trouble(run=7, run_began_s=940, verdict=verdict(Class.TIMEOUT), opened=True, began_s=940, failures=9)
    snapshot: Any = status.snapshot(replace(NOW, troubles={"openai": trouble}))
    openai, anthropic = snapshot["upstreams"]
    assert openai == {
        "name": "openai",
        "mode": "act",
        "up": False,
        "streak": 7,
        "threshold": 5,
        "stalled_streams": 1,
        "class": "timeout",
        "reason": "server_error",
        "down_since": "2023-11-14T22:29:00.000Z",
        "failures": 9,
    }
    assert (anthropic["mode"], anthropic["up"], anthropic["streak"]) == ("observe", True, 0)
    assert anthropic["stalled_streams"] == 0


def test_an_upstream_within_a_run_is_up(status: Status, verdict: Callable[..., Verdict]) -> None:
    trouble = Trouble(run=2, run_began_s=940, verdict=verdict())
    snapshot: Any = status.snapshot(replace(NOW, troubles={"openai": trouble}))
    openai, _ = snapshot["upstreams"]
    assert (openai["up"], openai["streak"]) == (True, 2)
    assert "down_since" not in openai


def hour(status: Status) -> Any:
    return status.snapshot(NOW)["failures_last_hour"]


def test_failures_are_counted_by_class_and_minute(status: Status, report: Make, clock: Any) -> None:
    clock.now_s = 60 * 100
    status.told("call failed", report(Class.TIMEOUT))
    status.told("call failed", report(Class.AUTH))
    clock.now_s = 60 * 103 + 59
    status.told("call failed", report(Class.TIMEOUT))
    assert hour(status) == {
        "total": 3,
        "by_class": {"timeout": 2, "auth": 1},
        "minutes": [
            {"minutes_ago": 3, "by_class": {"timeout": 1, "auth": 1}},
            {"minutes_ago": 0, "by_class": {"timeout": 1}},
        ],
    }


def test_failures_leave_after_an_hour(status: Status, report: Make, clock: Any) -> None:
    clock.now_s = 0
    status.told("call failed", report())
    clock.now_s = 60 * 59.9
    assert hour(status)["total"] == 1
    clock.now_s = 60 * 60
    assert hour(status)["total"] == 0


def test_a_good_call_that_was_healed_is_no_failure(status: Status, report: Make) -> None:
    status.told("call healed", report(None, history="repaired=orphan_tool_call@7"))
    assert hour(status)["total"] == 0
    snapshot: Any = status.snapshot(NOW)
    (seen,) = snapshot["verdicts"]
    assert (seen["event"], seen["history"]) == ("call healed", "repaired=orphan_tool_call@7")


def test_memory_is_bounded_and_the_latest_stand_first(status: Status, report: Make, clock: Any) -> None:
    for number in range(10_000):
        clock.now_s += 30
        status.told("call failed", report(call_id=f"call-{number}"))
    verdicts: Any = status.snapshot(NOW)["verdicts"]
    assert len(verdicts) == MAX_VERDICTS
    assert verdicts[0]["call_id"] == "call-9999"
    assert len(hour(status)["minutes"]) == HISTORY_MINUTES
    assert len(json.dumps(status.snapshot(NOW))) < 50_000


def test_the_revision_grows_with_everything_that_is_told(status: Status, report: Make) -> None:
    revisions = [status.revision]
    tells: tuple[Callable[[], None], ...] = (
        lambda: status.told("call failed", report()),
        lambda: status.retried(Class.OVERLOADED),
        lambda: status.would("retry"),
        status.touched,
    )
    for tell in tells:
        tell()
        revisions.append(status.revision)
    assert revisions == sorted(set(revisions))


def test_retries_and_what_was_left_undone_are_told(status: Status) -> None:
    status.retried(Class.OVERLOADED)
    status.retried(Class.OVERLOADED)
    status.would("retry")
    snapshot: Any = status.snapshot(NOW)
    assert snapshot["retries"] == {"overloaded": 2}
    assert snapshot["would"] == {"retry": 1}
