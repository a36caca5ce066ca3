"""The history of a generateContent request: `contents`. Reads it; finding and mending faults is the session's.

Members are read in both spellings of protobuf's JSON: functionCall and function_call.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from proxy.model import Dialect
from proxy.session.turn import Entry, Grammar, History, Kind, Part, Role, in_their_role, string

# A function response turn comes right after its function call turn and has as many parts:
# https://ai.google.dev/gemini-api/docs/function-calling
GRAMMAR: Final = Grammar(
    member="contents",
    closes=frozenset({Role.SYSTEM, Role.USER, Role.ASSISTANT, Role.OTHER}),
    results_speak_as_user=True,
)

_ROLES: Final = {
    "user": Role.USER,
    "model": Role.ASSISTANT,
    "function": Role.TOOL,
    "system": Role.SYSTEM,
    "": Role.USER,
}
# What Google documents for a call whose signature is not at hand: https://ai.google.dev/gemini-api/docs/thought-signatures
NO_SIGNATURE: Final = "skip_thought_signature_validator"


def read(document: Mapping[str, Any]) -> History | None:
    contents = document.get("contents")
    if isinstance(contents, dict):
        contents = [contents]
    if not isinstance(contents, list):
        return None
    return History(
        dialect=Dialect.GEMINI,
        grammar=GRAMMAR,
        entries=tuple(map(entry, contents)),
        continues=bool(_either(document, "cachedContent", "cached_content")),
        has_tools=bool(document.get("tools")),
    )


def entry(content: object) -> Entry:
    if not isinstance(content, dict):
        return Entry(Role.OTHER)
    wire_role = content.get("role") or ""
    role = _ROLES.get(wire_role, Role.OTHER) if isinstance(wire_role, str) else Role.OTHER
    wire_parts = content.get("parts")
    if isinstance(wire_parts, dict):
        parts = in_their_role(role, [_part(-1, wire_parts)])
    elif isinstance(wire_parts, list):
        parts = in_their_role(role, (_part(index, part) for index, part in enumerate(wire_parts)))
    else:
        return Entry(role)
    if role is Role.USER and any(part.kind is Kind.RESULT for part in parts):
        role = Role.TOOL
    return Entry(role, parts)


def _part(index: int, part: object) -> Part:
    if not isinstance(part, dict):
        return Part(Kind.MEDIA, "parts", index, value=part)
    opaque = _either(part, "thoughtSignature", "thought_signature") not in (None, "", NO_SIGNATURE)
    call = _either(part, "functionCall", "function_call")
    if isinstance(call, dict):
        return Part(
            Kind.CALL,
            "parts",
            index,
            id=string(call.get("id")),
            name=string(call.get("name")),
            value=call.get("args"),
            opaque=opaque,
        )
    result = _either(part, "functionResponse", "function_response")
    if isinstance(result, dict):
        return Part(
            Kind.RESULT,
            "parts",
            index,
            id=string(result.get("id")),
            name=string(result.get("name")),
            value=result.get("response"),
        )
    text = part.get("text")
    if isinstance(text, str):
        kind = Kind.REASONING if part.get("thought") is True else Kind.TEXT
        return Part(kind, "parts", index, text=text, opaque=opaque)
    if not part.keys() - {"thoughtSignature", "thought_signature", "thought"}:
        return Part(Kind.TEXT, "parts", index, text="", opaque=opaque)
    return Part(Kind.MEDIA, "parts", index, value=part, opaque=opaque)


def _either(of: Mapping[str, Any], camel: str, snake: str) -> Any:
    value = of.get(camel)
    return of.get(snake) if value is None else value
