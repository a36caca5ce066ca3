"""Counters, gauges and histograms over closed label sets, in a registry of their own.

A label's value that nobody declared becomes `other`, so that no client or provider can make the series grow. What a
good call adds is kept in plain numbers (`tally.py`) and carried over at `flush`: at each scrape, and by a timer where
several processes share PROMETHEUS_MULTIPROC_DIR. What the numbers are at a scrape is up to `reporter.py`.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import prometheus_client
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import choose_encoder
from prometheus_client.multiprocess import MultiProcessCollector

from proxy.model import Action, Class, Source
from proxy.report.endpoint import ENDPOINTS, OTHER
from proxy.report.event import CallReport, Outcome, StreamFailure, Suppressed, Would
from proxy.report.tally import Failures, Tally

PREFIX: Final = "llm_triage"

DURATION_BUCKETS: Final = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0)
FIRST_BYTE_BUCKETS: Final = (0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1.0, 1.5, 2.5, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0)
OVERHEAD_BUCKETS: Final = (5e-5, 1e-4, 2e-4, 3.5e-4, 5e-4, 7.5e-4, 1e-3, 2e-3, 5e-3, 1e-2, 2e-2, 5e-2)

_MULTIPROCESS_DIR: Final = "PROMETHEUS_MULTIPROC_DIR"


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """The open words that may stand in a label: whatever is in none of these sets is `other`."""

    upstreams: frozenset[str] = frozenset()
    reasons: frozenset[str] = frozenset()  # of the loaded rules and the proxy's own table
    faults: frozenset[str] = frozenset()  # of histories


class Metrics:
    def __init__(self, words: Words, *, version: str = "unknown") -> None:
        # Each `_created` twin doubles the series, and Prometheus does not read it unless told to:
        # https://prometheus.io/docs/concepts/metric_types/ and feature flag created-timestamp-zero-ingestion
        prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = registry = CollectorRegistry()
        self._words = words
        self._tallies: dict[tuple[str, str], Tally] = {}
        self._failures: dict[tuple[str, ...], Failures] = {}

        def counter(name: str, help_: str, *labels: str) -> Counter:
            return Counter(name, help_, labels, namespace=PREFIX, registry=registry)

        def gauge(name: str, help_: str, *labels: str, across: str) -> Gauge:
            return Gauge(name, help_, labels, namespace=PREFIX, registry=registry, multiprocess_mode=across)  # type: ignore[arg-type]

        def histogram(name: str, help_: str, buckets: tuple[float, ...]) -> Histogram:
            return Histogram(
                name, help_, ("upstream", "endpoint"), namespace=PREFIX, registry=registry, buckets=buckets
            )

        self.requests = counter("requests_total", "Calls by how they ended.", "upstream", "endpoint", "outcome")
        self.errors = counter(
            "errors_total", "Failures told to clients.", "upstream", "error_class", "reason", "source"
        )
        self.retries = counter("retries_total", "Attempts that were repeated.", "upstream", "error_class")
        self.retry_budget_exhausted = counter(
            "retry_budget_exhausted_total", "Retries that the retry budget did not allow.", "upstream"
        )
        self.duration = histogram("request_duration_seconds", "Request read to answer finished.", DURATION_BUCKETS)
        self.first_byte = histogram(
            "time_to_first_byte_seconds", "Request read to the answer's first byte.", FIRST_BYTE_BUCKETS
        )
        self.overhead = histogram("overhead_seconds", "What the proxy itself took, waits apart.", OVERHEAD_BUCKETS)
        self.inflight = gauge("inflight_requests", "Calls in flight.", across="livesum")
        self.open_streams = gauge("open_streams", "Event streams on their way to clients.", across="livesum")
        self.stream_failures = counter(
            "stream_failures_total", "Answers that failed after their head had gone out.", "upstream", "kind"
        )
        self.stream_stalled = gauge(
            "stream_stalled", "Open streams without data for 60 seconds.", "upstream", across="livesum"
        )
        self.session_hints = counter("session_hints_total", "Session actions told to clients.", "upstream", "action")
        self.history_repairs = counter("history_repairs_total", "Faults mended in histories.", "fault")
        self.quarantined_turns = gauge("quarantined_turns", "Turns in quarantine.", across="livemax")
        self.upstream_up = gauge("upstream_up", "0 while an outage is open.", "upstream", across="livemin")
        self.upstream_failure_streak = gauge(
            "upstream_failure_streak", "Failed attempts in a row by the provider's fault.", "upstream", across="livemax"
        )
        self.suppressed_reports = counter(
            "suppressed_reports_total", "Failures kept from the log because they had been told.", "kind"
        )
        self._suppressed = {kind: self.suppressed_reports.labels(kind) for kind in Suppressed}
        self.would = counter("would_total", "What was left undone in observe mode.", "upstream", "what")
        self.config_reloads = counter("config_reloads_total", "Reloads of the configuration.", "result")
        self.build_info = gauge("build_info", "Always 1.", "version", "python", across="livemax")
        self.build_info.labels(version, platform.python_version()).set(1)
        self._begin_series()

    def learn(self, words: Words) -> None:
        """Take the words of a new configuration; what was counted under the old ones stays."""
        self._words = words
        self._begin_series()

    def call_succeeded(
        self,
        upstream: str,
        endpoint: str,
        duration_s: float,
        first_byte_s: float,
        overhead_s: float,
        trace_id: str = "",
    ) -> None:
        tally = self._tallies.get((upstream, endpoint)) or self._tally(upstream, endpoint)
        if trace_id:
            tally.add_traced(duration_s, first_byte_s, overhead_s, trace_id)
        else:
            tally.add(duration_s, first_byte_s, overhead_s)

    def call_failed(self, report: CallReport, outcome: Outcome = Outcome.ERROR) -> None:
        verdict = report.verdict
        told = () if verdict is None else (verdict.cls, verdict.reason, verdict.source, verdict.action)
        key = (report.upstream, report.endpoint, outcome, *told)
        failures = self._failures.get(key) or self._failures_of(key)
        if report.trace_id:
            failures.add_traced(report.duration_s, report.trace_id)
        else:
            failures.add(report.duration_s)

    def call_canceled(self, upstream: str, endpoint: str) -> None:
        self.requests.labels(self._upstream(upstream), _endpoint(endpoint), Outcome.CANCELED).inc()

    def stream_failed(self, report: CallReport, kind: StreamFailure) -> None:
        self.call_failed(report, Outcome.BROKEN)
        self.stream_failures.labels(self._upstream(report.upstream), kind).inc()

    def retried(self, upstream: str, cls: Class) -> None:
        self.retries.labels(self._upstream(upstream), cls).inc()

    def retry_budget_spent(self, upstream: str) -> None:
        self.retry_budget_exhausted.labels(self._upstream(upstream)).inc()

    def history_repaired(self, fault: str) -> None:
        self.history_repairs.labels(fault if fault in self._words.faults else OTHER).inc()

    def report_suppressed(self, kind: Suppressed) -> None:
        self._suppressed[kind].inc()

    def would_have(self, upstream: str, what: Would) -> None:
        self.would.labels(self._upstream(upstream), what).inc()

    def config_reloaded(self, *, accepted: bool) -> None:
        self.config_reloads.labels("ok" if accepted else "refused").inc()

    def flush(self) -> None:
        """Carry what calls left in plain numbers into the registry."""
        for tally in self._tallies.values():
            tally.flush()
        for failures in self._failures.values():
            failures.flush()

    def render(self, accept: str) -> tuple[bytes, str]:
        """The registry in the format that a scraper asks for, and its content type."""
        registry = self.registry
        if _MULTIPROCESS_DIR in os.environ:
            registry = CollectorRegistry()
            MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        encode, content_type = choose_encoder(accept)
        return encode(registry), content_type

    def _upstream(self, upstream: str) -> str:
        return upstream if upstream in self._words.upstreams else OTHER

    def _tally(self, upstream: str, endpoint: str) -> Tally:
        """The tally of a pair that the fast look-up did not know: a first call, or words that must not be a key."""
        key = (self._upstream(upstream), _endpoint(endpoint))
        tally = self._tallies.get(key)
        if tally is None:
            tally = self._tallies[key] = Tally(
                self.requests.labels(*key, Outcome.OK),
                self.duration.labels(*key),
                self.first_byte.labels(*key),
                self.overhead.labels(*key),
            )
        return tally

    def _failures_of(self, key: tuple[str, ...]) -> Failures:
        """The counters of a way to fail. What is no word of ours is counted as another, and never remembered."""
        upstream, endpoint, outcome, *told = key
        where = (self._upstream(upstream), _endpoint(endpoint))
        if told:
            cls, reason, source, action = told
            told = [cls, reason if reason in self._words.reasons else OTHER, source, action]
        known = (*where, outcome, *told)
        failures = self._failures.get(known)
        if failures is None:
            counters = [self.requests.labels(*where, outcome)]
            if told:
                counters += [self.errors.labels(where[0], *told[:3]), self.session_hints.labels(where[0], told[3])]
            failures = self._failures[known] = Failures(self.duration.labels(*where), *counters)
        return failures

    def _begin_series(self) -> None:
        """Let series that alerts look at begin at their resting value: an increase from nothing is no increase.

        https://prometheus.io/docs/practices/instrumentation/#avoid-missing-metrics
        """
        for upstream in self._words.upstreams:
            self.upstream_up.labels(upstream).set(1)
            self.upstream_failure_streak.labels(upstream).set(0)
            self.stream_stalled.labels(upstream).set(0)
            self.retry_budget_exhausted.labels(upstream)
            _begin(self.stream_failures, upstream, StreamFailure)
            _begin(self.retries, upstream, (Class.RATE_LIMITED, *_PROVIDERS))
            for source in (Source.UPSTREAM, Source.TRANSPORT):
                self.errors.labels(upstream, Class.PROVIDER_ERROR, OTHER, source)
            for action in Action:
                self.session_hints.labels(upstream, action)
        for result in ("ok", "refused"):
            self.config_reloads.labels(result)


_PROVIDERS: Final = (Class.OVERLOADED, Class.TIMEOUT, Class.NETWORK, Class.PROVIDER_ERROR)


def _begin(metric: Counter, upstream: str, values: Iterable[str]) -> None:
    for value in values:
        metric.labels(upstream, value)


def _endpoint(endpoint: str) -> str:
    return endpoint if endpoint in ENDPOINTS else OTHER
