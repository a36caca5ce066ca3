"""The text of an event stream as events. Where one ends in bytes that arrive cut anywhere is `boundary.py`'s.

https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

BOM: Final = b"\xef\xbb\xbf"

_LINE: Final = re.compile(rb"([^\r\n]*)(\r\n|\n|\r|\Z)")


@dataclass(frozen=True, slots=True)
class Event:
    """One event. `raw` is its whole text, comments among it: DashScope writes the HTTP status into one."""

    raw: bytes
    name: bytes = b""
    data: bytes | None = None  # None: no data field, so a browser would not dispatch it
    id: bytes | None = None
    retry_ms: int | None = None

    @property
    def is_ping(self) -> bool:
        """Keeps the connection alive and says nothing of the answer."""
        return self.name == b"ping"


def events(text: bytes, *, unfinished: bool = False) -> list[Event]:
    """The events of a text that begins where one begins. `unfinished`: the last one may lack its blank line."""
    found: list[Event] = []
    at = 0
    fields: dict[bytes, bytes] = {}
    data: list[bytes] = []
    for line in _LINE.finditer(text):
        content, end = line.groups()
        if not content:
            if (fields or data) and (end or unfinished):
                found.append(_event(text[at : line.end()], fields, data))
                fields, data = {}, []
            if end:
                at = line.end()
            continue
        name, _, value = content.partition(b":")
        if value.startswith(b" "):
            value = value[1:]
        if name == b"data":
            data.append(value)
        elif name in (b"event", b"retry") or (name == b"id" and b"\0" not in value):
            fields[name] = value
    return found


def is_blank(text: bytes) -> bool:
    """Whether the text, which begins where an event begins, holds nothing but comments and empty lines."""
    return all(not line or line.startswith(b":") for line in text.replace(b"\r", b"\n").split(b"\n"))


def _event(raw: bytes, fields: dict[bytes, bytes], data: list[bytes]) -> Event:
    retry = fields.get(b"retry", b"")
    return Event(
        raw,
        fields.get(b"event", b""),
        (data[0] if len(data) == 1 else b"\n".join(data)) if data else None,
        fields.get(b"id"),
        int(retry) if retry.isdigit() and len(retry) < 10 else None,
    )
