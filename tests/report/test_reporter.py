from __future__ import annotations

import logging
import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from proxy.model import Class, Source, Verdict
from proxy.report import CallReport, Metrics, Reporter, ReportSettings, StreamFailure, Words, Would
from proxy.report.log import log

Make = Callable[..., CallReport]
MakeVerdict = Callable[..., Verdict]
SETTINGS = ReportSettings(upstreams=("openai", "anthropic"))
WORDS = Words(upstreams=frozenset(SETTINGS.upstreams), reasons=frozenset({"server_error"}))


class Lines(logging.Handler):
    """What was logged: level, event and facts."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[tuple[str, str, dict[str, Any]]] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append((record.levelname, record.getMessage(), getattr(record, "facts", {})))

    def of(self, *levels: str) -> list[tuple[str, str]]:
        return [(level, event) for level, event, _ in self.lines if level in levels]

    @property
    def last(self) -> tuple[str, str, dict[str, Any]]:
        return self.lines[-1]


@pytest.fixture
def lines() -> Iterator[Lines]:
    handler, level = Lines(), log.level
    log.addHandler(handler)
    log.setLevel(logging.DEBUG)
    yield handler
    log.removeHandler(handler)
    log.setLevel(level)


@pytest.fixture
def reporter(clock: Any) -> Reporter:
    return Reporter(SETTINGS, Metrics(WORDS), clock=clock, wall=lambda: 1_700_000_000.0, quarantined_turns=lambda: 7)


def value(reporter: Reporter, name: str, **labels: str) -> float | None:
    reporter.flush()
    return reporter.metrics.registry.get_sample_value(f"llm_triage_{name}", labels)


def fail(reporter: Reporter, report: CallReport) -> None:
    """A call whose only attempt failed."""
    assert report.verdict is not None
    reporter.attempt_failed(report.upstream, report.verdict)
    reporter.call_failed(report)


def succeed(reporter: Reporter, upstream: str = "openai") -> None:
    reporter.call_succeeded(upstream, "chat_completions", 1.0, 0.5, 0.0003)


def test_a_good_call_is_counted_and_not_logged(reporter: Reporter, lines: Lines) -> None:
    succeed(reporter)
    labels = {"upstream": "openai", "endpoint": "chat_completions", "outcome": "ok"}
    assert value(reporter, "requests_total", **labels) == 1
    assert lines.lines == []


def test_a_good_calls_line_is_written_where_it_is_asked_for(
    clock: Any, lines: Lines, report: Make, reporter: Reporter
) -> None:
    assert not reporter.logs_good_calls
    chatty = Reporter(ReportSettings(upstreams=("openai",), log_good_calls=True), Metrics(WORDS), clock=clock)
    assert chatty.logs_good_calls
    chatty.call_logged(report(None, status=200))
    assert lines.last[:2] == ("INFO", "call")
    assert lines.last[2]["status"] == 200


def test_a_failed_call_is_one_line_with_its_place_in_the_run(reporter: Reporter, lines: Lines, report: Make) -> None:
    fail(reporter, report())
    fail(reporter, report())
    assert lines.of("WARNING", "ERROR", "INFO", "DEBUG") == [("WARNING", "call failed")] * 2
    assert [facts["run"] for _, _, facts in lines.lines] == ["1/5", "2/5"]


def test_the_callers_own_fault_is_info_and_no_part_of_a_run(reporter: Reporter, lines: Lines, report: Make) -> None:
    for _ in range(10):
        fail(reporter, report(Class.AUTH))
    assert lines.of("INFO", "WARNING", "ERROR") == [("INFO", "call failed")] * 10
    assert "run" not in lines.last[2]
    assert value(reporter, "upstream_failure_streak", upstream="openai") == 0


def test_an_outage_is_one_error_then_quiet_then_one_recovery(
    reporter: Reporter, lines: Lines, report: Make, clock: Any
) -> None:
    for _ in range(20):
        clock.now_s += 1
        fail(reporter, report())
    assert lines.of("ERROR") == [("ERROR", "outage began")]
    assert len(lines.of("WARNING")) == 4
    assert len(lines.of("DEBUG")) == 16
    assert value(reporter, "upstream_up", upstream="openai") == 0
    assert value(reporter, "upstream_failure_streak", upstream="openai") == 20
    assert value(reporter, "suppressed_reports_total", kind="outage") == 16
    labels = {"upstream": "openai", "error_class": "provider_error", "reason": "server_error", "source": "upstream"}
    assert value(reporter, "errors_total", **labels) == 20
    clock.now_s += 1
    succeed(reporter)
    clock.now_s += 30
    succeed(reporter)
    assert lines.of("INFO") == [("INFO", "outage over")]
    facts = lines.last[2]
    assert (facts["upstream"], facts["length_s"], facts["failures"]) == ("openai", 20, 20)
    assert value(reporter, "upstream_up", upstream="openai") == 1


def test_an_outage_ends_without_another_call_when_somebody_looks(
    reporter: Reporter, lines: Lines, report: Make, clock: Any
) -> None:
    for _ in range(5):
        fail(reporter, report())
    succeed(reporter)
    clock.now_s += 29
    reporter.flush()
    assert lines.of("INFO") == []
    clock.now_s += 1
    reporter.flush()
    assert lines.of("INFO") == [("INFO", "outage over")]


def test_during_an_outage_a_callers_own_fault_is_still_told(reporter: Reporter, lines: Lines, report: Make) -> None:
    for _ in range(6):
        fail(reporter, report())
    fail(reporter, report(Class.BUDGET_EXHAUSTED))
    assert lines.last[:2] == ("WARNING", "call failed")
    fail(reporter, report(upstream="anthropic"))
    assert lines.last[:2] == ("WARNING", "call failed")


@pytest.mark.parametrize("seed", range(3))
def test_a_coin_toss_at_twenty_a_second_for_ten_minutes_is_one_error_and_one_recovery(
    seed: int, reporter: Reporter, lines: Lines, report: Make, clock: Any
) -> None:
    chance = random.Random(seed)
    failures = 0
    for _ in range(20 * 600):
        clock.now_s += 0.05
        if chance.random() < 0.5:
            failures += 1
            fail(reporter, report(Class.OVERLOADED))
        else:
            succeed(reporter)
    for _ in range(20 * 60):
        clock.now_s += 0.05
        succeed(reporter)
    assert lines.of("ERROR") == [("ERROR", "outage began")]
    assert lines.of("INFO") == [("INFO", "outage over")]
    labels = {"upstream": "openai", "endpoint": "chat_completions", "outcome": "error"}
    assert value(reporter, "requests_total", **labels) == failures


def test_an_attempt_that_is_repeated_is_told_with_its_place_in_the_run(
    reporter: Reporter, lines: Lines, verdict: MakeVerdict
) -> None:
    reporter.attempt_failed("openai", verdict())
    reporter.retrying("openai", verdict(), call_id="c1", attempt=1, wait_s=2.5)
    level, event, facts = lines.last
    assert (level, event) == ("INFO", "attempt failed")
    assert (facts["call_id"], facts["attempt"], facts["next_in_s"], facts["run"]) == ("c1", 1, 2.5, "1/5")
    assert value(reporter, "retries_total", upstream="openai", error_class="provider_error") == 1


def test_repeated_attempts_are_quiet_during_an_outage(reporter: Reporter, lines: Lines, verdict: MakeVerdict) -> None:
    for attempt in range(1, 9):
        reporter.attempt_failed("openai", verdict())
        reporter.retrying("openai", verdict(), call_id="c1", attempt=attempt, wait_s=2)
    assert lines.of("ERROR", "WARNING", "INFO") == [("INFO", "attempt failed")] * 4 + [("ERROR", "outage began")]
    assert value(reporter, "retries_total", upstream="openai", error_class="provider_error") == 8


def test_what_the_proxy_refuses_itself_is_nobodys_outage(
    reporter: Reporter, lines: Lines, report: Make, verdict: MakeVerdict
) -> None:
    for _ in range(10):
        fail(reporter, report(verdict=verdict(Class.OVERLOADED, Source.PROXY)))
    assert lines.of("ERROR") == []
    assert value(reporter, "upstream_up", upstream="openai") == 1


def test_the_same_poisoned_request_is_told_once_and_then_counted(
    reporter: Reporter, lines: Lines, report: Make
) -> None:
    for _ in range(5):
        fail(reporter, report(Class.CONTENT_FILTER, client="web", fingerprint="f1"))
    fail(reporter, report(Class.CONTENT_FILTER, client="app", fingerprint="f1"))
    assert len(lines.of("INFO")) == 2
    assert len(lines.of("DEBUG")) == 4
    assert value(reporter, "suppressed_reports_total", kind="repeated") == 4
    labels = {"upstream": "openai", "endpoint": "chat_completions", "outcome": "error"}
    assert value(reporter, "requests_total", **labels) == 6


def test_a_broken_stream_is_a_failed_attempt_too(reporter: Reporter, lines: Lines, report: Make) -> None:
    for _ in range(5):
        reporter.stream_failed(report(Class.NETWORK), StreamFailure.TRUNCATED_STREAM)
    assert lines.of("ERROR") == [("ERROR", "outage began")]
    assert lines.of("WARNING") == [("WARNING", "stream failed")] * 4
    assert value(reporter, "stream_failures_total", upstream="openai", kind="truncated_stream") == 5


def test_a_healed_call_is_a_warning(reporter: Reporter, lines: Lines, report: Make) -> None:
    reporter.history_repaired("orphan_tool_call")
    reporter.call_healed(report(None, history="repaired=orphan_tool_call@7"))
    assert lines.last[:2] == ("WARNING", "call healed")
    assert value(reporter, "history_repairs_total", fault="other") == 1


def test_plain_numbers_are_sampled_when_somebody_looks(reporter: Reporter, clock: Any) -> None:
    reporter.inflight += 3
    stream = reporter.stream_opened("openai")
    reporter.stream_opened("openai")
    clock.now_s += 60
    stream.fed_s = clock.now_s
    assert value(reporter, "inflight_requests") == 3
    assert value(reporter, "open_streams") == 2
    assert value(reporter, "stream_stalled", upstream="openai") == 1
    assert value(reporter, "stream_stalled", upstream="anthropic") == 0
    assert value(reporter, "quarantined_turns") == 7
    reporter.stream_closed(stream)
    assert value(reporter, "open_streams") == 1
    snapshot = reporter.snapshot()
    assert (snapshot["inflight"], snapshot["open_streams"], snapshot["quarantined_turns"]) == (3, 1, 7)


def test_a_scrape_is_up_to_date(reporter: Reporter) -> None:
    succeed(reporter)
    body, content_type = reporter.scrape("")
    assert b'llm_triage_requests_total{endpoint="chat_completions",outcome="ok",upstream="openai"} 1.0' in body
    assert content_type.startswith("text/plain")


def test_the_snapshot_tells_the_outage_and_the_verdicts(reporter: Reporter, report: Make) -> None:
    for number in range(5):
        fail(reporter, report(call_id=f"c{number}", client="cred-1"))
    snapshot: Any = reporter.snapshot()
    openai, anthropic = snapshot["upstreams"]
    assert (openai["up"], openai["class"], openai["failures"]) == (False, "provider_error", 5)
    assert anthropic["up"]
    assert [seen["call_id"] for seen in snapshot["verdicts"]] == ["c4", "c3", "c2", "c1", "c0"]
    assert snapshot["failures_last_hour"]["by_class"] == {"provider_error": 5}


def test_observe_mode_counts_what_was_left_undone(reporter: Reporter) -> None:
    reporter.would("openai", Would.RETRY)
    assert value(reporter, "would_total", upstream="openai", what="retry") == 1
    assert reporter.snapshot()["would"] == {"retry": 1}


def test_a_call_that_its_client_left_is_counted(reporter: Reporter, lines: Lines) -> None:
    reporter.call_canceled("openai", "messages")
    assert value(reporter, "requests_total", upstream="openai", endpoint="messages", outcome="canceled") == 1
    assert lines.lines == []


def test_a_spent_retry_budget_is_counted(reporter: Reporter) -> None:
    reporter.retry_budget_spent("openai")
    assert value(reporter, "retry_budget_exhausted_total", upstream="openai") == 1


def test_a_reload_keeps_an_open_outage_and_obeys_the_new_threshold(
    reporter: Reporter, lines: Lines, report: Make
) -> None:
    for _ in range(5):
        fail(reporter, report())
    settings = ReportSettings(upstreams=("openai", "new"), outage_threshold=2, outage_clear_s=1)
    reporter.reload(settings, Words(upstreams=frozenset(settings.upstreams)))
    assert value(reporter, "upstream_up", upstream="openai") == 0
    for _ in range(2):
        fail(reporter, report(upstream="new"))
    assert lines.of("ERROR") == [("ERROR", "outage began")] * 2


def test_a_good_answer_looks_at_nothing_while_all_is_well(clock: Any) -> None:
    def forbidden() -> float:
        raise AssertionError("the clock was asked")

    reporter = Reporter(SETTINGS, Metrics(WORDS), clock=clock)
    reporter._clock = forbidden
    reporter.attempt_succeeded("openai")
    succeed(reporter)
