"""Stages of healing: the order of roles, for providers that insist on it.

Two messages of one speaker become one. Where one of them is the newest input, which nobody touches, or holds more than
its words, a neutral message of the other speaker is put between.
"""

from __future__ import annotations

from proxy.session import span
from proxy.session.faults import may_follow
from proxy.session.slots import Slot, Work
from proxy.session.turn import Fault, Role


def mend_first_role(work: Work) -> None:
    for at, slot in enumerate(work.slots):
        if slot.entry.role is Role.ASSISTANT:
            work.told(at, Fault.FIRST_ROLE)
            work.slots.insert(at, work.new(work.mending.opening))
            return
        if slot.entry.role is not Role.SYSTEM:
            return


def mend_role_order(work: Work) -> None:
    history = work.now()
    newest = work.newest()
    kept: list[Slot] = []
    before: int | None = None  # in `kept`: who spoke last
    for at, slot in enumerate(work.slots):
        role = slot.entry.role
        if role in (Role.SYSTEM, Role.OTHER):
            kept.append(slot)
            continue
        current = slot
        if before is not None and not may_follow(history, kept[before].entry.role, role):
            one = None
            if before == len(kept) - 1 and at not in newest:
                one = _as_one(work, kept[before], slot)
            if one is not None:
                kept.pop()
                current = one
                work.told(at, Fault.ROLE_ORDER)
            elif role is Role.USER:
                kept.append(work.new(work.mending.bridge))
                work.told(at, Fault.ROLE_ORDER)
        kept.append(current)
        before = len(kept) - 1
    work.slots = kept


def _as_one(work: Work, first: Slot, second: Slot) -> Slot | None:
    """Both messages as the second, where the first says nothing beside its content."""
    name = work.mending.content
    if first.entry.role is not second.entry.role and not work.mending.shares:
        return None
    if {member.name for member in span.members(first.raw)} - {"role", name}:
        return None
    spoken = [span.member(slot.raw, name) for slot in (first, second)]
    values = [
        b"null" if found is None else found.value.of(slot.raw)
        for found, slot in zip(spoken, (first, second), strict=True)
    ]
    content = _contents_as_one(work, *values)
    return None if content is None else work.new(span.with_member(second.raw, name, content), second.origin)


def _contents_as_one(work: Work, first: bytes, second: bytes) -> bytes | None:
    blank = (b"null", b'""', b"[]")
    if first in blank or second in blank:
        return second if first in blank else first
    if first.startswith(b'"') and second.startswith(b'"'):
        return first[:-1] + rb"\n\n" + second[1:]
    pieces: list[tuple[int | None, bytes]] = []
    for value in (first, second):
        if value.startswith(b"["):
            pieces += [(None, each.of(value)) for each in span.elements(value)]
        elif value.startswith(b'"'):
            pieces.append((None, work.mending.text(value)))
        else:
            return None
    return b"[" + b",".join(piece for _, piece in pieces) + b"]"
