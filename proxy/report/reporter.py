"""What the way of a call tells, to whom it is passed on, and what stays quiet.

One object a process. A good call costs one tally; everything else is for failures. Metrics count all, the status
remembers the latest, the log gets one line per failed call and per outage and nothing that it was told before.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

from proxy.model import Verdict
from proxy.report.event import CallReport, StreamFailure, Suppressed, Would
from proxy.report.lines import call_facts, call_level, run_facts, verdict_facts
from proxy.report.log import log
from proxy.report.metrics import Metrics, Words
from proxy.report.outage import Outages, is_providers_fault
from proxy.report.repeats import Repeats
from proxy.report.status import Now, Status
from proxy.report.streams import OpenStream, OpenStreams
from proxy.report.teller import Claims, Teller


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportSettings:
    """The part of the configuration that reporting obeys."""

    upstreams: tuple[str, ...]
    observed: frozenset[str] = frozenset()  # those of them that are only watched
    outage_threshold: int = 5
    outage_clear_s: float = 30.0
    log_good_calls: bool = False


class Reporter:
    """Receives what happened.

    `attempt_failed` is told of every failed attempt, the last one too; `retrying` once it is known that another one
    follows; then each call ends with exactly one of `call_succeeded`, `call_failed`, `stream_failed`, `call_canceled`.
    """

    def __init__(
        self,
        settings: ReportSettings,
        metrics: Metrics,
        *,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
        quarantined_turns: Callable[[], int] = lambda: 0,
        claims: Claims | None = None,
    ) -> None:
        """`claims`: where several processes agree which of them tells of an outage."""
        self.metrics = metrics
        self.status = Status(clock=clock, wall=wall)
        self.inflight = 0  # plain numbers, raised and lowered on the way, sampled by `flush`
        self.waiting = 0  # calls that wait for a retry
        self.streams = OpenStreams()
        self._settings = settings
        self._clock = clock
        self._quarantined_turns = quarantined_turns
        self._outages = Outages(threshold=settings.outage_threshold, clear_s=settings.outage_clear_s)
        self._teller = Teller(claims)
        self._repeats = Repeats()
        self._troubles = self._outages.troubles

    @property
    def logs_good_calls(self) -> bool:
        """Whether a good call gets a line: its report is only made where it does."""
        return self._settings.log_good_calls

    def reload(self, settings: ReportSettings, words: Words) -> None:
        self._settings = settings
        self._outages.threshold = settings.outage_threshold
        self._outages.clear_s = settings.outage_clear_s
        self.metrics.learn(words)

    # -- attempts

    def attempt_failed(self, upstream: str, verdict: Verdict) -> None:
        """An attempt failed, repeated or not; what is the provider's fault counts towards an outage."""
        if not is_providers_fault(verdict):
            return
        now_s = self._clock()
        self._settle(now_s)
        if self._outages.failed(upstream, verdict, now_s):
            self.status.touched()
        if self._outages.is_in_full_run(upstream):
            self._teller.failing(upstream, now_s, lambda: self._tell_outage(upstream, verdict))

    def attempt_succeeded(self, upstream: str) -> None:
        """A good answer has come whole. `call_succeeded` says so too."""
        if self._troubles:
            now_s = self._clock()
            self._outages.succeeded(upstream, now_s)
            self._settle(now_s)

    def retrying(self, upstream: str, verdict: Verdict, *, call_id: str, attempt: int, wait_s: float) -> None:
        """The attempt that failed is repeated after a wait; `attempt` counts from 1."""
        self.metrics.retried(upstream, verdict.cls)
        self.status.retried(verdict.cls)
        is_told = is_providers_fault(verdict) and self._outages.is_open(upstream)
        level = logging.DEBUG if is_told else logging.INFO
        if log.isEnabledFor(level):
            facts = {"call_id": call_id, "upstream": upstream, "attempt": attempt, "next_in_s": round(wait_s, 3)}
            _tell(level, "attempt failed", {**facts, **self._run_of(upstream, verdict), **verdict_facts(verdict)})

    def retry_budget_spent(self, upstream: str) -> None:
        self.metrics.retry_budget_spent(upstream)

    # -- calls

    def call_succeeded(
        self,
        upstream: str,
        endpoint: str,
        duration_s: float,
        first_byte_s: float,
        overhead_s: float,
        trace_id: str = "",
    ) -> None:
        self.metrics.call_succeeded(upstream, endpoint, duration_s, first_byte_s, overhead_s, trace_id)
        if self._troubles:
            self.attempt_succeeded(upstream)

    def call_logged(self, report: CallReport) -> None:
        """The line of a good call, where `logs_good_calls`."""
        _tell(logging.INFO, "call", call_facts(report))

    def call_healed(self, report: CallReport) -> None:
        """The request's history was mended on its way: told beside how the call ended."""
        self.status.told("call healed", report)
        _tell(logging.WARNING, "call healed", call_facts(report))

    def call_failed(self, report: CallReport) -> None:
        """A failure went to the client in the answer's head."""
        self.metrics.call_failed(report)
        self._told("call failed", report)

    def call_canceled(self, upstream: str, endpoint: str) -> None:
        """The client left before its answer was whole."""
        self.metrics.call_canceled(upstream, endpoint)

    def stream_failed(self, report: CallReport, kind: StreamFailure) -> None:
        """An answer failed after its head went out: a failed attempt that nobody else can have counted."""
        self.metrics.stream_failed(report, kind)
        if report.verdict is not None:
            self.attempt_failed(report.upstream, report.verdict)
        self._told("stream failed", report)

    def history_repaired(self, fault: str) -> None:
        self.metrics.history_repaired(fault)

    def would(self, upstream: str, what: Would) -> None:
        """Observe mode left something undone."""
        self.metrics.would_have(upstream, what)
        self.status.would(what)

    # -- whoever looks

    def flush(self) -> None:
        """Bring the registry up to date and close outages that are over; for scrapes, and for a timer of a second."""
        now_s = self._clock()
        self._settle(now_s)
        self._teller.renew(now_s)
        metrics = self.metrics
        metrics.flush()
        metrics.inflight.set(self.inflight)
        metrics.open_streams.set(len(self.streams))
        metrics.quarantined_turns.set(self._quarantined_turns())
        stalled = self.streams.stalled(now_s)
        for upstream in self._settings.upstreams:
            trouble = self._troubles.get(upstream)
            metrics.upstream_up.labels(upstream).set(0 if self._outages.is_open(upstream) else 1)
            metrics.upstream_failure_streak.labels(upstream).set(trouble.run if trouble is not None else 0)
            metrics.stream_stalled.labels(upstream).set(stalled[upstream])

    def scrape(self, accept: str) -> tuple[bytes, str]:
        self.flush()
        return self.metrics.render(accept)

    def snapshot(self) -> dict[str, object]:
        now_s = self._clock()
        self._settle(now_s)
        return self.status.snapshot(
            Now(
                upstreams=self._settings.upstreams,
                observed=self._settings.observed,
                troubles=self._troubles,
                threshold=self._outages.threshold,
                inflight=self.inflight,
                open_streams=len(self.streams),
                stalled=self.streams.stalled(now_s),
                waiting=self.waiting,
                quarantined_turns=self._quarantined_turns(),
            )
        )

    def stream_opened(self, upstream: str) -> OpenStream:
        return self.streams.opened(upstream, self._clock())

    def stream_closed(self, stream: OpenStream) -> None:
        self.streams.closed(stream)

    # -- what stays quiet

    def _told(self, event: str, report: CallReport) -> None:
        self.status.told(event, report)
        verdict = report.verdict
        level = logging.WARNING if verdict is None else call_level(verdict)
        if verdict is not None and is_providers_fault(verdict) and self._outages.is_open(report.upstream):
            self.metrics.report_suppressed(Suppressed.OUTAGE)
            level = logging.DEBUG
        elif self._repeats.is_repeat(report, self._clock()):
            self.metrics.report_suppressed(Suppressed.REPEATED)
            level = logging.DEBUG
        if log.isEnabledFor(level):
            facts = call_facts(report)
            if verdict is not None:
                facts |= self._run_of(report.upstream, verdict)
            _tell(level, event, facts)

    def _run(self, upstream: str) -> dict[str, object]:
        return run_facts(self._troubles.get(upstream), self._outages.threshold)

    def _run_of(self, upstream: str, verdict: Verdict) -> dict[str, object]:
        return self._run(upstream) if is_providers_fault(verdict) else {}

    def _tell_outage(self, upstream: str, verdict: Verdict) -> None:
        _tell(logging.ERROR, "outage began", {"upstream": upstream, **self._run(upstream), **verdict_facts(verdict)})

    def _settle(self, now_s: float) -> None:
        if not self._troubles:
            return
        for recovery in self._outages.settle(now_s):
            self.status.touched()
            if not self._teller.over(recovery.upstream):
                continue
            facts = {
                "upstream": recovery.upstream,
                "length_s": round(recovery.length_s, 3),
                "failures": recovery.failures,
                "class": str(recovery.verdict.cls),
                "reason": recovery.verdict.reason,
            }
            _tell(logging.INFO, "outage over", facts)


def _tell(level: int, event: str, facts: dict[str, object]) -> None:
    """As `log.log` does, without its search for the line that called: no line says it."""
    if log.isEnabledFor(level):
        record = logging.LogRecord(log.name, level, "", 0, event, None, None)
        record.facts = facts
        log.handle(record)
