"""The history of a messages request: `messages`. Reads it; finding and mending faults is the session's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from proxy.model import Dialect
from proxy.session.turn import Entry, Grammar, History, Kind, Part, Role, in_their_role, string

# Consecutive messages of one role count as one turn; in it the results of the turn before come first, then the rest:
# https://docs.claude.com/en/docs/agents-and-tools/tool-use/implement-tool-use
GRAMMAR: Final = Grammar(
    member="messages",
    closes=frozenset({Role.ASSISTANT}),
    results_first=True,
    results_speak_as_user=True,
    unique_calls=True,
    reasoning_leads=True,
    blank_ending=True,
)

_ROLES: Final = {"system": Role.SYSTEM, "user": Role.USER, "assistant": Role.ASSISTANT}


def read(document: Mapping[str, Any]) -> History | None:
    messages = document.get("messages")
    if not isinstance(messages, list):
        return None
    return History(
        dialect=Dialect.ANTHROPIC,
        grammar=GRAMMAR,
        entries=tuple(map(entry, messages)),
        has_tools=bool(document.get("tools")),
    )


def entry(message: object) -> Entry:
    if not isinstance(message, dict):
        return Entry(Role.OTHER)
    wire_role = message.get("role")
    role = _ROLES.get(wire_role, Role.OTHER) if isinstance(wire_role, str) else Role.OTHER
    content = message.get("content")
    if isinstance(content, str):
        return Entry(role, (Part(Kind.TEXT, "content", text=content),))
    if not isinstance(content, list):
        return Entry(role)
    parts = in_their_role(role, (_part(index, block) for index, block in enumerate(content)))
    if role is Role.USER and any(part.kind is Kind.RESULT for part in parts):
        role = Role.TOOL
    return Entry(role, parts)


def _part(index: int, block: object) -> Part:
    if not isinstance(block, dict):
        return Part(Kind.MEDIA, "content", index, value=block)
    form = block.get("type")
    if not isinstance(form, str):
        return Part(Kind.MEDIA, "content", index, value=block)
    if form == "text":
        text = block.get("text")
        return Part(Kind.TEXT, "content", index, text=text if isinstance(text, str) else "")
    if form in ("thinking", "redacted_thinking"):
        return Part(Kind.REASONING, "content", index, value=block.get("thinking"), form=form, opaque=True)
    if form in ("tool_use", "server_tool_use", "mcp_tool_use"):
        return Part(
            Kind.CALL,
            "content",
            index,
            id=string(block.get("id")),
            name=string(block.get("name")),
            value=block.get("input"),
            form=form,
            hosted=form != "tool_use",
        )
    if form.endswith("tool_result"):  # also web_search_tool_result, code_execution_tool_result, ...
        return Part(
            Kind.RESULT,
            "content",
            index,
            id=string(block.get("tool_use_id")),
            value=block.get("content"),
            form=form,
            hosted=form != "tool_result",
        )
    return Part(Kind.MEDIA, "content", index, value=block, form=form)
