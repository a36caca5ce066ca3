"""Where the values of a JSON text stand in its bytes, so that one can be changed and every other byte kept.

The text is known to be valid: it was parsed before. Nothing here recurses, so depth is no danger.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

# Possessive throughout: nothing is tried twice, however long or odd the text.
_STRING: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
_TO_BRACKET: Final = re.compile(rb'[^"\[\]{}]*+(?:' + _STRING.pattern + rb'[^"\[\]{}]*+)*+[\[\]{}]', re.DOTALL)
_SCALAR: Final = re.compile(rb"[^\s,\]}]+")
_SPACE: Final = re.compile(rb"\s*")
_OPENS: Final = b"[{"


@dataclass(frozen=True, slots=True)
class Span:
    """A value, from its first byte to after its last."""

    start: int
    end: int

    def of(self, raw: bytes) -> bytes:
        return raw[self.start : self.end]


@dataclass(frozen=True, slots=True)
class Member:
    """A member of an object: its whole text with the name, and its value alone."""

    name: str
    whole: Span
    value: Span


def elements(raw: bytes, start: int = 0) -> list[Span]:
    """The elements of the array that opens at `start`."""
    found = []
    at = _skip(raw, start + 1)
    while raw[at] != 0x5D:  # ]
        end = _end(raw, at)
        found.append(Span(at, end))
        at = _next(raw, end)
    return found


def members(raw: bytes, start: int = 0) -> list[Member]:
    """The members of the object that opens at `start`; a name may come twice."""
    found = []
    at = _skip(raw, start + 1)
    while raw[at] != 0x7D:  # }
        named = _end(raw, at)
        value = _skip(raw, _skip(raw, named) + 1)
        end = _end(raw, value)
        found.append(Member(json.loads(raw[at:named]), Span(at, end), Span(value, end)))
        at = _next(raw, end)
    return found


def member(raw: bytes, name: str, start: int = 0) -> Member | None:
    """The member that counts: the last of its name."""
    return next((found for found in reversed(members(raw, start)) if found.name == name), None)


def rearrange(raw: bytes, spans: Sequence[Span], pieces: Iterable[tuple[int | None, bytes]]) -> bytes:
    """An array or object whose parts stand at `spans`, with these pieces in their place.

    A piece says which part it was (None: new), so that the white space between parts that stay together stays too.
    """
    if not spans:
        return raw[:1] + b",".join(piece for _, piece in pieces) + raw[-1:]
    between = raw[spans[0].end : spans[1].start] if len(spans) > 1 else b","
    out = [raw[: spans[0].start]]
    before: int | None = None
    for number, (origin, piece) in enumerate(pieces):
        if number and before is not None and origin == before + 1:
            out.append(raw[spans[before].end : spans[origin].start])
        elif number:
            out.append(between)
        out.append(piece)
        before = origin
    out.append(raw[spans[-1].end :])
    return b"".join(out)


def without_elements(raw: bytes, gone: frozenset[int]) -> bytes:
    """An array without some of its elements."""
    spans = elements(raw)
    return rearrange(raw, spans, [(at, span.of(raw)) for at, span in enumerate(spans) if at not in gone])


def without_member(raw: bytes, name: str) -> bytes:
    """An object without a member."""
    spans = members(raw)
    kept = [(at, found.whole.of(raw)) for at, found in enumerate(spans) if found.name != name]
    return rearrange(raw, [found.whole for found in spans], kept)


def with_member(raw: bytes, name: str, value: bytes) -> bytes:
    """An object with another value for a member, which is added where it is missing."""
    found = member(raw, name)
    if found is not None:
        return raw[: found.value.start] + value + raw[found.value.end :]
    spans = [each.whole for each in members(raw)]
    added = b'"' + name.encode() + b'":' + value
    return rearrange(raw, spans, [*((at, span.of(raw)) for at, span in enumerate(spans)), (None, added)])


def _end(raw: bytes, at: int) -> int:
    """The end of the value that begins at `at`."""
    if raw[at] == 0x22:  # "
        return _matched(_STRING, raw, at)
    if raw[at] not in _OPENS:
        return _matched(_SCALAR, raw, at)
    depth = 0
    while True:
        at = _matched(_TO_BRACKET, raw, at)
        depth += 1 if raw[at - 1] in _OPENS else -1
        if not depth:
            return at


def _matched(pattern: re.Pattern[bytes], raw: bytes, at: int) -> int:
    found = pattern.match(raw, at)
    if found is None:
        raise ValueError("no JSON value here")
    return found.end()


def _skip(raw: bytes, at: int) -> int:
    return _matched(_SPACE, raw, at)


def _next(raw: bytes, end: int) -> int:
    """From the end of a part to the beginning of the next, or to the closing bracket."""
    at = _skip(raw, end)
    return _skip(raw, at + 1) if raw[at] == 0x2C else at  # ,
