"""A reporter to which everything has happened, so that a scrape shows every series that there can be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from proxy.model import TRAITS, Class, Confidence, Source, Verdict
from proxy.report import CallReport, Metrics, Reporter, ReportSettings, StreamFailure, Words, Would
from tests.deploy import promql


@pytest.fixture
def deploy() -> Path:
    return Path(__file__).parents[2] / "deploy"


@pytest.fixture
def reporter() -> Reporter:
    words = Words(
        upstreams=frozenset({"openai"}),
        reasons=frozenset({"insufficient_quota", "proxy_fault"}),
        faults=frozenset({"orphan_tool_call"}),
    )
    return Reporter(ReportSettings(upstreams=("openai",)), Metrics(words, version="1.2.3"), quarantined_turns=lambda: 3)


def failed(cls: Class, **changes: Any) -> CallReport:
    verdict = Verdict(
        cls=cls, reason="insufficient_quota", rule="any.rule", confidence=Confidence.CODE, scope=TRAITS[cls].scope,
        action=TRAITS[cls].action, advice="Do this.",
    )  # fmt: skip
    return CallReport(
        call_id="c", upstream="openai", endpoint="responses", method="POST", path="/v1/responses", status=500,
        verdict=replace(verdict, **changes), duration_s=2.0,
    )  # fmt: skip


@pytest.fixture
def everything_happens(reporter: Reporter) -> Callable[[], None]:
    def happen() -> None:
        reporter.call_succeeded("openai", "responses", 1.2, 0.4, 0.0003)
        for cls in Class:
            report = failed(cls)
            assert report.verdict is not None
            reporter.attempt_failed("openai", report.verdict)
            reporter.retrying("openai", report.verdict, call_id="c", attempt=1, wait_s=1.0)
            reporter.call_failed(report)
        reporter.call_failed(failed(Class.PROVIDER_ERROR, reason="proxy_fault", source=Source.PROXY))
        for kind in StreamFailure:
            reporter.stream_failed(failed(Class.NETWORK, source=Source.TRANSPORT), kind)
        for what in Would:
            reporter.would("openai", what)
        reporter.retry_budget_spent("openai")
        reporter.history_repaired("orphan_tool_call")
        reporter.metrics.config_reloaded(accepted=False)

    return happen


@pytest.fixture
def known(reporter: Reporter, everything_happens: Callable[[], None]) -> dict[str, frozenset[str]]:
    """Every series that a scrape shows, with its labels."""
    everything_happens()
    return promql.series(reporter.scrape("text/plain")[0].decode())
