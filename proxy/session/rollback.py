"""How much of a request's end is the failed turn, and how little can be taken back. Two counts, no opinion."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from proxy.session.pairs import pair
from proxy.session.turn import History, Kind, Role


@dataclass(frozen=True, slots=True)
class Rollback:
    """Counts of entries at the end of a request."""

    turn: int  # from the user message (or run of them) that opened the failed turn
    last: int  # the least that drops the newest input and leaves no half of a pair


def rollback(history: History) -> Rollback | None:
    """Both counts, or None for a history without any input."""
    newest = newest_input(history)
    if newest is None:
        return None
    ties = sorted((*pair(history).ties(), *_reasoning_ties(history)), key=lambda tie: tie[1], reverse=True)
    starts = turn_starts(history)
    total = len(history.entries)
    return Rollback(
        turn=total - _cut(starts[newest], ties, lambda position: starts[position]),
        last=total - _cut(newest, ties, lambda position: position),
    )


def newest_input(history: History) -> int | None:
    """The position of what the client added last: a user message or a tool result."""
    for position in range(len(history.entries) - 1, -1, -1):
        if history.entries[position].role in (Role.USER, Role.TOOL):
            return position
    return None


def turn_starts(history: History) -> list[int]:
    """For each entry where its turn begins. What no user message opened begins after the leading system messages."""
    starts: list[int] = []
    start: int | None = None
    before: Role | None = None
    for position, entry in enumerate(history.entries):
        if entry.role is Role.USER:
            if before is not Role.USER:
                start = position
        elif start is None and entry.role is not Role.SYSTEM:
            start = position
        starts.append(position if start is None else start)
        before = entry.role
    return starts


def _cut(cut: int, ties: list[tuple[int, int]], back_to: Callable[[int], int]) -> int:
    """The latest cut, not after this one, that parts no tie. One pass, as ties come by their later end, falling."""
    for early, late in ties:
        if early < cut <= late:
            cut = back_to(early)
    return cut


def _reasoning_ties(history: History) -> Iterator[tuple[int, int]]:
    """A reasoning item goes with the item after it."""
    if not history.grammar.reasoning_leads:
        return
    for position, (entry, after) in enumerate(zip(history.entries, history.entries[1:], strict=False)):
        alone = len(entry.parts) == 1 and entry.parts[0].kind is Kind.REASONING and not entry.parts[0].member
        if alone and after.role in (Role.ASSISTANT, Role.OTHER):
            yield position, position + 1
