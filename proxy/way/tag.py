"""The tags: what a failed answer says beside itself, as header lines. Pure."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Final, NamedTuple

from proxy.model import Verdict
from proxy.session.hint import SessionHint

# What browsers may read of a failed answer (https://fetch.spec.whatwg.org/#http-access-control-expose-headers).
NAMES: Final = (
    "x-llm-error-class",
    "x-llm-error-reason",
    "x-llm-error-scope",
    "x-llm-error-source",
    "x-llm-error-rule",
    "x-llm-error-confidence",
    "x-llm-error-advice",
    "x-llm-call-id",
    "x-should-retry",
    "retry-after",
    "retry-after-ms",
    "x-llm-retries",
    "x-llm-session-reset",
    "x-llm-session-action",
    "x-llm-session-rollback",
    "x-llm-session-rollback-last",
    "x-llm-session-fault",
    "x-llm-history",
    "x-llm-replayed",
)


class Facts(NamedTuple):
    """What is told beside the verdict."""

    call_id: str
    session: SessionHint
    should_retry: bool | None = None  # None: nothing of ours is said
    waits: Sequence[tuple[str, str]] = ()  # retry-after headers that the provider did not send itself
    retries: int = 0
    history: str = ""
    replayed_s: int | None = None


def new_call_id() -> str:
    """Names a call in answer, log, span and status page."""
    return os.urandom(8).hex()


def tags(verdict: Verdict, facts: Facts) -> list[tuple[str, str]]:
    """The headers of a failed answer, in the order in which a person reads them."""
    session = facts.session
    headers = [
        ("x-llm-error-class", verdict.cls),
        ("x-llm-error-reason", verdict.reason),
        ("x-llm-error-scope", verdict.scope),
        ("x-llm-error-source", verdict.source),
        ("x-llm-error-rule", verdict.rule),
        ("x-llm-error-confidence", verdict.confidence),
        ("x-llm-error-advice", verdict.advice),
        ("x-llm-call-id", facts.call_id),
        *facts.waits,
        ("x-llm-retries", str(facts.retries)),
        ("x-llm-session-reset", "true" if session.action.resets_session else "false"),
        ("x-llm-session-action", session.action),
    ]
    if facts.should_retry is not None:
        headers.append(("x-should-retry", "true" if facts.should_retry else "false"))
    if session.rollback is not None:
        headers.append(("x-llm-session-rollback", str(session.rollback)))
    if session.rollback_last is not None:
        headers.append(("x-llm-session-rollback-last", str(session.rollback_last)))
    if session.fault is not None:
        headers.append(("x-llm-session-fault", session.fault))
    if facts.history:
        headers.append(("x-llm-history", facts.history))
    if facts.replayed_s is not None:
        headers.append(("x-llm-replayed", str(facts.replayed_s)))
    return headers


def exposed() -> tuple[str, str]:
    """Lets a page read the tags."""
    return "access-control-expose-headers", ", ".join(NAMES)
