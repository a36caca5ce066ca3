from __future__ import annotations

from collections.abc import Callable

import pytest

from proxy.model import TRAITS, Class, Confidence, Verdict
from proxy.report import CallReport, Metrics, Reporter, ReportSettings, Words
from proxy.report.status import MAX_VERDICTS
from proxy.workers.merge import merge


class Time:
    def __init__(self) -> None:
        self.now = 6000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def reporter(time: Time) -> Callable[[], Reporter]:
    settings = ReportSettings(upstreams=("openai", "gemini"), outage_threshold=2)
    return lambda: Reporter(settings, Metrics(Words()), clock=time, wall=time)


def fail(reporter: Reporter, cls: Class, call_id: str = "c") -> None:
    traits = TRAITS[cls]
    verdict = Verdict(
        cls=cls, reason="r", rule="proxy.r", confidence=Confidence.CODE, scope=traits.scope, action=traits.action,
        advice="Try again.",
    )  # fmt: skip
    reporter.attempt_failed("openai", verdict)
    reporter.call_failed(
        CallReport(
            upstream="openai", endpoint="chat_completions", method="POST", path="/", status=500, verdict=verdict,
            duration_s=1.0, call_id=call_id,
        )
    )  # fmt: skip


def test_one_alone_is_as_it_was(reporter: Callable[[], Reporter]) -> None:
    parent, child = reporter(), reporter()
    for cls in (Class.TIMEOUT, Class.TIMEOUT, Class.AUTH):
        fail(child, cls)
    child.inflight = 3
    merged = merge(parent.snapshot(), [child.snapshot()])
    assert merged == child.snapshot() | {"revision": merged["revision"]}


def test_calls_and_counts_add_up(reporter: Callable[[], Reporter], time: Time) -> None:
    parent, one, other = reporter(), reporter(), reporter()
    one.inflight, other.inflight = 2, 3
    one.waiting = 1
    one.stream_opened("gemini")
    fail(one, Class.AUTH, "1")
    time.now += 120
    fail(other, Class.RATE_LIMITED, "2")
    fail(one, Class.AUTH, "3")
    time.now += 1
    merged = merge(parent.snapshot(), [one.snapshot(), other.snapshot()])
    assert (merged["inflight"], merged["waiting"], merged["open_streams"]) == (5, 1, 1)
    hour = merged["failures_last_hour"]
    assert hour["total"] == 3
    assert hour["by_class"] == {"rate_limited": 1, "auth": 2}
    assert [(each["minutes_ago"], each["by_class"]) for each in hour["minutes"]] == [
        (2, {"auth": 1}),
        (0, {"rate_limited": 1, "auth": 1}),
    ]
    assert {verdict["call_id"] for verdict in merged["verdicts"][:2]} == {"2", "3"}
    assert merged["verdicts"][2]["call_id"] == "1"


def test_an_upstream_is_as_ill_as_the_one_that_sees_it_worst(reporter: Callable[[], Reporter], time: Time) -> None:
    parent, one, other = reporter(), reporter(), reporter()
    fail(one, Class.TIMEOUT)
    first = time.now = time.now + 10
    for _ in range(2):
        fail(other, Class.OVERLOADED)
        time.now += 10
    openai, gemini = merge(parent.snapshot(), [one.snapshot(), other.snapshot()])["upstreams"]
    assert (openai["up"], openai["streak"], openai["class"]) == (False, 2, "overloaded")
    assert gemini["up"]
    for _ in range(3):
        fail(one, Class.TIMEOUT)
    openai, _ = merge(parent.snapshot(), [one.snapshot(), other.snapshot()])["upstreams"]
    assert (openai["streak"], openai["failures"]) == (4, 6)
    assert openai["down_since"] < other.snapshot()["upstreams"][0]["down_since"]  # type: ignore[index]
    assert first > 6000


def test_only_the_latest_failures_are_kept(reporter: Callable[[], Reporter], time: Time) -> None:
    parent, one, other = reporter(), reporter(), reporter()
    for number in range(MAX_VERDICTS):
        for each in (one, other):
            time.now += 1
            fail(each, Class.AUTH, str(number))
    verdicts = merge(parent.snapshot(), [one.snapshot(), other.snapshot()])["verdicts"]
    assert len(verdicts) == MAX_VERDICTS
    assert {int(verdict["call_id"]) for verdict in verdicts} == set(range(MAX_VERDICTS // 2, MAX_VERDICTS))


def test_without_any_worker_there_is_a_status_still(reporter: Callable[[], Reporter]) -> None:
    parent = reporter().snapshot()
    assert merge(parent, []) == parent
