"""The classifier for callers that speak JSON: an object in, a verdict's object out. Lines of `classify --jsonl`, the body of
`POST /classify`, and any other language use these shapes, which docs/classify.md tells member by member.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from proxy.classifier.engine import classify
from proxy.classifier.explain import explain as explain_answer
from proxy.classifier.rules import Rules
from proxy.classifier.waits.clock import http_date
from proxy.model import Answer, Verdict


class NotAnAnswerError(ValueError):
    """What was sent to be classified has the wrong shape; the text is a sentence for its sender."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Defaults:
    """What is known of answers that do not say it themselves; of headers, those whose names an answer does not have."""

    status: int | None = None
    provider: str = ""
    headers: tuple[tuple[str, str], ...] = ()


_NOTHING_KNOWN: Final = Defaults()


def identity_of(value: object) -> Any:
    """The `id` that an answer's object is to be given back with."""
    identity = value.get("id") if isinstance(value, Mapping) else None
    try:
        json.dumps(identity, allow_nan=False)
    except (ValueError, TypeError, RecursionError):
        # Python reads `NaN` and `1e999`, which no JSON can hold.
        raise NotAnAnswerError("id: expected a value that JSON can hold") from None
    return identity


def answer_of(value: object, defaults: Defaults = _NOTHING_KNOWN) -> Answer:
    """An answer from its JSON object: `provider`, `status`, `headers` (an object or a list of pairs), `body`, `stream`."""
    if not isinstance(value, Mapping):
        raise NotAnAnswerError("expected an object with status, headers and body")
    status = value.get("status")
    if status is None:
        status = defaults.status
    if isinstance(status, bool) or not isinstance(status, int) or not 100 <= status <= 999:
        raise NotAnAnswerError("status: expected a number from 100 to 999")
    provider = value.get("provider")
    if provider is not None and not isinstance(provider, str):
        raise NotAnAnswerError("provider: expected a name")
    stream = value.get("stream")
    if stream is not None and not isinstance(stream, bool):
        raise NotAnAnswerError("stream: expected true or false")
    headers = _headers(value.get("headers"))
    said = {name.lower() for name, _ in headers} if defaults.headers else frozenset()
    return Answer(
        status=status,
        headers=(*headers, *(pair for pair in defaults.headers if pair[0].lower() not in said)),
        body=_body(value.get("body")),
        provider=provider or defaults.provider,
        stream=bool(stream),
    )


def _headers(value: object) -> tuple[tuple[str, str], ...]:
    if value is None:
        return ()
    pairs: list[tuple[str, str]] = []
    items: list[Any] = (
        list(value.items()) if isinstance(value, Mapping) else list(value) if isinstance(value, list) else [None]
    )
    for item in items:
        if not isinstance(item, (tuple, list)) or len(item) != 2 or not isinstance(item[0], str):
            raise NotAnAnswerError("headers: expected an object, or a list of pairs")
        for one in item[1] if isinstance(item[1], list) else [item[1]]:
            if isinstance(one, (str, int, float)):
                pairs.append((item[0], str(one)))
            else:
                raise NotAnAnswerError(f"headers: the value of {item[0][:40]!r} is no text")
    return tuple(pairs)


def _body(value: object) -> bytes:
    if value is None:
        return b""
    if isinstance(value, str):
        return value.encode("utf-8", "surrogatepass")
    raise NotAnAnswerError("body: expected the raw text of the body")


def verdict_dict(verdict: Verdict | None, id: object = None) -> dict[str, Any]:  # noqa: A002 - the member's name
    """A verdict as JSON; class `ok` for a good answer."""
    if verdict is None:
        return {
            "id": id,
            "class": "ok",
            "reason": None,
            "scope": None,
            "retry": False,
            "retry_after_s": None,
            "action": "keep",
            "rule": None,
            "confidence": None,
            "advice": None,
            "forget": None,
        }
    wait = verdict.wait
    return {
        "id": id,
        "class": verdict.cls.value,
        "reason": verdict.reason,
        "scope": verdict.scope.value,
        "retry": verdict.can_retry,
        "retry_after_s": round(wait.seconds, 3) if wait else None,
        "action": verdict.action.value,
        "rule": verdict.rule,
        "confidence": verdict.confidence.value,
        "advice": verdict.advice,
        "forget": verdict.forget,
    }


def classify_json(
    value: object,
    rules: Rules | None = None,
    *,
    now: float | None = None,
    explain: bool = False,
    defaults: Defaults = _NOTHING_KNOWN,
) -> dict[str, Any]:
    """The verdict's object on an answer's object, with `explanation` where asked for.

    `now` is the clock for an answer that does not say itself when it was given. Raises `NotAnAnswerError` where `value` is
    no answer.
    """
    answer = answer_of(value, defaults)
    identity = identity_of(value)
    # It was obtained elsewhere, perhaps long ago: waiting counts from its own Date.
    clock = None if now is None or _is_dated(answer) else now
    if not explain:
        return verdict_dict(classify(answer, rules, now=clock), identity)
    told = explain_answer(answer, rules, now=clock)
    return {**verdict_dict(told.verdict, identity), "explanation": told.as_dict()}


def _is_dated(answer: Answer) -> bool:
    dates = [value for name, value in answer.headers if name.lower() == "date"]
    return bool(dates) and http_date(dates[-1]) is not None
