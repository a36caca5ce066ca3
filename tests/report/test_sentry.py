"""Errors at Sentry, through the real SDK and a transport that records."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest
from sentry_sdk.envelope import Envelope
from sentry_sdk.transport import Transport

from proxy.model import Class
from proxy.report.event import CallReport
from proxy.report.log import log
from proxy.report.metrics import Metrics, Words
from proxy.report.reporter import Reporter, ReportSettings
from proxy.report.sentry import SentryHandler, attach

DSN = "https://public@sentry.invalid/1"


class Recording(Transport):
    events: list[dict[str, Any]]

    def __init__(self, options: dict[str, Any]) -> None:
        super().__init__(options)
        Recording.events = []

    def capture_envelope(self, envelope: Envelope) -> None:
        event = envelope.get_event()
        if event is not None:
            Recording.events.append(dict(event))


@pytest.fixture
def events() -> Iterator[list[dict[str, Any]]]:
    handler = SentryHandler(DSN, Recording)
    log.addHandler(handler)
    yield Recording.events
    log.removeHandler(handler)
    handler.close()


@pytest.fixture
def reporter() -> Reporter:
    words = Words(upstreams=frozenset({"openai"}), reasons=frozenset(), faults=frozenset())
    return Reporter(ReportSettings(upstreams=("openai",)), Metrics(words, version="0"))


def test_549_failures_of_one_incident_are_one_event(reporter, verdict, events):
    failure = verdict(Class.PROVIDER_ERROR)
    for n in range(549):
        reporter.attempt_failed("openai", failure)
        reporter.call_failed(
            CallReport(
                call_id=str(n),
                upstream="openai",
                endpoint="chat_completions",
                method="POST",
                path="/v1/chat/completions",
                status=503,
                verdict=failure,
                duration_s=0.1,
            )
        )
    (event,) = events
    assert (event["message"], event["level"]) == ("outage began", "error")
    assert event["tags"]["upstream"] == "openai"
    assert event["fingerprint"][:3] == ["outage began", "openai", "provider_error"]


def test_the_next_outage_of_the_same_kind_is_the_same_issue(reporter, verdict, events):
    for upstream in ("openai", "openai", "anthropic"):
        log.error("outage began", extra={"facts": {"upstream": upstream, "class": "timeout", "run": "5/5"}})
    first, second, other = (event["fingerprint"] for event in events)
    assert first == second != other


def test_warnings_and_other_loggers_stay_here(events):
    log.warning("call failed")
    logging.getLogger("aiohttp").error("Authorization: Bearer sk-secret")
    assert events == []


def test_of_an_exception_only_its_type_goes_out(events):
    api_key = "sk-secret"
    try:
        raise RuntimeError(f"Authorization: {api_key}")
    except RuntimeError:
        log.exception("worker failed")
    (event,) = events
    assert event["extra"]["exception"] == "RuntimeError"
    assert "secret" not in repr(event)
    assert "breadcrumbs" not in event or not event["breadcrumbs"]["values"]


@pytest.fixture
def logger() -> logging.Logger:
    return logging.Logger("own")  # noqa: LOG001 - one that no other test sees


def test_nothing_is_attached_unless_asked_for(logger):
    attach(logger, {})
    assert logger.handlers == []


def test_it_is_attached_once(logger):
    for _ in range(2):
        attach(logger, {"SENTRY_DSN": DSN})
    assert len(logger.handlers) == 1


def test_a_dsn_that_is_none_stops_nobody(logger, caplog):
    logger.addHandler(caplog.handler)
    attach(logger, {"SENTRY_DSN": "sk-secret"})
    assert [record.message for record in caplog.records] == ["SENTRY_DSN is no DSN: nothing is sent to Sentry"]


def test_without_the_extra_one_line_says_what_is_missing(logger, caplog, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "sentry_sdk", None)
    logger.addHandler(caplog.handler)
    attach(logger, {"SENTRY_DSN": DSN})
    (record,) = caplog.records
    assert "llm-triage[sentry]" in record.message
