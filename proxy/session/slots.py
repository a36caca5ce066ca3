"""The entries of a request beside their bytes, while a history is mended; and the request made of them again.

A slot that nobody touches keeps its bytes. What is to be touched is decided by the stages of `heal`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from proxy.session import span
from proxy.session.history import parse
from proxy.session.mending import NO_RESULT, Mending
from proxy.session.turn import Entry, Fault, Found, History, Part, Role


@dataclass(frozen=True, slots=True)
class Slot:
    """An entry, its bytes, and its position in the request as the client sent it; None: it was not there."""

    raw: bytes
    entry: Entry
    origin: int | None = None


@dataclass(slots=True)
class Work:
    """A history under repair."""

    history: History
    mending: Mending
    refuses: frozenset[str]
    slots: list[Slot]
    repairs: set[Found] = field(default_factory=set)
    _cuts: dict[tuple[bytes, str], list[bytes]] = field(default_factory=dict)

    def now(self) -> History:
        """The history as it stands after the repairs so far."""
        return replace(self.history, entries=tuple(slot.entry for slot in self.slots))

    def told(self, position: int, fault: Fault) -> None:
        """Remember that an entry, by its position now, was mended."""
        if (origin := self.slots[position].origin) is not None:
            self.repairs.add(Found(origin, fault))

    def newest(self) -> frozenset[int]:
        """What nobody takes away or alters: the last user message, and the last run of results if it stands after it.

        Placeholders are no input, or mending a second time would find another newest input than the first.
        """
        found: set[int] = set()
        for at in range(len(self.slots) - 1, -1, -1):
            slot = self.slots[at]
            if slot.entry.role is Role.USER:
                found.add(at)
                break
            in_run = not found or (at + 1 in found and not self.mending.shares)
            if slot.entry.role is Role.TOOL and in_run and not _is_placeholder(slot):
                found.add(at)
        return frozenset(found)

    def new(self, raw: bytes, origin: int | None = None) -> Slot:
        return Slot(raw, self.mending.entry(parse(raw)), origin)

    def without(self, slot: Slot, places: Iterable[int]) -> Slot | None:
        """A slot without some of its parts; None where nothing of it is left."""
        gone = frozenset(places)
        if not gone:
            return slot
        if len(gone) == len(slot.entry.parts):
            return None
        by_member: defaultdict[str, set[int]] = defaultdict(set)
        for place in gone:
            by_member[slot.entry.parts[place].member].add(slot.entry.parts[place].nth)
        raw = slot.raw
        for name, indexes in by_member.items():
            whole = sum(part.member == name for part in slot.entry.parts) == len(indexes)
            if not whole:
                found = span.member(raw, name)
                assert found is not None
                value = span.without_elements(found.value.of(raw), frozenset(indexes))
                raw = span.with_member(raw, name, value)
            elif name == self.mending.content and self.mending.null_content:
                raw = span.with_member(raw, name, b"null")
            else:
                raw = span.without_member(raw, name)
        return self.new(raw, slot.origin)

    def lifted(self, slot: Slot, part: Part) -> bytes:
        """The bytes of one part."""
        if not part.member:
            return slot.raw
        return self._pieces(slot, part.member)[max(part.nth, 0)]

    def exchanged(self, slot: Slot, news: Mapping[int, bytes]) -> Slot:
        """A slot with other bytes for some of its parts."""
        by_member: defaultdict[str, dict[int, bytes]] = defaultdict(dict)
        for place, value in news.items():
            part = slot.entry.parts[place]
            if not part.member:
                return self.new(value, slot.origin)
            by_member[part.member][part.nth] = value
        raw = slot.raw
        for name, values in by_member.items():
            whole = values.get(-1)
            if whole is None:
                found = span.member(raw, name)
                assert found is not None
                array = found.value.of(raw)
                spans = span.elements(array)
                kept = [(at, values.get(at, each.of(array))) for at, each in enumerate(spans)]
                whole = span.rearrange(array, spans, kept)
            raw = span.with_member(raw, name, whole)
        return self.new(raw, slot.origin) if news else slot

    def _pieces(self, slot: Slot, name: str) -> list[bytes]:
        """What a member of a slot holds, cut once however many parts are asked for."""
        found = self._cuts.get((slot.raw, name))
        if found is None:
            held = span.member(slot.raw, name)
            assert held is not None
            value = held.value.of(slot.raw)
            found = [each.of(value) for each in span.elements(value)] if value.startswith(b"[") else [value]
            self._cuts[slot.raw, name] = found
        return found

    def led_by(self, slot: Slot, pieces: Sequence[bytes]) -> Slot:
        """A message with these parts before its own content."""
        name = self.mending.content
        found = span.member(slot.raw, name)
        value = b"[]" if found is None else found.value.of(slot.raw)
        if not value.startswith(b"["):
            value = b"[" + (self.mending.text(value) if value.startswith(b'"') else value) + b"]"
        spans = span.elements(value)
        own = ((at, each.of(value)) for at, each in enumerate(spans))
        value = span.rearrange(value, spans, [*((None, piece) for piece in pieces), *own])
        return self.new(span.with_member(slot.raw, name, value), slot.origin)


@dataclass(frozen=True, slots=True)
class Frame:
    """A request around its entries, from which it is made again with others."""

    body: bytes
    array: span.Span
    spans: Sequence[span.Span]  # of the entries, within the array

    @classmethod
    def of(cls, body: bytes, member: str) -> Frame | None:
        """None where the entries are not an array."""
        found = span.member(body, member, body.index(b"{"))
        if found is None or body[found.value.start : found.value.start + 1] != b"[":
            return None
        return cls(body, found.value, span.elements(found.value.of(body)))

    def cut(self, entries: Sequence[Entry]) -> list[Slot]:
        value = self.array.of(self.body)
        both = enumerate(zip(self.spans, entries, strict=True))
        return [Slot(each.of(value), entry, position) for position, (each, entry) in both]

    def joined(self, slots: Sequence[Slot]) -> bytes:
        """The request with these entries, every other byte as it was."""
        value = span.rearrange(self.array.of(self.body), self.spans, [(slot.origin, slot.raw) for slot in slots])
        return self.body[: self.array.start] + value + self.body[self.array.end :]


def is_input(slot: Slot) -> bool:
    return slot.entry.role in (Role.USER, Role.TOOL)


def _is_placeholder(slot: Slot) -> bool:
    """Whether it holds nothing but placeholders."""
    return slot.raw.count(NO_RESULT.encode()) >= len(slot.entry.parts) > 0
