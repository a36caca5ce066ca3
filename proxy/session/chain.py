"""Recognises the same past again: a digest over the content of all entries up to one, keyed by the caller.

Content is what a model reads: role, text, tool names, arguments, results, media. Ids, cache marks, key order, white
space of the JSON, opaque items, and whether one text stands as a string or as a part, make no difference. Only the
digests are ever kept, and without the caller's key nobody can tell what they stand for.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any, Final

import orjson

from proxy.session.turn import Entry, History, Kind, Part, Role

_BYTES: Final = 16  # of each digest: enough to never meet by chance
_MARKS: Final = frozenset({"cache_control", "cachePoint", "id", "status"})
_UNREADABLE: Final = b"unreadable"


def caller_key(secret: bytes, *scope: str) -> bytes:
    """A key of its own for a caller, and for what else parts one thread from another (an upstream, a model)."""
    return hmac.digest(secret, "\0".join(("llm-triage history", *scope)).encode("utf-8", "surrogatepass"), "sha256")


def label(key: bytes, *what: bytes) -> str:
    """A name for something of a caller's that tells nobody who the caller is or what it is."""
    return hmac.digest(key, b"\0".join(what), "sha256").hex()[: 2 * _BYTES]


def chain(history: History, key: bytes) -> tuple[str, ...]:
    """For each entry that a request can end with an HMAC over the canonical content up to it, "" for the others."""
    running = hmac.new(key, history.dialect.encode(), hashlib.sha256)
    digests: list[str] = []
    unread: list[bytes] = []
    for entry, after in zip(history.entries, (*history.entries[1:], None), strict=True):
        unread.append(canonical(entry))
        if entry.role is Role.USER or (entry.role is Role.TOOL and (after is None or after.role is not Role.TOOL)):
            running.update(b"".join(unread))
            unread.clear()
            digests.append(running.copy().hexdigest()[: 2 * _BYTES])
        else:
            digests.append("")
    return tuple(digests)


def canonical(entry: Entry) -> bytes:
    """What an entry says, framed so that no text can pass for another entry; empty where it says nothing."""
    said = b"".join(map(_part, entry.parts))
    return b"%b%d{%b}" % (entry.role.encode(), len(said), said) if said else b""


def _part(part: Part) -> bytes:
    kind = part.kind
    if kind is Kind.TEXT:
        said = _utf8(part.text) if part.text else b""
        return b"T%d:%b" % (len(said), said) if said else b""
    if kind is Kind.REASONING:
        return b""
    said = _value(part.value)
    if kind is Kind.CALL:
        name = _utf8(part.name)
        return b"C%d:%bA%d:%b" % (len(name), name, len(said), said)
    return b"%b%d:%b" % (b"R" if kind is Kind.RESULT else b"M", len(said), said)


def _utf8(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _value(value: object) -> bytes:
    if isinstance(value, str):
        return _utf8(value)
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], dict):
        text = value[0].get("text")
        if isinstance(text, str):  # a result as its only text part
            return _utf8(text)
    try:
        return _sorted(_unmarked(value))
    except RecursionError:
        return _UNREADABLE


def _unmarked(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _unmarked(each) for name, each in value.items() if name not in _MARKS}
    if isinstance(value, list):
        return [_unmarked(each) for each in value]
    return value


def _sorted(value: object) -> bytes:
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except orjson.JSONEncodeError:  # deeper than 254 levels, or half of a surrogate pair
        return json.dumps(value, sort_keys=True).encode()
