"""A stage of healing: calls and results that lost their other half, came twice, or stand in the wrong place."""

from __future__ import annotations

from collections import defaultdict

from proxy.session.faults import doubled_calls, is_blank, missing_results, part_at
from proxy.session.pairs import Pairs, Ref, pair
from proxy.session.slots import Slot, Work
from proxy.session.turn import Fault, History, Kind, Role


def mend_pairs(work: Work) -> None:
    history = work.now()
    plan = _plan(work, history, pair(history))
    if plan.gone or plan.results:
        work.slots = _carried_out(work, plan)


class _Plan:
    def __init__(self) -> None:
        self.gone: defaultdict[int, set[int]] = defaultdict(set)  # entry: parts that leave it
        self.results: defaultdict[int, list[tuple[int, bytes, int | None]]] = defaultdict(list)
        # entry: what is to stand right after it: place of the call, bytes, position it had (None: new or a part)


def _plan(work: Work, history: History, pairs: Pairs) -> _Plan:
    plan = _Plan()
    newest = work.newest()
    last = max(newest, default=len(work.slots))
    doubled = doubled_calls(history, pairs)
    answers_to: defaultdict[Ref, list[Ref]] = defaultdict(list)
    for result, call in (*pairs.answers.items(), *pairs.misplaced.items(), *pairs.repeats.items()):
        answers_to[call].append(result)

    def drop(ref: Ref, fault: Fault) -> None:
        if ref[0] not in newest:
            plan.gone[ref[0]].add(ref[1])
            work.told(ref[0], fault)

    for ref in doubled:
        halves = answers_to[ref]
        if all(half[0] not in newest for half in (ref, *halves)):
            drop(ref, Fault.DUPLICATE_TOOL_CALL)
            for half in halves:
                plan.gone[half[0]].add(half[1])
            _drop_reasoning_before(plan, history, ref)
    for ref in pairs.strays:
        if not part_at(history, ref).loose and not history.continues:
            drop(ref, Fault.ORPHAN_TOOL_RESULT)
    for ref in pairs.repeats:
        if not part_at(history, ref).loose:
            drop(ref, Fault.DUPLICATE_TOOL_RESULT)
    for ref, call in pairs.misplaced.items():
        if part_at(history, ref).loose or call in doubled:
            continue
        if call[0] > last:  # moved there, it would pass for the newest input
            continue
        slot = work.slots[ref[0]]
        part = part_at(history, ref)
        alone = len(slot.entry.parts) == 1
        # Of the newest input only a whole message moves; a blank one would be no newest input any more, and be filled.
        if ref[0] not in newest or (alone and not is_blank(part)):
            lifted = work.lifted(slot, part)
            plan.gone[ref[0]].add(ref[1])
            plan.results[call[0]].append((call[1], lifted, slot.origin if alone else None))
            work.told(ref[0], Fault.MISPLACED_TOOL_RESULT)
    for ref in missing_results(history, pairs):
        if ref in doubled:
            continue
        placeholder = work.mending.placeholder(part_at(history, ref))
        if placeholder is None:
            drop(ref, Fault.ORPHAN_TOOL_CALL)
            _drop_reasoning_before(plan, history, ref)
        else:
            plan.results[ref[0]].append((ref[1], placeholder, None))
            work.told(ref[0], Fault.ORPHAN_TOOL_CALL)
    return plan


def _drop_reasoning_before(plan: _Plan, history: History, call: Ref) -> None:
    """Reasoning items that led to a dropped item and nothing else cannot stand without it."""
    position = call[0]
    if part_at(history, call).member:
        return
    after = history.entries[position + 1] if position + 1 < len(history.entries) else None
    if after is not None and after.role is Role.ASSISTANT:
        return
    while position and any(part.kind is Kind.REASONING for part in history.entries[position - 1].parts):
        position -= 1
        plan.gone[position].update(range(len(history.entries[position].parts)))


def _carried_out(work: Work, plan: _Plan) -> list[Slot]:
    slots: list[Slot] = []
    due: list[bytes] = []  # results that wait for the message after their call
    for position, slot in enumerate(work.slots):
        gone = plan.gone.get(position)
        left = work.without(slot, gone) if gone else slot
        if due:
            if slot.entry.role is Role.TOOL and left is not None:
                left = work.led_by(left, due)
            elif slot.entry.role is Role.TOOL:
                left = work.new(work.mending.carry(due)[0], slot.origin)
            else:
                slots.extend(map(work.new, work.mending.carry(due)))
            due = []
        if left is not None:
            slots.append(left)
        results = sorted(plan.results.get(position, ()), key=lambda result: result[0])
        if work.mending.shares:
            due = [raw for _, raw, _ in results]
        else:
            slots.extend(work.new(raw, origin) for _, raw, origin in results)
    if due:
        slots.extend(map(work.new, work.mending.carry(due)))
    return slots
