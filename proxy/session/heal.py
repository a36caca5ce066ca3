"""Mends a history on its way out, with the least change: a request in, the mended request out, or None.

What is mended for every provider and what only for one that refuses it is decided here, and in which order; how, by
the stages. The newest input and system messages are never taken away or altered, and no request is ever emptied.
A request that needs nothing goes out as it came: None.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, assert_never

from proxy.dialects.anthropic import mend as anthropic
from proxy.dialects.gemini import mend as gemini
from proxy.dialects.openai_chat import mend as openai_chat
from proxy.dialects.responses import mend as responses
from proxy.model import Dialect
from proxy.session.faults import faults
from proxy.session.history import read
from proxy.session.mend_contents import mend_blank_contents, mend_empty_messages, mend_opaque, mend_reasoning
from proxy.session.mend_order import mend_first_role, mend_role_order
from proxy.session.mend_pairs import mend_pairs
from proxy.session.mending import Mending
from proxy.session.slots import Frame, Work, is_input
from proxy.session.turn import ALWAYS, Fault

Turns = Sequence[tuple[int, int]]  # first and last position of each

# Empty messages go first, as one between a call and its result makes the result look misplaced; order comes last, as
# the others change who speaks after whom. None: for every provider.
_STAGES: Final[tuple[tuple[Fault | None, Callable[[Work], None]], ...]] = (
    (None, mend_empty_messages),
    (Fault.EMPTY_CONTENT, mend_blank_contents),
    (None, mend_pairs),
    (Fault.UNDECRYPTABLE_ITEM, mend_opaque),
    (Fault.MISSING_ITEM_AFTER_REASONING, mend_reasoning),
    (Fault.FIRST_ROLE, mend_first_role),
    (Fault.ROLE_ORDER, mend_role_order),
)
# One stage may make work for an earlier one (a message that lost its only part); two rounds do in practice.
_ROUNDS: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Healed:
    """A mended request, and what was done, by positions in the request as the client sent it."""

    body: bytes
    repairs: tuple[tuple[Fault, int], ...] = ()
    dropped: tuple[tuple[int, int], ...] = ()  # poisoned turns that were left out

    @property
    def text(self) -> str:
        """As `x-llm-history` tells it."""
        told = []
        if self.repairs:
            told.append("repaired=" + ",".join(f"{fault}@{position}" for fault, position in self.repairs))
        if self.dropped:
            told.append("dropped=" + ",".join(f"{first}-{last}" for first, last in self.dropped))
        return " ".join(told)


def heal(
    dialect: Dialect,
    body: bytes,
    refuses: frozenset[str] = frozenset(),
    poisoned: Turns = (),
) -> Healed | None:
    """`refuses`: faults that this provider is known to refuse; `poisoned`: turns to leave out."""
    history = read(dialect, body)
    if history is None or not history.entries:
        return None
    if not poisoned and not faults(history, ALWAYS | refuses):
        return None
    frame = Frame.of(body, history.grammar.member)
    if frame is None:
        return None
    work = Work(history, _mending(history.dialect), refuses, frame.cut(history.entries))
    dropped = _leave_out(work, poisoned)
    _mend(work)
    if not (work.repairs or dropped) or not any(map(is_input, work.slots)):
        return None
    return Healed(
        body=frame.joined(work.slots),
        repairs=tuple((found.fault, found.position) for found in sorted(work.repairs)),
        dropped=dropped,
    )


def _leave_out(work: Work, poisoned: Turns) -> tuple[tuple[int, int], ...]:
    """The turns without the newest input, as it may stand in the same run of user messages."""
    newest = work.newest()
    gone = {at for first, last in poisoned for at in range(first, last + 1)} - newest
    gone = {at for at in gone if 0 <= at < len(work.slots) and work.slots[at].entry.role.is_spoken}
    work.slots = [slot for at, slot in enumerate(work.slots) if at not in gone]
    return _ranges(sorted(gone))


def _ranges(positions: Sequence[int]) -> tuple[tuple[int, int], ...]:
    ranges: list[tuple[int, int]] = []
    for position in positions:
        if ranges and ranges[-1][1] == position - 1:
            ranges[-1] = (ranges[-1][0], position)
        else:
            ranges.append((position, position))
    return tuple(ranges)


def _mend(work: Work) -> None:
    for _ in range(_ROUNDS):
        before = work.slots
        for fault, stage in _STAGES:
            if fault is None or fault in work.refuses:
                stage(work)
        if [slot.raw for slot in before] == [slot.raw for slot in work.slots]:
            return


def _mending(dialect: Dialect) -> Mending:
    match dialect:
        case Dialect.OPENAI_CHAT:
            return openai_chat.MENDING
        case Dialect.RESPONSES:
            return responses.MENDING
        case Dialect.ANTHROPIC:
            return anthropic.MENDING
        case Dialect.GEMINI:
            return gemini.MENDING
        case _:
            assert_never(dialect)
