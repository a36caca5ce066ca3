"""The history of a Responses request: the items of `input`. Reads it; finding and mending faults is the session's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from proxy.model import Dialect
from proxy.session.turn import Entry, Grammar, History, Kind, Part, Role, string

# Results may stand anywhere after their call, as long as no new user message came between.
GRAMMAR: Final = Grammar(
    member="input",
    closes=frozenset({Role.USER}),
    unique_calls=True,
    alternates=False,
    reasoning_leads=True,
)

_ROLES: Final = {"system": Role.SYSTEM, "developer": Role.SYSTEM, "user": Role.USER, "assistant": Role.ASSISTANT}
# Calls that the caller has to answer; the other ..._call items are run by the provider and answer themselves.
_CALLS: Final = {
    "function_call": "arguments",
    "custom_tool_call": "input",
    "local_shell_call": "action",
    "shell_call": "action",
    "apply_patch_call": "operation",
    "computer_call": "action",
}
_RESULTS: Final = frozenset(f"{call}_output" for call in _CALLS)
# Both halves may be the provider's own, and `call_id` may be null.
_LOOSE: Final = {
    "tool_search_call": Kind.CALL,
    "tool_search_output": Kind.RESULT,
    "program": Kind.CALL,
    "program_output": Kind.RESULT,
}


def read(document: Mapping[str, Any]) -> History | None:
    items = document.get("input")
    if isinstance(items, str):
        items = [{"role": "user", "content": items}]
    elif not isinstance(items, list):
        return None
    return History(
        dialect=Dialect.RESPONSES,
        grammar=GRAMMAR,
        entries=tuple(map(entry, items)),
        continues=bool(document.get("previous_response_id") or document.get("conversation"))
        or any(isinstance(item, dict) and item.get("type") == "item_reference" for item in items),
        has_tools=bool(document.get("tools")),
    )


def entry(item: object) -> Entry:
    if not isinstance(item, dict):
        return Entry(Role.OTHER)
    form = item.get("type", "message")
    if not isinstance(form, str):
        return Entry(Role.OTHER)
    if form == "message":
        wire_role = item.get("role")
        role = _ROLES.get(wire_role, Role.OTHER) if isinstance(wire_role, str) else Role.OTHER
        return Entry(role, tuple(_content(item.get("content"))))
    if form in _CALLS:
        return Entry(Role.ASSISTANT, (_call(item, form),))
    if form in _RESULTS:
        # local_shell_call_output names the call in `id`.
        key = string(item.get("call_id")) or string(item.get("id"))
        return Entry(Role.TOOL, (Part(Kind.RESULT, id=key, value=item.get("output"), form=form),))
    if form == "reasoning":
        said = item.get("summary") or item.get("content")
        return Entry(
            Role.ASSISTANT,
            (Part(Kind.REASONING, value=said, form=form, opaque=bool(item.get("encrypted_content"))),),
        )
    if form in _LOOSE:
        kind = _LOOSE[form]
        part = Part(kind, id=string(item.get("call_id")), value=_said(item), form=form, loose=True)
        return Entry(Role.ASSISTANT if kind is Kind.CALL else Role.TOOL, (part,))
    if form.endswith("_call"):
        return Entry(Role.ASSISTANT, (Part(Kind.MEDIA, value=_said(item), form=form),))
    return Entry(Role.OTHER, (Part(Kind.MEDIA, value=_said(item), form=form),))


def _call(item: Mapping[str, Any], form: str) -> Part:
    return Part(
        Kind.CALL,
        id=string(item.get("call_id")) or string(item.get("id")),
        name=string(item.get("name")),
        value=item.get(_CALLS[form]),
        form=form,
    )


def _content(content: object) -> Iterator[Part]:
    if isinstance(content, str):
        yield Part(Kind.TEXT, "content", text=content)
    elif isinstance(content, list):
        for index, part in enumerate(content):
            if isinstance(part, dict) and isinstance(part.get("text"), str):
                yield Part(Kind.TEXT, "content", index, text=part["text"])
            else:
                yield Part(Kind.MEDIA, "content", index, value=part)


def _said(item: Mapping[str, Any]) -> dict[str, Any]:
    """An item without what changes from one sending to the next."""
    return {name: value for name, value in item.items() if name not in ("id", "call_id", "status")}
