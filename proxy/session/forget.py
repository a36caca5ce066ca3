"""Handles to state on the provider's side: which a request holds, and the request without a stale one.

Only where the request itself holds the full history is it sent without the handle; else the client alone can rebuild.
"""

from __future__ import annotations

from typing import Any, Final

from proxy.model import Dialect

_HANDLES: Final = {
    Dialect.OPENAI_CHAT: ("previous_response_id", "conversation", "conversation_id", "session_id", "container"),
    Dialect.RESPONSES: ("previous_response_id", "conversation", "container"),
    Dialect.ANTHROPIC: ("container",),
    Dialect.GEMINI: ("cachedContent", "cached_content"),
}
HANDLES: Final = frozenset(member for members in _HANDLES.values() for member in members)


def handles(dialect: Dialect, document: Any) -> tuple[str, ...]:
    """The members of a request that hold a handle, the likeliest to go stale first."""
    if not isinstance(document, dict):
        return ()
    return tuple(member for member in _HANDLES[dialect] if _holds(dialect, document, member))


def _holds(dialect: Dialect, document: dict[str, Any], member: str) -> bool:
    if document.get(member):
        return True
    return dialect is Dialect.RESPONSES and member == "container" and bool(_tools_with_container(document))


def _tools_with_container(document: dict[str, Any]) -> list[int]:
    """Tools bound to a container by its id; one that says how to make a container is no handle."""
    tools = document.get("tools")
    return [
        place
        for place, tool in enumerate(tools if isinstance(tools, list) else ())
        if isinstance(tool, dict) and isinstance(tool.get("container"), str)
    ]
