from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from prometheus_client import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as _parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from proxy.model import Class, Source
from proxy.report import CallReport, Metrics, Outcome, StreamFailure, Suppressed, Words, Would

parse_openmetrics: Callable[[str], Iterable[Metric]] = _parse_openmetrics
Make = Callable[..., CallReport]
WORDS = Words(
    upstreams=frozenset({"openai"}), reasons=frozenset({"server_error"}), faults=frozenset({"orphan_tool_call"})
)

PROMISED = {
    "requests_total": {"upstream", "endpoint", "outcome"},
    "errors_total": {"upstream", "error_class", "reason", "source"},
    "retries_total": {"upstream", "error_class"},
    "retry_budget_exhausted_total": {"upstream"},
    "request_duration_seconds": {"upstream", "endpoint"},
    "time_to_first_byte_seconds": {"upstream", "endpoint"},
    "overhead_seconds": {"upstream", "endpoint"},
    "inflight_requests": set(),
    "open_streams": set(),
    "stream_failures_total": {"upstream", "kind"},
    "stream_stalled": {"upstream"},
    "session_hints_total": {"upstream", "action"},
    "history_repairs_total": {"fault"},
    "quarantined_turns": set(),
    "upstream_up": {"upstream"},
    "upstream_failure_streak": {"upstream"},
    "suppressed_reports_total": {"kind"},
    "would_total": {"upstream", "what"},
    "config_reloads_total": {"result"},
    "build_info": {"version", "python"},
}


@pytest.fixture
def metrics() -> Metrics:
    return Metrics(WORDS, version="1.2.3")


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    metrics.flush()
    return metrics.registry.get_sample_value(f"llm_triage_{name}", labels)


def exercise(metrics: Metrics, report: CallReport) -> None:
    """One of everything."""
    metrics.call_succeeded(report.upstream, report.endpoint, 1, 1, 1e-3)
    metrics.stream_failed(report, StreamFailure.TRUNCATED_STREAM)
    metrics.call_canceled(report.upstream, report.endpoint)
    metrics.retried(report.upstream, Class.OVERLOADED)
    metrics.retry_budget_spent(report.upstream)
    metrics.history_repaired("orphan_tool_call")
    metrics.report_suppressed(Suppressed.OUTAGE)
    metrics.would_have(report.upstream, Would.RETRY)
    metrics.config_reloaded(accepted=False)
    metrics.flush()


def test_every_promised_metric_is_there_with_its_labels_and_no_other(metrics: Metrics, report: Make) -> None:
    exercise(metrics, report())
    found: dict[str, set[str]] = {}
    for family in metrics.registry.collect():
        name = family.name.removeprefix("llm_triage_") + ("_total" if family.type == "counter" else "")
        assert family.name.startswith("llm_triage_")
        assert family.samples, name
        found[name] = {label for sample in family.samples for label in sample.labels} - {"le"}
    assert found == PROMISED


def test_words_that_nobody_declared_become_other(
    metrics: Metrics, verdict: Callable[..., object], report: Make
) -> None:
    for number in range(100):
        word = f"made-up-{number}"
        unheard = report(upstream=word, endpoint=word, verdict=verdict(Class.UNKNOWN, reason=word))
        exercise(metrics, unheard)
        metrics.call_failed(unheard)
        metrics.history_repaired(word)
    text = metrics.render("")[0].decode()
    assert "made-up" not in text
    assert value(metrics, "requests_total", upstream="other", endpoint="other", outcome="ok") == 100
    assert (
        value(metrics, "errors_total", upstream="other", error_class="unknown", reason="other", source="upstream")
        == 200
    )
    assert value(metrics, "history_repairs_total", fault="other") == 100


def test_a_good_call_is_counted_once_in_each(metrics: Metrics) -> None:
    metrics.call_succeeded("openai", "messages", 2.0, 0.2, 0.0001)
    labels = {"upstream": "openai", "endpoint": "messages"}
    assert value(metrics, "requests_total", **labels, outcome="ok") == 1
    assert value(metrics, "request_duration_seconds_sum", **labels) == 2.0
    assert value(metrics, "time_to_first_byte_seconds_bucket", **labels, le="0.2") == 1
    assert value(metrics, "time_to_first_byte_seconds_bucket", **labels, le="0.1") == 0
    assert value(metrics, "overhead_seconds_bucket", **labels, le="0.0001") == 1


def test_a_failed_call_is_counted_with_its_verdict(metrics: Metrics, report: Make) -> None:
    metrics.call_failed(report(Class.OVERLOADED))
    labels = {"upstream": "openai", "endpoint": "chat_completions"}
    assert value(metrics, "requests_total", **labels, outcome="error") == 1
    assert (
        value(
            metrics,
            "errors_total",
            upstream="openai",
            error_class="overloaded",
            reason="server_error",
            source="upstream",
        )
        == 1
    )
    assert value(metrics, "session_hints_total", upstream="openai", action="reset") == 1
    assert value(metrics, "request_duration_seconds_count", **labels) == 1


def test_a_failure_has_no_first_byte_of_a_good_answer(metrics: Metrics, report: Make) -> None:
    metrics.call_failed(report(Class.NETWORK))
    labels = {"upstream": "openai", "endpoint": "chat_completions"}
    assert value(metrics, "request_duration_seconds_count", **labels) == 1
    assert not value(metrics, "time_to_first_byte_seconds_count", **labels)


def test_a_broken_stream_is_an_error_and_a_stream_failure(metrics: Metrics, report: Make) -> None:
    metrics.stream_failed(report(Class.NETWORK), StreamFailure.TRUNCATED_STREAM)
    labels = {"upstream": "openai", "endpoint": "chat_completions"}
    assert value(metrics, "requests_total", **labels, outcome=Outcome.BROKEN) == 1
    assert value(metrics, "stream_failures_total", upstream="openai", kind="truncated_stream") == 1


def test_buckets_reach_as_far_as_models_think_and_as_fine_as_the_proxy_works(metrics: Metrics) -> None:
    metrics.call_succeeded("openai", "messages", 1, 1, 1)
    metrics.flush()
    bounds: dict[str, list[str]] = {}
    for family in metrics.registry.collect():
        bounds[family.name] = [sample.labels["le"] for sample in family.samples if "le" in sample.labels]
    first_byte, overhead = bounds["llm_triage_time_to_first_byte_seconds"], bounds["llm_triage_overhead_seconds"]
    assert (first_byte[0], first_byte[-2:]) == ("0.05", ["300.0", "+Inf"])
    assert (overhead[0], overhead[-2:]) == ("5e-05", ["0.05", "+Inf"])


def test_series_that_alerts_look_at_begin_before_anything_happens(metrics: Metrics) -> None:
    assert value(metrics, "upstream_up", upstream="openai") == 1
    assert value(metrics, "stream_failures_total", upstream="openai", kind="stream_idle") == 0
    assert value(metrics, "retry_budget_exhausted_total", upstream="openai") == 0
    assert value(metrics, "config_reloads_total", result="refused") == 0


def test_a_reload_brings_new_words_and_keeps_what_was_counted(metrics: Metrics) -> None:
    metrics.call_succeeded("openai", "messages", 1, 1, 1)
    metrics.call_succeeded("new", "messages", 1, 1, 1)
    metrics.learn(Words(upstreams=frozenset({"openai", "new"})))
    metrics.call_succeeded("new", "messages", 1, 1, 1)
    assert value(metrics, "requests_total", upstream="openai", endpoint="messages", outcome="ok") == 1
    assert value(metrics, "requests_total", upstream="other", endpoint="messages", outcome="ok") == 1
    assert value(metrics, "requests_total", upstream="new", endpoint="messages", outcome="ok") == 1
    assert value(metrics, "upstream_up", upstream="new") == 1


def test_two_registries_do_not_meet() -> None:
    first, second = Metrics(WORDS), Metrics(WORDS)
    first.config_reloaded(accepted=True)
    assert value(second, "config_reloads_total", result="ok") == 0


def test_both_formats_are_readable_by_their_parsers(metrics: Metrics, report: Make) -> None:
    exercise(metrics, report())
    text, text_type = metrics.render("text/plain")
    assert text_type.startswith("text/plain; version=")
    assert {family.name for family in parse_text(text.decode())} >= {"llm_triage_requests", "llm_triage_upstream_up"}
    accept = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.2"
    openmetrics, openmetrics_type = metrics.render(accept)
    assert openmetrics_type.startswith("application/openmetrics-text")
    assert {family.name for family in parse_openmetrics(openmetrics.decode())} >= {"llm_triage_requests"}
    assert openmetrics.endswith(b"# EOF\n")


def test_a_trace_stands_beside_its_bucket_in_openmetrics_only(metrics: Metrics, report: Make) -> None:
    metrics.call_succeeded("openai", "messages", 1, 1, 1, "feedbeef")
    metrics.call_failed(report(trace_id="deadbeef"))
    metrics.flush()
    openmetrics = metrics.render("application/openmetrics-text;version=1.0.0")[0]
    assert b'# {trace_id="feedbeef"}' in openmetrics
    assert b'# {trace_id="deadbeef"}' in openmetrics
    assert b"feedbeef" not in metrics.render("text/plain")[0]


WORKER = """
import sys
from proxy.report import Metrics, Words
metrics = Metrics(Words(upstreams=frozenset({"openai"})), version="1")
for _ in range(3):
    metrics.call_succeeded("openai", "messages", 1, 1, 1)
metrics.inflight.set(2)
metrics.upstream_up.labels("openai").set(int(sys.argv[1]))
metrics.flush()
input() if sys.argv[2] == "wait" else print(metrics.render("")[0].decode())
"""


def test_several_processes_add_up_in_one_directory(tmp_path: Path) -> None:
    environment = os.environ | {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path), "PYTHONPATH": str(Path.cwd())}

    def worker(*arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-c", WORKER, *arguments], env=environment, capture_output=True, text=True, check=True,
            timeout=30, input="\n",
        )  # fmt: skip
        return done.stdout

    worker("1", "wait")
    lines = worker("0", "render").splitlines()
    assert 'llm_triage_requests_total{endpoint="messages",outcome="ok",upstream="openai"} 6.0' in lines
    assert "llm_triage_inflight_requests 4.0" in lines
    assert 'llm_triage_upstream_up{upstream="openai"} 0.0' in lines


def test_source_is_told(metrics: Metrics, report: Make, verdict: Callable[..., object]) -> None:
    metrics.call_failed(report(verdict=verdict(Class.NETWORK, Source.TRANSPORT)))
    labels = {"upstream": "openai", "error_class": "network", "reason": "server_error", "source": "transport"}
    assert value(metrics, "errors_total", **labels) == 1
