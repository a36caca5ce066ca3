"""The failure under a good status: which part of the body it is, if any, and what of its shape fails where no member does."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from proxy.classifier.evidence import unwrap
from proxy.classifier.evidence.decode import text_of
from proxy.classifier.evidence.failure import failed_choice, is_failure
from proxy.model import Answer, Provider

# No event fails without one of these in it: most streams need no other search.
_WORDS: Final = (
    *(
        "rror",
        "xception",
        'ode"',
        "ailed",
        "lockReason",
        '"ok"',
        "ucce",
        'Reason"',
        "tatus",
        "errno",
        '"ret"',
        "STATUS/",
    ),
    *('"erro', '"erreur', '"fehler', '"blad', '"hata', '"erfolg', '"exito', '"sucesso'),
)
# Nor without this; most events of the others need no parsing for that. What a model says of errors does not hit: quotes are escaped there.
MAY_FAIL: Final = re.compile(
    r'rror\w{0,12}"|^(?:event: ?)?error|xception|[cC]ode"|ailed\b|lockReason"|"ok"|ucce(?:ss\w{0,4}|eded)"|Reason"|tatus\w{0,9}"|errno"'
    r'|"ret"|"(?:erro|erreur|fehler|blad|hata|erfolg|exito|sucesso)"|HTTP_STATUS/[45]',
    re.MULTILINE,
)
# A step or a tool that failed within an answer (`response.mcp_call.failed`) is a part of it.
# https://platform.openai.com/docs/api-reference/assistants-streaming/events
_FAILING: Final = frozenset({"error", "exception", "thread.run.failed"})
# https://www.php.net/manual/en/errorfunc.configuration.php#ini.display-errors
_DIED: Final = re.compile(r"Fatal error(?:</b>)?: ")


def failed_part(answer: Answer, headers: Mapping[str, str], provider: Provider | None) -> tuple[Any, str]:
    """The failing part of a body under a good status (None where nothing fails), and its shape where that is what fails."""
    coding = headers.get("content-encoding", "")
    text = text_of(answer.body, coding)
    kind = headers.get("content-type", "")
    if answer.stream or "event-stream" in kind or (unwrap.looks_like_stream(text) and "json" not in kind):
        return failed_event(text, provider), ""
    is_json = text.lstrip()[:1] in ("{", "[")
    value = unwrap.json_value(text) if is_json else None
    if value is not None and is_failure(value, provider):
        return ((failed_choice(value) or value) if isinstance(value, dict) else value), ""
    if isinstance(value, dict):
        if "ndjson" in kind or "\n{" in text:
            return next((line for line in unwrap.json_lines(text, MAY_FAIL) if is_failure(line, provider)), None), ""
    elif not is_json and answer.status < 300 and _is_page(text, kind):
        return text, "page"
    return None, ""


def _is_page(text: str, kind: str) -> bool:
    """A page for people where an answer was due, or what PHP writes into one when it dies."""
    if kind and "html" not in kind:
        return False
    return unwrap.looks_like_html(text) or bool(kind and _DIED.search(text, 0, 80))


def failed_event(text: str, provider: Provider | None) -> unwrap.Event | None:
    """The first event of a stream that fails."""
    if not any(word in text for word in _WORDS):
        return None
    return next((event for event in unwrap.events(text, MAY_FAIL) if _failed(event, provider)), None)


def _failed(event: unwrap.Event, provider: Provider | None) -> bool:
    if event.status >= 400:
        return True
    if event.name in _FAILING and event.data:
        return True
    return event.data[:1] in ("{", "[") and is_failure(unwrap.json_value(event.data), provider)
