"""What the proxy itself knows: every reason that it answers with has a verdict."""

from __future__ import annotations

import pytest

from proxy.classifier import OWN_REASONS, own_verdict
from proxy.model import TRAITS, Action, Class, Confidence, Source

CASES = {
    "dns": "network", "refused": "network", "tls": "network", "reset": "network", "connect": "timeout", "first_byte": "timeout",
    "total": "timeout", "head": "timeout", "upload_idle": "timeout", "method_not_allowed": "bad_request", "bad_answer": "provider_error",
    "malformed": "bad_request", "head_too_large": "bad_request", "missing_credential": "auth", "body_too_large": "context",
    "proxy_busy": "overloaded", "draining": "overloaded", "unknown_client": "auth", "not_allowed": "auth", "no_upstream": "bad_request",
    "proxy_fault": "provider_error", "truncated_stream": "network", "stream_idle": "timeout", "truncated_body": "network",
}  # fmt: skip
TRANSPORT = {
    "dns",
    "refused",
    "tls",
    "reset",
    "connect",
    "first_byte",
    "total",
    "bad_answer",
    "truncated_stream",
    "stream_idle",
    "truncated_body",
}


@pytest.mark.parametrize("reason", CASES)
def test_every_own_reason(reason: str) -> None:
    verdict = own_verdict(reason)
    assert (verdict.cls, verdict.rule, verdict.confidence) == (CASES[reason], f"proxy.{reason}", Confidence.CODE)
    assert verdict.source is (Source.TRANSPORT if reason in TRANSPORT else Source.PROXY)
    if reason in TRANSPORT:
        assert verdict.action is TRAITS[verdict.cls].action
    else:
        assert verdict.action is (Action.COMPACT if reason == "body_too_large" else Action.KEEP)


def test_a_body_too_large_off_the_generation_paths_is_a_bad_request_that_keeps_the_session() -> None:
    verdict = own_verdict("body_too_large", cls=Class.BAD_REQUEST)
    assert (verdict.cls, verdict.action) == (Class.BAD_REQUEST, Action.KEEP)


def test_own_advice_fits_a_header() -> None:
    for reason in OWN_REASONS.values():
        assert reason.advice.isascii()
        assert 0 < len(reason.advice) <= 160


def test_all_own_reasons_are_listed() -> None:
    assert set(OWN_REASONS) == {*CASES, "unrecognised", "contradictory"}
