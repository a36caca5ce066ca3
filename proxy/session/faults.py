"""What is out of order in a history, and where. What it means for the client is left to `hint`, mending to `heal`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from proxy.session.pairs import Pairs, Ref, pair
from proxy.session.turn import Entry, Fault, Found, History, Kind, Part, Role


def faults(history: History) -> tuple[Found, ...]:
    """Every fault, by position; those that only some providers refuse among them."""
    found = {
        *pair_faults(history, pair(history)),
        *_contents(history),
        *_reasoning(history),
        *_roles(history),
        *_tools(history),
    }
    return tuple(sorted(found))


def pair_faults(history: History, pairs: Pairs) -> Iterator[Found]:
    calls = Counter(part.id for entry in history.entries for part in entry.parts if part.kind is Kind.CALL and part.id)
    spoke_last = max((at for at, entry in enumerate(history.entries) if entry.role is Role.ASSISTANT), default=-1)
    for ref in pairs.unanswered:
        call = part_at(history, ref)
        if call.loose or (call.hosted and ref[0] == spoke_last):  # a hosted call of a paused turn may still be running
            continue
        repeated = calls[call.id] > 1
        yield Found(ref[0], Fault.DUPLICATE_TOOL_CALL if repeated else Fault.ORPHAN_TOOL_CALL)
    if history.grammar.unique_calls:
        yield from _repeated_calls(history)
    for ref in pairs.strays:
        if not part_at(history, ref).loose and not history.continues:
            yield Found(ref[0], Fault.ORPHAN_TOOL_RESULT)
    for ref in pairs.repeats:
        if not part_at(history, ref).loose:
            yield Found(ref[0], Fault.DUPLICATE_TOOL_RESULT)
    for ref in pairs.misplaced:
        if not part_at(history, ref).loose:
            yield Found(ref[0], Fault.MISPLACED_TOOL_RESULT)


def part_at(history: History, ref: Ref) -> Part:
    return history.entries[ref[0]].parts[ref[1]]


def _repeated_calls(history: History) -> Iterator[Found]:
    seen: set[str] = set()
    for position, entry in enumerate(history.entries):
        for part in entry.parts:
            if part.kind is Kind.CALL and part.id and not part.loose:
                if part.id in seen:
                    yield Found(position, Fault.DUPLICATE_TOOL_CALL)
                seen.add(part.id)


def _contents(history: History) -> Iterator[Found]:
    last = len(history.entries) - 1
    for position, entry in enumerate(history.entries):
        if entry.role in (Role.USER, Role.ASSISTANT):
            if entry.is_empty:
                if not (history.grammar.blank_ending and position == last and entry.role is Role.ASSISTANT):
                    yield Found(position, Fault.EMPTY_MESSAGE)
            elif any(is_blank(part) for part in entry.parts):
                yield Found(position, Fault.EMPTY_CONTENT)
        elif entry.role is Role.TOOL and any(is_blank(part) for part in entry.parts):
            yield Found(position, Fault.EMPTY_CONTENT)


def is_blank(part: Part) -> bool:
    """Text without a word, or a result that is none: some providers refuse either."""
    if part.kind is Kind.TEXT:
        return not part.opaque and (not part.text or part.text.isspace())
    return part.kind is Kind.RESULT and (part.value is None or part.value in ("", []))


def _reasoning(history: History) -> Iterator[Found]:
    for position, entry in enumerate(history.entries):
        if any(part.opaque for part in entry.parts):
            yield Found(position, Fault.UNDECRYPTABLE_ITEM)
        if history.grammar.reasoning_leads and entry.parts and entry.parts[-1].kind is Kind.REASONING:
            after = history.entries[position + 1] if position + 1 < len(history.entries) else None
            if not _follows(entry, after):
                yield Found(position, Fault.MISSING_ITEM_AFTER_REASONING)


def _follows(entry: Entry, after: Entry | None) -> bool:
    """Whether what stands after reasoning is what the model went on to say; within a message, reasoning is never last."""
    if entry.parts[-1].member:
        return False
    return after is not None and after.role in (Role.ASSISTANT, Role.OTHER)


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
