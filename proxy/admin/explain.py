"""A remembered verdict in a person's words: who said it, what decided, what to do, what it means for the session.

Made from the facts of its log line alone: what the provider wrote is not remembered, because it may quote a prompt.
`POST /classify?explain=1` explains an answer that is at hand down to its evidence.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from proxy.admin.markup import seconds
from proxy.model import TRAITS, Action, Class, Confidence, Scope, Source

SOURCES: Final[Mapping[Source, str]] = {
    Source.UPSTREAM: "The provider answered so.",
    Source.TRANSPORT: "No whole answer came from the provider.",
    Source.PROXY: "The proxy answered without the provider.",
}
CONFIDENCES: Final[Mapping[Confidence, str]] = {
    Confidence.CODE: "a machine-readable field decided",
    Confidence.PHRASE: "the message's words decided",
    Confidence.STATUS: "only the status was left to decide by",
}
SCOPES: Final[Mapping[Scope, str]] = {
    Scope.REQUEST: "This request alone.",
    Scope.SESSION: "Every later turn of this session.",
    Scope.MODEL: "Every call to this model.",
    Scope.CREDENTIAL: "Every call with this credential.",
    Scope.PROVIDER: "Every call to this provider.",
    Scope.PROXY: "Every call through this proxy.",
}
ACTIONS: Final[Mapping[Action, str]] = {
    Action.KEEP: "keep: nothing is wrong with it.",
    Action.RESET: "reset: throw away the cached session and rebuild it from the stored history.",
    Action.ROLLBACK: "rollback: remove the failed turn from the stored history, else every later turn fails the same way.",
    Action.REPAIR: "repair: the stored history is out of order and has to be mended.",
    Action.COMPACT: "compact: shorten the history.",
    Action.NEW_SESSION: "new_session: forget the server-side id and send the full history.",
}


def explain(facts: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Pairs of a question and its answer, for a verdict of the snapshot."""
    if "class" in facts:
        yield "What to do", facts["advice"]
        yield "Who said it", SOURCES[Source(facts["source"])]
        yield "What decided", f"{facts['rule']}: {_decided(facts)}."
        yield "Who fails with it", SCOPES[Scope(facts["scope"])]
        yield "Another try", _retry(facts)
        yield "The session", ACTIONS[Action(facts["action"])]
    if "history" in facts:
        yield "The history", facts["history"]
    yield "The call", f"{facts['method']} {facts['path']}"
    yield "It took", _took(facts)
    if "stream_chunks" in facts:
        yield (
            "Its stream",
            f"{facts['stream_chunks']} pieces, {facts['stream_bytes']} bytes, then nothing for {seconds(facts['stream_quiet_s'])}.",
        )
    for name, question in (
        ("client", "Client"),
        ("cause", "Cause"),
        ("call_id", "Call id"),
        ("provider_request_id", "Provider's request id"),
        ("trace_id", "Trace id"),
    ):
        if name in facts:
            yield question, facts[name]


def _decided(facts: Mapping[str, Any]) -> str:
    if Source(facts["source"]) is not Source.UPSTREAM and facts["rule"].startswith("proxy."):
        return "the proxy saw it itself"
    return CONFIDENCES[Confidence(facts["confidence"])]


def _retry(facts: Mapping[str, Any]) -> str:
    wait = f"The provider asks to wait for {seconds(facts['wait_s'])}." if "wait_s" in facts else ""
    if TRAITS[Class(facts["class"])].can_retry:
        return f"The same call can succeed later. {wait}".rstrip()
    return "The same call fails again until something is changed."


def _took(facts: Mapping[str, Any]) -> str:
    parts = [seconds(facts["duration_s"])]
    retries = facts["retries"]
    parts.append("no retry" if not retries else f"{retries} {'retry' if retries == 1 else 'retries'}")
    return ", ".join(parts) + "."
