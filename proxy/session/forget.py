"""Handles to state on the provider's side: which a request holds, and the request without a stale one.

Only where the request itself holds the full history is it sent without the handle; else the client alone can rebuild.
"""

from __future__ import annotations

from typing import Any, Final

from proxy.model import Dialect
from proxy.session import span
from proxy.session.faults import faults
from proxy.session.history import parse, read_document
from proxy.session.turn import Fault, Role

# By dialect; what goes stale most often first.
_HANDLES: Final = {
    Dialect.OPENAI_CHAT: ("previous_response_id", "conversation", "conversation_id", "session_id", "container"),
    Dialect.RESPONSES: ("previous_response_id", "conversation", "container"),
    Dialect.ANTHROPIC: ("container",),
    Dialect.GEMINI: ("cachedContent", "cached_content"),
}
HANDLES: Final = frozenset(member for members in _HANDLES.values() for member in members)

# A cache holds the beginning of every request that names it (documents, system instruction, tools), never the end.
_NEVER_REPEATED: Final = frozenset({"cachedContent", "cached_content"})
# These hold a place for files and processes, no part of the history.
_NO_HISTORY: Final = frozenset({"container"})


def handles(dialect: Dialect, document: Any) -> tuple[str, ...]:
    """The members of a request that hold a handle, the likeliest to go stale first."""
    if not isinstance(document, dict):
        return ()
    return tuple(member for member in _HANDLES[dialect] if _holds(document, member))


def _holds(document: dict[str, Any], member: str) -> bool:
    value = document.get(member)
    if member == "container":
        named = value.get("id") if isinstance(value, dict) else value
        return bool(named or _bound_tools(document))
    return bool(value)


def forget(dialect: Dialect, body: bytes, member: str) -> bytes | None:
    """The request without the handle in `member`; None where it holds none, or not all that the handle stood for."""
    document = parse(body)
    if member not in handles(dialect, document) or member in _NEVER_REPEATED:
        return None
    if member not in _NO_HISTORY and not _is_whole(dialect, document, member):
        return None
    start = body.index(b"{")
    request = body[start:]
    if member == "container":
        return body[:start] + _without_container(request, document)
    return body[:start] + span.without_member(request, member)


def _is_whole(dialect: Dialect, document: dict[str, Any], member: str) -> bool:
    """A client that relies on the handle sends what is new; one that sends everything sends the model's words too."""
    alone = {name: value for name, value in document.items() if name != member}
    history = read_document(dialect, alone)
    if history is None or history.continues:
        return False
    roles = [entry.role for entry in history.entries if entry.role is not Role.SYSTEM]
    return (
        Role.ASSISTANT in roles and roles[0] is Role.USER and not faults(history, frozenset({Fault.ORPHAN_TOOL_RESULT}))
    )


def _without_container(raw: bytes, document: dict[str, Any]) -> bytes:
    if bound := _bound_tools(document):
        tools = span.member(raw, "tools")
        assert tools is not None
        array = tools.value.of(raw)
        spans = span.elements(array)
        pieces: list[tuple[int | None, bytes]] = []
        for place, each in enumerate(spans):
            tool = each.of(array)
            pieces.append((place, span.with_member(tool, "container", b'{"type":"auto"}') if place in bound else tool))
        raw = span.with_member(raw, "tools", span.rearrange(array, spans, pieces))
    container = span.member(raw, "container")
    if container is None:
        return raw
    # An object names more than the id: the skills to load into a new one.
    if isinstance(document["container"], dict) and set(document["container"]) - {"id"}:
        return span.with_member(raw, "container", span.without_member(container.value.of(raw), "id"))
    return span.without_member(raw, "container")


def _bound_tools(document: dict[str, Any]) -> frozenset[int]:
    """Tools bound to a container by its id; one that says how to make a container is no handle."""
    tools = document.get("tools")
    return frozenset(
        place
        for place, tool in enumerate(tools if isinstance(tools, list) else ())
        if isinstance(tool, dict) and isinstance(tool.get("container"), str)
    )
