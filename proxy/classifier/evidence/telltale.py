"""What tells that an answer under a good status is a failure, in words. Asked by explanations alone: deciding needs none.

Knows no shapes of its own: a member tells where the answer fails by it alone, or would be a good one without it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any, Final

from proxy.classifier.evidence.failure import BUSINESS_CODES, CODES, ERRORS, MESSAGES, is_failure
from proxy.classifier.evidence.hidden import failed_part
from proxy.classifier.evidence.unwrap import Event, json_value
from proxy.model import Answer, Provider

_MAX_MEMBERS: Final = 64  # each is tried; of more no provider makes an error
_MAX_TOLD: Final = 3
_SHOWN_CHARS: Final = 60
_BESIDE: Final = frozenset(
    {*MESSAGES, "detail", "title", "description"}
)  # what tells nothing alone, and is shown elsewhere

_Fails = Callable[[Any], bool]


def telltale(answer: Answer, provider: Provider | None) -> str:
    """Why an answer under a good status is no good one; empty where the status itself says so."""
    if answer.status >= 400:
        return ""
    headers = {name.lower(): value for name, value in answer.headers}
    for name in ("x-amzn-waf-action", ":exception-type", ":error-code"):
        if headers.get(name):
            return f"the header {name} is {headers[name][:_SHOWN_CHARS]}"
    value, shape = failed_part(answer, headers, provider)
    if shape == "page":
        return "a page for people stands where an answer was due"
    if isinstance(value, Event):
        return _event(value, provider)
    return _value(value, provider)


def _event(event: Event, provider: Provider | None) -> str:
    if event.status >= 400:
        return f"an event of the stream has the status {event.status} of its own"
    value = json_value(event.data) if event.data[:1] in ("{", "[") else None
    if value is not None and is_failure(value, provider):
        return f"in an event of the stream {_value(value, provider)}"
    return f'an event of the stream is called "{event.name}"'


def _value(value: Any, provider: Provider | None) -> str:
    def fails(part: Any) -> bool:
        return is_failure(part, provider)

    if isinstance(value, list):
        value = next((item for item in value[:4] if fails(item)), None)
    if not isinstance(value, dict) or len(value) > _MAX_MEMBERS:
        return "its members have the shape of an error"
    if value.get("finish_reason") == "error":
        return "a choice ended with an error"
    codes = {*CODES, *BUSINESS_CODES, *(provider.business_codes if provider else ())}
    alone = [name for name, member in value.items() if fails({name: member})]
    if alone:
        told = (_told(path, member, codes) for name in alone for path, member in _within(name, value[name], fails))
        return " and ".join(islice(told, _MAX_TOLD))
    needed = _needed(value, fails)
    telling = [name for name in needed if name not in _BESIDE] or list(needed)
    beside = [f"`{name}`" for name in needed if name not in telling]
    said = " and ".join(_told(name, value[name], codes) for name in telling[:_MAX_TOLD])
    return f"{said}, beside {' and '.join(beside)} and no result" if beside else said


def _needed(value: dict[str, Any], fails: _Fails) -> dict[str, Any]:
    """The members, as few as can be, by which it still fails."""
    left = value
    for name in reversed(value):
        without = _without(left, name)
        if fails(without):
            left = without
    return left


def _within(name: str, member: Any, fails: _Fails) -> Iterator[tuple[str, Any]]:
    """The parts of a member without which nothing would fail; the member where there are none."""
    if isinstance(member, list) and len(member) > _MAX_MEMBERS:
        yield name, member
        return
    one = member[0] if isinstance(member, list) and member else member
    parts: list[str] = []
    if name not in ERRORS and isinstance(one, dict) and len(one) <= _MAX_MEMBERS:
        parts = [part for part in one if part not in _BESIDE and not fails({name: _without(member, part)})]
    yield from [(f"{name}.{part}", one[part]) for part in parts] or [(name, member)]


def _without(member: Any, part: str) -> Any:
    if isinstance(member, list):
        return [_without(one, part) for one in member]
    return {name: of for name, of in member.items() if name != part} if isinstance(member, dict) else member


def _told(path: str, member: Any, codes: set[str]) -> str:
    name = path.rpartition(".")[2]
    if name in ERRORS or name == "errors":
        return f"the member `{path}` holds an error"
    if isinstance(member, (dict, list)):
        return f"the member `{path}` tells of a failure"
    said = f"the member `{path}` is {json.dumps(member, ensure_ascii=False)[:_SHOWN_CHARS]}"
    return f"{said}, a business code of failure" if path in codes or name in codes else said
