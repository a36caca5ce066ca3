"""A verdict as a page for a person: what it is, what to do, whose fault, what about the session, and why."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from proxy.classifier.explain import Explanation
from proxy.classifier.fault import whose_fault
from proxy.classifier.rules import Rules
from proxy.classifier.waits import in_words
from proxy.model import Action, Class, Scope, Verdict

_ACTIONS: Final[Mapping[Action, str]] = {
    Action.KEEP: "keep it: nothing is wrong with the session",
    Action.RESET: "reset: drop the cached agent or connection, rebuild it from the stored history",
    Action.ROLLBACK: "rollback: remove the failed turn from the stored history",
    Action.REPAIR: "repair: the stored history is out of order, mend it",
    Action.COMPACT: "compact: shorten the stored history",
    Action.NEW_SESSION: "new session: forget the server-side id, send the full history",
}
_SCOPES: Final[Mapping[Scope, str]] = {
    Scope.REQUEST: "this request",
    Scope.SESSION: "this session: every later turn of it",
    Scope.MODEL: "every call to this model",
    Scope.CREDENTIAL: "every call with this credential: key, account or organisation",
    Scope.PROVIDER: "every call to this provider",
    Scope.PROXY: "every call through this proxy",
}
# Both are told of a model; one of them fails for whoever asks, the other for whoever names it.
_SCOPES_OF_A_CLASS: Final[Mapping[tuple[Class, Scope], str]] = {
    (Class.OVERLOADED, Scope.MODEL): "everybody's calls to this model, until its load falls",
    (Class.MODEL, Scope.MODEL): "every call that names this model here, now and later",
}
_WIDTH: Final = 100
_LABEL: Final = 12


def page(told: Explanation, rules: Rules, *, explained: bool) -> str:
    """What `classify` prints; with `explained` also the evidence and the rules that it met."""
    verdict = told.verdict
    lines = ["good answer: no error in it"] if verdict is None else list(_verdict(verdict, rules))
    if explained:
        lines += ["", "evidence", *_listed(told.evidence)]
        if told.considered:
            lines += ["", "rules considered"]
            for one in told.considered:
                lines += _listed([f"{one.rule} -> {one.cls}, {one.reason}: {one.by} ({one.tier})"])
                if one.source:
                    lines.append(f"      {one.source}")
    lines += ["", "why", *_listed(told.why)]
    return "\n".join(lines) + "\n"


def shown(text: str, encoding: str) -> str:
    """A page that can be printed: what a provider wrote must not steer the terminal, nor end in an error of its encoding."""
    seen = "".join(
        char if char.isprintable() or char == "\n" else char.encode("unicode_escape").decode("ascii") for char in text
    )
    return seen.encode(encoding, "backslashreplace").decode(encoding)


def _verdict(verdict: Verdict, rules: Rules) -> Iterator[str]:
    yield f"{verdict.cls}: {verdict.reason}"
    yield ""
    meaning = rules.reasons[verdict.reason].meaning
    if meaning:
        yield from _labelled("what it is", meaning)
    yield from _labelled("what to do", verdict.advice)
    yield from _labelled("retry", _retry(verdict))
    yield from _labelled("whose fault", whose_fault(verdict))
    yield from _labelled("who fails", _SCOPES_OF_A_CLASS.get((verdict.cls, verdict.scope)) or _SCOPES[verdict.scope])
    yield from _labelled("session", _ACTIONS[verdict.action])
    if verdict.forget:
        yield from _labelled("forget", verdict.forget)
    yield from _labelled("rule", f"{verdict.rule} (confidence: {verdict.confidence})")


def _retry(verdict: Verdict) -> str:
    if not verdict.can_retry:
        return "no: the same call fails again"
    if verdict.wait:
        return f"yes, after {in_words(verdict.wait.seconds)}, as the provider says"
    return "yes, with back-off"


def _labelled(label: str, text: str) -> list[str]:
    indent = " " * (2 + _LABEL)
    return textwrap.wrap(
        text, _WIDTH, initial_indent=f"  {label:{_LABEL}}", subsequent_indent=indent, break_long_words=False
    )


def _listed(lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        yield from textwrap.wrap(line, _WIDTH, initial_indent="  - ", subsequent_indent="    ", break_long_words=False)
