"""The history of a chat completions request: `messages`. Reads it; finding and mending faults is the session's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from proxy.model import Dialect
from proxy.session.turn import Entry, Grammar, History, Kind, Part, Role, string

GRAMMAR: Final = Grammar(
    member="messages",
    closes=frozenset({Role.SYSTEM, Role.USER, Role.ASSISTANT, Role.OTHER}),
)

_ROLES: Final = {
    "system": Role.SYSTEM,
    "developer": Role.SYSTEM,
    "user": Role.USER,
    "assistant": Role.ASSISTANT,
    "tool": Role.TOOL,
    "function": Role.TOOL,
}


def read(document: Mapping[str, Any]) -> History | None:
    messages = document.get("messages")
    if not isinstance(messages, list):
        return None
    return History(
        dialect=Dialect.OPENAI_CHAT,
        grammar=GRAMMAR,
        entries=tuple(map(entry, messages)),
        has_tools=bool(document.get("tools") or document.get("functions")),
    )


def entry(message: object) -> Entry:
    if not isinstance(message, dict):
        return Entry(Role.OTHER)
    wire_role = message.get("role")
    role = _ROLES.get(wire_role, Role.OTHER) if isinstance(wire_role, str) else Role.OTHER
    if role is Role.TOOL:
        return Entry(role, (_result(message),))
    content = message.get("content")
    parts = [Part(Kind.TEXT, "content", text=content)] if isinstance(content, str) else _parts(content)
    if role is Role.ASSISTANT:
        parts += _calls(message)
        parts.extend(
            Part(Kind.MEDIA, member, value=message[member]) for member in ("audio", "refusal") if message.get(member)
        )
    return Entry(role, tuple(parts))


def _result(message: Mapping[str, Any]) -> Part:
    content = message.get("content")
    return Part(
        Kind.RESULT,
        id=string(message.get("tool_call_id")),
        name=string(message.get("name")),
        value=content,
        # The legacy `function` role names its call by the tool alone, and no provider is known to hold it to that.
        loose=message.get("role") == "function",
    )


def _parts(content: object) -> list[Part]:
    if isinstance(content, list):
        return [_part(index, part) for index, part in enumerate(content)]
    return [] if content is None else [Part(Kind.MEDIA, "content", value=content)]


def _part(index: int, part: object) -> Part:
    text = part.get("text") if isinstance(part, dict) else None
    if isinstance(text, str):
        return Part(Kind.TEXT, "content", index, text=text)
    return Part(Kind.MEDIA, "content", index, value=part)


def _calls(message: Mapping[str, Any]) -> Iterator[Part]:
    calls = message.get("tool_calls")
    for index, call in enumerate(calls if isinstance(calls, list) else ()):
        if isinstance(call, dict):
            form = "custom" if call.get("type") == "custom" else "function"
            body = call.get(form)
            said = body if isinstance(body, dict) else {}
            yield Part(
                Kind.CALL,
                "tool_calls",
                index,
                id=string(call.get("id")),
                name=string(said.get("name")),
                value=said.get("input" if form == "custom" else "arguments"),
                form=form,
            )
    legacy = message.get("function_call")
    if isinstance(legacy, dict):
        yield Part(
            Kind.CALL,
            "function_call",
            name=string(legacy.get("name")),
            value=legacy.get("arguments"),
            loose=True,
        )
