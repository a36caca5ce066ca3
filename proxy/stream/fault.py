"""Is this event an error? The forms that providers share, whatever their dialect; what it means is the classifier's.

When in doubt it is none: a good answer that talks about errors, or has an empty `error` member, is a good answer.
"""

from __future__ import annotations

from typing import Any

from proxy.stream.sse import Event


def is_error(event: Event, body: Any, business_codes: tuple[str, ...] = ()) -> bool:
    """`body` is the event's data as JSON, None where it is none. `business_codes`: dotted members that hold a status."""
    if not isinstance(body, dict):
        return event.name == b"error" and bool(event.data)
    if "jsonrpc" in body:
        return False  # an answer of a tool: MCP tells its own errors so
    if event.name == b"error" or has_content(body.get("error")):
        return True
    # Anthropic, OpenAI's Responses (whose SDKs read the type and not the event's name); vLLM's older servers.
    if body.get("type") == "error" or body.get("object") == "error":
        return any(has_content(body.get(name)) for name in ("message", "code"))
    return any(_is_failure(_member(body, code)) for code in business_codes)


def has_content(error: Any) -> bool:
    """Whether an `error` member says anything: null, "", {} and objects of nothing but these and zeros do not."""
    if isinstance(error, dict):
        return any(has_content(value) for value in error.values())
    return bool(error)


def _member(body: dict[str, Any], path: str) -> Any:
    value: Any = body
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _is_failure(code: Any) -> bool:
    """A business code beside a 200: zero and 200 are success (https://platform.minimaxi.com/document/error_code)."""
    text = str(code) if isinstance(code, int | str) and not isinstance(code, bool) else ""
    return text.isdigit() and int(text) not in (0, 200)
