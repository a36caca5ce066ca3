"""An admin application on nothing but plain values, for the tests of this folder."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp.test_utils import TestClient

from proxy.admin import AdminSettings, AdminState, NotAnAnswerError, build
from proxy.model import TRAITS, Class, Confidence, Verdict
from proxy.report import CallReport, Metrics, Reporter, ReportSettings, Words
from proxy.session.quarantine import Turn


@dataclass
class Rest:
    """What the rest of the project would give the admin port."""

    settings: AdminSettings = field(default_factory=lambda: AdminSettings(is_loopback=True))
    is_draining: bool = False
    is_ready: bool = True
    refreshed: int = 0
    turns: set[str] = field(default_factory=set)
    quarantined: list[Turn] = field(default_factory=list)
    classified: list[tuple[object, bool]] = field(default_factory=list)
    reporter: Reporter = field(
        default_factory=lambda: Reporter(
            ReportSettings(upstreams=("openai", "anthropic")), Metrics(Words(upstreams=frozenset({"openai"})))
        )
    )

    async def refresh(self) -> None:
        self.refreshed += 1

    async def listed(self, most: int) -> Sequence[Turn]:
        return self.quarantined[:most]

    async def release(self, turn_id: str) -> bool:
        known = turn_id in self.turns
        self.turns.discard(turn_id)
        return known

    def classify(self, value: object, *, explain: bool) -> Mapping[str, object]:
        if not isinstance(value, dict) or "status" not in value:
            raise NotAnAnswerError("Send an object with status.")
        if value["status"] == "bug":
            raise ValueError("sk-secret")
        self.classified.append((value, explain))
        return {"id": value.get("id"), "class": "rate_limited", **({"explain": ["because"]} if explain else {})}

    def observes(self, upstreams: set[str]) -> None:
        """From here on these are only watched."""
        settings = ReportSettings(upstreams=("openai", "anthropic"), observed=frozenset(upstreams))
        self.reporter.reload(settings, Words(upstreams=frozenset({"openai"})))

    def fails(self, **changes: Any) -> None:
        """A call fails at openai, as the provider's fault."""
        traits = TRAITS[Class.TIMEOUT]
        verdict = Verdict(
            cls=Class.TIMEOUT, reason="first_byte", rule="proxy.first_byte", confidence=Confidence.CODE,
            scope=traits.scope, action=traits.action, advice="Try again.",
        )  # fmt: skip
        self.reporter.attempt_failed("openai", verdict)
        plain: dict[str, Any] = {"path": "/v1/chat/completions", "call_id": "call-1"}
        self.reporter.call_failed(
            CallReport(
                upstream="openai", endpoint="chat_completions", method="POST", status=504, verdict=verdict,
                duration_s=1.0, **plain | changes,
            )
        )  # fmt: skip


@pytest.fixture
def rest() -> Rest:
    return Rest()


Admin = Callable[[], Awaitable[TestClient[Any, Any]]]


@pytest.fixture
def admin(rest: Rest, aiohttp_client: Callable[..., Awaitable[TestClient[Any, Any]]]) -> Admin:
    """Starts the application on a free loopback port."""

    async def start() -> TestClient[Any, Any]:
        state = AdminState(
            settings=lambda: rest.settings,
            is_draining=lambda: rest.is_draining,
            is_ready=lambda: rest.is_ready,
            refresh=rest.refresh,
            scrape=rest.reporter.scrape,
            snapshot=rest.reporter.snapshot,
            revision=lambda: rest.reporter.status.revision,
            classify=rest.classify,
            quarantine=rest,
            turns=rest.listed,
        )
        return await aiohttp_client(build(state))

    return start
