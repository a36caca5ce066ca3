"""Stages of healing: messages without content, blank content, reasoning that leads nowhere, opaque items."""

from __future__ import annotations

from collections.abc import Callable

from proxy.session import span
from proxy.session.faults import dangling, has_blank, is_blank, is_empty_message
from proxy.session.mending import NOTHING_RETURNED, dump
from proxy.session.slots import Slot, Work
from proxy.session.turn import Fault, Kind, Part


def mend_empty_messages(work: Work) -> None:
    history = work.now()
    _each(work, Fault.EMPTY_MESSAGE, lambda at, slot: None if is_empty_message(history, at) else slot)


def mend_blank_contents(work: Work) -> None:
    words = dump(NOTHING_RETURNED)

    def speaking(result: bytes) -> bytes:
        return span.with_member(result, work.mending.result, words)

    def filled(_: int, slot: Slot) -> Slot | None:
        if not has_blank(slot.entry):
            return slot
        if work.mending.result:
            blank = _places(slot, lambda part: part.kind is Kind.RESULT and is_blank(part))
            slot = work.exchanged(slot, {at: speaking(work.lifted(slot, slot.entry.parts[at])) for at in blank})
        return work.without(slot, _places(slot, lambda part: part.kind is Kind.TEXT and is_blank(part)))

    _each(work, Fault.EMPTY_CONTENT, filled)


def mend_reasoning(work: Work) -> None:
    leads_nowhere = dangling(work.now())

    def ended(at: int, slot: Slot) -> Slot | None:
        if at not in leads_nowhere:
            return slot
        first = len(slot.entry.parts)
        while first and slot.entry.parts[first - 1].kind is Kind.REASONING:
            first -= 1
        return work.without(slot, range(first, len(slot.entry.parts)))

    _each(work, Fault.MISSING_ITEM_AFTER_REASONING, ended)


def mend_opaque(work: Work) -> None:
    unsigned = work.mending.unsigned

    def readable(_: int, slot: Slot) -> Slot | None:
        if unsigned is None:
            return work.without(slot, _places(slot, lambda part: part.opaque and part.kind is Kind.REASONING))
        opaque = _places(slot, lambda part: part.opaque)
        return work.exchanged(slot, {at: unsigned(work.lifted(slot, slot.entry.parts[at])) for at in opaque})

    _each(work, Fault.UNDECRYPTABLE_ITEM, readable)


def _places(slot: Slot, wanted: Callable[[Part], bool]) -> list[int]:
    return [place for place, part in enumerate(slot.entry.parts) if wanted(part)]


def _each(work: Work, fault: Fault, mend: Callable[[int, Slot], Slot | None]) -> None:
    """Put every slot but the newest input through `mend`; None drops it."""
    newest = work.newest()
    kept: list[Slot] = []
    for at, slot in enumerate(work.slots):
        mended = slot if at in newest else mend(at, slot)
        if mended is not slot:
            work.told(at, fault)
        if mended is not None:
            kept.append(mended)
    work.slots = kept
