"""What a log line says about a call, and how loud: facts and levels, no writing.

The caller's own mistakes are told at info: they are the caller's to see, in the tags. An empty account is a warning
though only its owner can mend it, for nobody's calls succeed until somebody pays.
"""

from __future__ import annotations

import logging
from typing import Final

from proxy.model import Class, Verdict
from proxy.report.event import CallReport
from proxy.report.outage import Trouble

CALLERS_FAULT: Final = frozenset(
    {Class.AUTH, Class.MODEL, Class.CONTEXT, Class.CONTENT_FILTER, Class.BAD_REQUEST, Class.SESSION_EXPIRED}
)


def call_level(verdict: Verdict) -> int:
    return logging.INFO if verdict.cls in CALLERS_FAULT else logging.WARNING


def verdict_facts(verdict: Verdict) -> dict[str, object]:
    facts: dict[str, object] = {
        "class": str(verdict.cls),
        "reason": verdict.reason,
        "scope": str(verdict.scope),
        "source": str(verdict.source),
        "rule": verdict.rule,
        "confidence": str(verdict.confidence),
        "action": str(verdict.action),
    }
    if verdict.wait is not None:
        facts["wait_s"] = round(verdict.wait.seconds, 3)
    return facts


def call_facts(report: CallReport) -> dict[str, object]:
    """Everything that is known of a call, without what is empty."""
    facts: dict[str, object] = {
        "call_id": report.call_id,
        "upstream": report.upstream,
        "endpoint": report.endpoint,
        "method": report.method,
        "path": report.path,
        "status": report.status,
    }
    if report.verdict is not None:
        facts |= verdict_facts(report.verdict)
    facts |= {
        "retries": report.retries,
        "duration_s": round(report.duration_s, 6),
        "provider_request_id": report.provider_request_id[:128],
        "client": report.client,
        "history": report.history,
        "cause": report.cause,
        "trace_id": report.trace_id,
    }
    if report.stream is not None:
        facts |= {
            "stream_chunks": report.stream.chunks,
            "stream_bytes": report.stream.sent_bytes,
            "stream_quiet_s": round(report.stream.quiet_s, 3),
        }
    if report.verdict is not None:
        facts["advice"] = report.verdict.advice
    return {name: value for name, value in facts.items() if value is not None and value != ""}


def run_facts(trouble: Trouble | None, threshold: int) -> dict[str, object]:
    """Where a failure stands in its upstream's run: `n/threshold`."""
    return {"run": f"{trouble.run}/{threshold}"} if trouble is not None and trouble.run else {}
