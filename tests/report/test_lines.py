from __future__ import annotations

import json
import logging
from collections.abc import Callable

import pytest

from proxy.model import Class, Verdict, Wait, WaitOrigin
from proxy.report import CallReport, Progress
from proxy.report.lines import call_facts, call_level, run_facts
from proxy.report.outage import Trouble

INFO = {"auth", "model", "context", "content_filter", "bad_request", "session_expired"}


@pytest.mark.parametrize("cls", list(Class))
def test_the_callers_own_mistakes_are_info_and_all_else_a_warning(cls: Class, verdict: Callable[..., Verdict]) -> None:
    assert call_level(verdict(cls)) == (logging.INFO if cls in INFO else logging.WARNING)


def test_a_line_holds_the_words_of_the_tags(report: Callable[..., CallReport], verdict: Callable[..., Verdict]) -> None:
    judged = verdict(Class.RATE_LIMITED, wait=Wait(12.5, WaitOrigin.PROSE))
    facts = call_facts(
        report(verdict=judged, retries=2, client="web", provider_request_id="req_1", history="known=4-5")
    )
    assert facts["class"] == "rate_limited"
    assert facts["wait_s"] == 12.5
    assert facts["action"] == "reset"
    assert facts["source"] == "upstream"
    assert (facts["retries"], facts["client"], facts["history"]) == (2, "web", "known=4-5")
    assert facts["advice"] == "Try again."


def test_a_line_leaves_out_what_is_not_known(report: Callable[..., CallReport]) -> None:
    facts = call_facts(report(None))
    assert not {"class", "client", "cause", "trace_id", "stream_chunks"} & facts.keys()
    assert facts["retries"] == 0


def test_a_line_tells_how_far_a_stream_came(report: Callable[..., CallReport]) -> None:
    facts = call_facts(report(stream=Progress(chunks=3, sent_bytes=120, quiet_s=4.25)))
    assert (facts["stream_chunks"], facts["stream_bytes"], facts["stream_quiet_s"]) == (3, 120, 4.25)


def test_a_providers_request_id_is_bounded(report: Callable[..., CallReport]) -> None:
    assert len(str(call_facts(report(provider_request_id="x" * 9000))["provider_request_id"])) == 128


def test_a_line_is_json(report: Callable[..., CallReport]) -> None:
    assert json.loads(json.dumps(call_facts(report())))["class"] == "provider_error"


def test_a_failure_tells_where_its_run_stands(verdict: Callable[..., Verdict]) -> None:
    assert run_facts(Trouble(run=3, run_began_s=0, verdict=verdict()), 5) == {"run": "3/5"}
    assert run_facts(Trouble(run=0, run_began_s=0, verdict=verdict()), 5) == {}
    assert run_facts(None, 5) == {}
