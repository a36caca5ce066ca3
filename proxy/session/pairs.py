"""Which tool result answers which tool call, and which halves are left over. Judging that is left to `faults`."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

from proxy.session.turn import Entry, History, Kind, Part, Role

Ref: TypeAlias = tuple[int, int]  # an entry, and a part of it


@dataclass(frozen=True, slots=True)
class Pairs:
    """The outcome for a whole history. Each result stands in one of `answers`, `misplaced`, `repeats`, `strays`."""

    answers: dict[Ref, Ref] = field(default_factory=dict)  # result to its call
    misplaced: dict[Ref, Ref] = field(default_factory=dict)  # result, not where it belongs, to its call
    repeats: dict[Ref, Ref] = field(default_factory=dict)  # further result to the call that has one already
    strays: list[Ref] = field(default_factory=list)  # result without a call
    unanswered: list[Ref] = field(default_factory=list)  # call without a result

    def ties(self) -> Iterator[tuple[int, int]]:
        """Entries that cannot stand without each other, the earlier first."""
        for found in (self.answers, self.misplaced, self.repeats):
            for (result, _), (call, _) in found.items():
                if result != call:
                    yield min(result, call), max(result, call)


class _Waiting:
    """Calls that wait for a result, found by id, else by the tool's name, else in their order."""

    def __init__(self) -> None:
        self.calls: dict[Ref, Part] = {}
        self._by_id: defaultdict[str, deque[Ref]] = defaultdict(deque)
        self._by_name: defaultdict[str, deque[Ref]] = defaultdict(deque)
        self._by_name_alone: defaultdict[str, deque[Ref]] = defaultdict(deque)
        self._in_order: deque[Ref] = deque()

    def add(self, ref: Ref, call: Part) -> None:
        self.calls[ref] = call
        if call.id:
            self._by_id[call.id].append(ref)
        else:
            self._by_name_alone[call.name].append(ref)
        self._by_name[call.name].append(ref)
        self._in_order.append(ref)

    def take(self, result: Part) -> Ref | None:
        if result.id:
            ref = self._next(self._by_id.get(result.id))
            # A client may number its results though the model's calls had no ids (Gemini).
            return self._next(self._by_name_alone.get(result.name)) if ref is None else ref
        return self._next(self._by_name.get(result.name) if result.name else self._in_order)

    def _next(self, refs: deque[Ref] | None) -> Ref | None:
        while refs:
            ref = refs.popleft()
            if self.calls.pop(ref, None) is not None:
                return ref
        return None


def pair(history: History) -> Pairs:
    """Walk the history once; each result takes the call that waits for it, nearest first."""
    return _Walk(history).run()


class _Walk:
    def __init__(self, history: History) -> None:
        self._history = history
        self._pairs = Pairs()
        self._near = _Waiting()  # calls whose results may stand here
        self._far = _Waiting()  # calls whose results should have come by now
        self._hosted = _Waiting()
        self._answered: dict[tuple[str, bool], Ref] = {}

    def run(self) -> Pairs:
        for position, entry in enumerate(self._history.entries):
            if entry.role in self._history.grammar.closes:
                self._close()
            for place, part in enumerate(entry.parts):
                if part.kind is Kind.CALL:
                    (self._hosted if part.hosted else self._near).add((position, place), part)
                elif part.kind is Kind.RESULT:
                    self._answer((position, place), part)
                elif self._history.grammar.results_first and entry.role in (Role.USER, Role.TOOL):
                    self._close()
        self._close()
        self._match_early_results()
        self._pairs.unanswered.extend(sorted(self._far.calls | self._hosted.calls))
        return self._pairs

    def _close(self) -> None:
        if self._near.calls:
            for ref, call in self._near.calls.items():
                self._far.add(ref, call)
            self._near = _Waiting()

    def _answer(self, ref: Ref, result: Part) -> None:
        if (call := (self._hosted if result.hosted else self._near).take(result)) is not None:
            self._pairs.answers[ref] = call
        elif (result.id or result.name) and not result.hosted and (call := self._far.take(result)) is not None:
            self._pairs.misplaced[ref] = call
        elif result.id and (call := self._answered.get((result.id, result.hosted))) is not None:
            self._pairs.repeats[ref] = call
            return
        else:
            self._pairs.strays.append(ref)
            return
        if result.id:
            self._answered[result.id, result.hosted] = call

    def _match_early_results(self) -> None:
        """A result that stands before its call was a stray when it was met."""
        strays = self._pairs.strays.copy()
        self._pairs.strays.clear()
        for ref in strays:
            result = self._part(ref)
            call = self._far.take(result) if result.id and not result.hosted else None
            if call is None:
                self._pairs.strays.append(ref)
            else:
                self._pairs.misplaced[ref] = call

    def _part(self, ref: Ref) -> Part:
        entry: Entry = self._history.entries[ref[0]]
        return entry.parts[ref[1]]
