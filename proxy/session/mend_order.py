"""Stages of healing: the order of roles, for providers that insist on it.

Messages of one speaker in a row become one. Where one of them is the newest input, which nobody touches, or holds more
than its words, a neutral message of the other speaker is put between.
"""

from __future__ import annotations

from collections.abc import Sequence

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
    history, newest = work.now(), work.newest()
    runs: list[list[Slot]] = []
    spoke: int | None = None  # the run that spoke last
    for at, slot in enumerate(work.slots):
        role = slot.entry.role
        if not role.is_spoken:
            runs.append([slot])
            continue
        if spoke is not None and not may_follow(history, runs[spoke][-1].entry.role, role):
            if spoke == len(runs) - 1 and at not in newest and _can_join(work, runs[spoke][-1], slot):
                runs[spoke].append(slot)
                work.told(at, Fault.ROLE_ORDER)
                continue
            if role is Role.USER:
                runs.append([work.new(work.mending.bridge)])
                work.told(at, Fault.ROLE_ORDER)
        runs.append([slot])
        spoke = len(runs) - 1
    work.slots = [run[0] if len(run) == 1 else _as_one(work, run) for run in runs]


def _can_join(work: Work, first: Slot, second: Slot) -> bool:
    """Whether the first says nothing beside its words, and both say them in a way that can go on."""
    if first.entry.role is not second.entry.role and not work.mending.shares:
        return False
    said = {member.name for member in span.members(first.raw)}
    if said - {"role", work.mending.content}:
        return False
    return all(_content(work, slot).startswith((b'"', b"[", b"null")) for slot in (first, second))


def _as_one(work: Work, run: Sequence[Slot]) -> Slot:
    """All messages as the last."""
    contents = [value for slot in run if (value := _content(work, slot)) not in (b"null", b'""', b"[]")]
    if all(value.startswith(b'"') for value in contents):
        words = b'"' + rb"\n\n".join(value[1:-1] for value in contents) + b'"'
    else:
        pieces: list[bytes] = []
        for value in contents:
            if value.startswith(b'"'):
                pieces.append(work.mending.text(value))
            else:
                pieces += [each.of(value) for each in span.elements(value)]
        words = b"[" + b",".join(pieces) + b"]"
    if not contents:
        return run[-1]
    return work.new(span.with_member(run[-1].raw, work.mending.content, words), run[-1].origin)


def _content(work: Work, slot: Slot) -> bytes:
    found = span.member(slot.raw, work.mending.content)
    return b"null" if found is None else found.value.of(slot.raw)
