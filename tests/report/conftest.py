"""Verdicts, reports and a clock that stands still until it is told, for the tests of this folder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from proxy.model import TRAITS, Class, Confidence, Source, Verdict
from proxy.report import CallReport


class Clock:
    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def verdict() -> Callable[..., Verdict]:
    def make(cls: Class = Class.PROVIDER_ERROR, source: Source = Source.UPSTREAM, **changes: Any) -> Verdict:
        plain = Verdict(
            cls=cls,
            reason="server_error",
            rule="common.500",
            confidence=Confidence.STATUS,
            scope=TRAITS[cls].scope,
            action=TRAITS[cls].action,
            advice="Try again.",
            source=source,
        )
        return replace(plain, **changes)

    return make


@pytest.fixture
def report(verdict: Callable[..., Verdict]) -> Callable[..., CallReport]:
    def make(cls: Class | None = Class.PROVIDER_ERROR, **changes: Any) -> CallReport:
        plain = CallReport(
            call_id="call-1",
            upstream="openai",
            endpoint="chat_completions",
            method="POST",
            path="/v1/chat/completions",
            status=500,
            verdict=None if cls is None else verdict(cls),
            duration_s=1.5,
        )
        return plain._replace(**changes)

    return make
