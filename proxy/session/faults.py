"""What is out of order in a history, and where. What it means for the client is left to `hint`, mending to `heal`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Final

from proxy.session.pairs import Pairs, Ref, pair
from proxy.session.turn import ALWAYS, EVERY_FAULT, Entry, Fault, Found, History, Kind, Part, Role


def faults(history: History, minded: frozenset[str] = EVERY_FAULT) -> tuple[Found, ...]:
    """The faults of the kinds that matter, by position."""
    found = {each for kinds, find in _FINDERS if kinds & minded for each in find(history) if each.fault in minded}
    return tuple(sorted(found))


def _halves(history: History) -> Iterator[Found]:
    pairs = pair(history)
    doubled = doubled_calls(history, pairs)
    for position, _ in doubled:
        yield Found(position, Fault.DUPLICATE_TOOL_CALL)
    for ref in missing_results(history, pairs):
        if ref not in doubled:
            yield Found(ref[0], Fault.ORPHAN_TOOL_CALL)
    for ref in pairs.strays:
        if not part_at(history, ref).loose and not history.continues:
            yield Found(ref[0], Fault.ORPHAN_TOOL_RESULT)
    for ref in pairs.repeats:
        if not part_at(history, ref).loose:
            yield Found(ref[0], Fault.DUPLICATE_TOOL_RESULT)
    for ref in pairs.misplaced:
        if not part_at(history, ref).loose:
            yield Found(ref[0], Fault.MISPLACED_TOOL_RESULT)


def missing_results(history: History, pairs: Pairs) -> list[Ref]:
    """Calls that should have been answered by now."""
    spoke_last = max((at for at, entry in enumerate(history.entries) if entry.role is Role.ASSISTANT), default=-1)
    missing = []
    for ref in pairs.unanswered:
        call = part_at(history, ref)
        # A hosted call may still be running where the model has not spoken since: its turn was only paused.
        if not call.loose and not (call.hosted and ref[0] == spoke_last):
            missing.append(ref)
    return missing


def doubled_calls(history: History, pairs: Pairs) -> frozenset[Ref]:
    """Calls that stand in the history twice, each but the one that counts: the answered one, else the first.

    Where ids may be used again, only the very same call of the same id is taken for the same.
    """
    unanswered = frozenset(pairs.unanswered)
    same: defaultdict[tuple[str, ...], list[Ref]] = defaultdict(list)
    for position, entry in enumerate(history.entries):
        for place, part in enumerate(entry.parts):
            if part.kind is Kind.CALL and part.id and not part.loose:
                what = () if history.grammar.unique_calls else (part.name, str(part.value))
                same[part.id, *what].append((position, place))
    doubled: set[Ref] = set()
    for refs in same.values():
        if len(refs) > 1:
            answered = [ref for ref in refs if ref not in unanswered]
            if history.grammar.unique_calls:
                doubled.update(refs)
                doubled.discard(answered[0] if answered else refs[0])
            else:
                doubled.update(refs if answered else refs[1:])
                doubled.difference_update(answered)
    return frozenset(doubled)


def part_at(history: History, ref: Ref) -> Part:
    return history.entries[ref[0]].parts[ref[1]]


def _contents(history: History) -> Iterator[Found]:
    for position, entry in enumerate(history.entries):
        if is_empty_message(history, position):
            yield Found(position, Fault.EMPTY_MESSAGE)
        elif has_blank(entry):
            yield Found(position, Fault.EMPTY_CONTENT)


def is_empty_message(history: History, position: int) -> bool:
    """Whether a message has neither content nor calls."""
    entry = history.entries[position]
    if entry.role not in (Role.USER, Role.ASSISTANT) or not entry.is_empty:
        return False
    is_ending = entry.role is Role.ASSISTANT and position == len(history.entries) - 1
    return not (is_ending and history.grammar.blank_ending)


def has_blank(entry: Entry) -> bool:
    """Whether it says something and has a blank beside; what says nothing is empty, or may be."""
    return entry.role.is_spoken and not entry.is_empty and any(map(is_blank, entry.parts))


def is_blank(part: Part) -> bool:
    """Text without a word, or a result that is none: some providers refuse either."""
    if part.kind is Kind.TEXT:
        return not part.opaque and (not part.text or part.text.isspace())
    return part.kind is Kind.RESULT and (part.value is None or part.value in ("", []))


def _reasoning(history: History) -> Iterator[Found]:
    for position, entry in enumerate(history.entries):
        if any(part.opaque for part in entry.parts):
            yield Found(position, Fault.UNDECRYPTABLE_ITEM)
    for position in dangling(history):
        yield Found(position, Fault.MISSING_ITEM_AFTER_REASONING)


def dangling(history: History) -> frozenset[int]:
    """Entries that end in reasoning that leads to nothing: what the model went on to say is missing."""
    found: set[int] = set()
    leads = False  # whether what stands after the entry is what a model says
    for position in range(len(history.entries) - 1, -1, -1):
        entry = history.entries[position]
        if history.grammar.reasoning_leads and entry.parts and entry.parts[-1].kind is Kind.REASONING:
            if entry.parts[-1].member or not leads:  # within a message, reasoning is never the last part
                found.add(position)
        else:
            leads = entry.role in (Role.ASSISTANT, Role.OTHER)
    return frozenset(found)


def _roles(history: History) -> Iterator[Found]:
    if not history.grammar.alternates:
        return
    before: Role | None = None
    last = -1
    for position, entry in enumerate(history.entries):
        if entry.role is Role.OTHER:
            continue
        if entry.role is Role.SYSTEM:
            if before is not None:
                yield Found(position, Fault.ROLE_ORDER)
            continue
        if before is None:
            if entry.role is not Role.USER and not history.continues:
                yield Found(position, Fault.FIRST_ROLE)
        elif not may_follow(history, before, entry.role):
            yield Found(position, Fault.ROLE_ORDER)
        before, last = entry.role, position
    if before is Role.ASSISTANT:
        yield Found(last, Fault.LAST_ROLE)


def may_follow(history: History, before: Role, role: Role) -> bool:
    """Whether strict providers take `role` after `before`: user and model speak in turn, tools answer the model."""
    if history.grammar.results_speak_as_user:
        return (before is Role.ASSISTANT) is not (role is Role.ASSISTANT)
    match role:
        case Role.USER:
            return before is Role.ASSISTANT  # not right after a tool: "Unexpected role 'user' after role 'tool'"
        case Role.ASSISTANT:
            return before is not Role.ASSISTANT
        case _:
            return before is not Role.USER


def _tools(history: History) -> Iterator[Found]:
    if history.has_tools:
        return
    for position, entry in enumerate(history.entries):
        if any(part.kind in (Kind.CALL, Kind.RESULT) and not part.hosted for part in entry.parts):
            yield Found(position, Fault.TOOL_MESSAGE_WITHOUT_TOOLS)
            return


_FINDERS: Final[tuple[tuple[frozenset[Fault], Callable[[History], Iterator[Found]]], ...]] = (
    (ALWAYS - {Fault.EMPTY_MESSAGE}, _halves),
    (frozenset({Fault.EMPTY_MESSAGE, Fault.EMPTY_CONTENT}), _contents),
    (frozenset({Fault.UNDECRYPTABLE_ITEM, Fault.MISSING_ITEM_AFTER_REASONING}), _reasoning),
    (frozenset({Fault.FIRST_ROLE, Fault.ROLE_ORDER, Fault.LAST_ROLE}), _roles),
    (frozenset({Fault.TOOL_MESSAGE_WITHOUT_TOOLS}), _tools),
)
