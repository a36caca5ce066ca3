"""Whether earlier rules take every answer that a later one could: conditions as sets, phrases by the texts that they are in.

What is told is certain: where it cannot be said, nothing is. How rules are met and ranked is engine.py's; this follows it.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, product
from typing import Final, assert_never

from proxy.classifier.phrases import Heard, Phrase, Step
from proxy.classifier.rules import Led, Rule, Rules, Tier, led

# Words that no text holds and no phrase asks for: any word in a gap, and any number.
_ANY_WORD: Final = "_"
_ANY_NUMBER: Final = "0_"
# Spellings of one phrase that are tried; beyond it nothing is said.
_MAX_SPELLINGS: Final = 4096


@dataclass(frozen=True, slots=True)
class _Way:
    """One of the ways in which a rule can be met: one of its codes, phrases, parameters and links, where it asks for any."""

    code: str | None
    phrase: Phrase | None
    param: str | None
    link: str | None


class Cover:
    """All rules, ready to be asked which of them leave nothing to another."""

    def __init__(self, rules: Rules) -> None:
        self._speaking = {frozenset[str](), *rules.speaks.values()}
        self._by_code: dict[str, list[Rule]] = defaultdict(list)
        self._by_word: dict[str, dict[Rule, None]] = defaultdict(dict)
        self._others: list[Rule] = []
        for rule in rules.rules:
            kind = led(rule)
            if kind is Led.BY_CODE:
                for code in rule.codes:
                    self._by_code[code].append(rule)
            elif kind is Led.BY_PROSE:
                for phrase in rule.phrases:
                    for word in phrase.steps[0].any_of or ():
                        self._by_word[word][rule] = None
            else:
                self._others.append(rule)

    def takers(self, late: Rule) -> Sequence[Rule]:
        """The rules that take all that this one could; none where something may be left to it."""
        takers: dict[Rule, None] = {}
        for way in _ways(late):
            left = set(late.statuses)
            for early in self._candidates(way):
                if early is late or not _asks_no_more(early, late, way) or not self._outranks(early, late, way):
                    continue
                if late.statuses and early.statuses and left.isdisjoint(early.statuses):
                    continue
                if early.statuses and not late.statuses:
                    continue
                takers[early] = None
                left = left - early.statuses if early.statuses else set()
                if not left:
                    break
            else:
                return ()
        return list(takers)

    def _candidates(self, way: _Way) -> Iterator[Rule]:
        found: dict[Rule, None] = dict.fromkeys(self._others)
        if way.code is not None:
            found |= dict.fromkeys(self._by_code[way.code])
        if way.phrase is not None:
            for step in way.phrase.steps:
                for word in step.any_of or ():
                    found |= self._by_word.get(word, {})
        return iter(sorted(found, key=lambda rule: rule.order))

    def _outranks(self, early: Rule, late: Rule, way: _Way) -> bool:
        """Whether whatever leads to the later rule leads to the earlier one too, and that one is first, whoever answered."""
        tiers = _tiers(early, late, way)
        if tiers is None:
            return False
        for late_speaks, early_speaks in self._speak_joined(late.provider, early.provider):
            if not _may(late, late_speaks):
                continue
            if not _may(early, early_speaks):
                return False
            for of_early, of_late in tiers:
                if not _rank(early, of_early, early_speaks) < _rank(late, of_late, late_speaks):
                    return False
        return True

    def speak(self, one: str, other: str) -> set[tuple[bool, bool]]:
        """Which of two providers' own rules may hold together for an answer."""
        return {(one in speaking, other in speaking) for speaking in self._speaking}

    def _speak_joined(self, one: str, other: str) -> set[tuple[bool, bool]]:
        """The same where a gateway names the provider that said it: the rules of both are its own."""
        plain = self.speak(one, other)
        return plain | {(a or c, b or d) for a, b in plain for c, d in plain}


def _may(rule: Rule, speaks: bool) -> bool:
    return speaks or not rule.provider or (rule.anywhere and led(rule) is not Led.BY_STATUS)


def _rank(rule: Rule, tier: Tier, speaks: bool) -> tuple[int, int, int]:
    if led(rule) is Led.BY_STATUS:
        return (not rule.provider, tier, rule.order)
    return (0, min(tier, rule.own_tier) if speaks else tier, rule.order)


def _tiers(early: Rule, late: Rule, way: _Way) -> list[tuple[Tier, Tier]] | None:
    """The tiers of both for each thing that leads to the later one; None where it does not lead to the earlier one."""
    by, to = led(early), led(late)
    if by is to and by is not Led.BY_HEADER:
        return list(zip(_own_tiers(early), _own_tiers(late), strict=True)) if early.shows == late.shows else None
    match by:
        case Led.ALWAYS:
            leads = True
        case Led.BY_PROSE:
            leads = way.phrase is not None and to is not Led.BY_STATUS
        case Led.BY_CODE:
            leads = way.code is not None and to is Led.BY_JUDGEMENT
        case Led.BY_HEADER:
            # Headers are the whole answer's: rules that ask for nothing else are tried for its outermost layer.
            everywhere = bool(early.params or early.links)
            leads = everywhere or (to is Led.BY_HEADER and not (late.params or late.links))
        case Led.BY_JUDGEMENT | Led.BY_STATUS:
            leads = False
        case _:
            assert_never(by)
    return [(early.tier, tier) for tier in _own_tiers(late)] if leads else None


def _own_tiers(rule: Rule) -> list[Tier]:
    """A code may stand in its member or be quoted in prose; a phrase be in prose or be spelled by a code."""
    match led(rule):
        case Led.BY_CODE:
            return [rule.tier, max(rule.tier, Tier.PHRASE)]
        case Led.BY_PROSE:
            return [rule.tier, Tier.SPELLED if rule.tier is Tier.PHRASE else rule.tier]
        case _:
            return [rule.tier]


def _ways(rule: Rule) -> Iterator[_Way]:
    for code, phrase, param, link in product(
        sorted(rule.codes) or (None,), rule.phrases or (None,), sorted(rule.params) or (None,), rule.links or (None,)
    ):
        yield _Way(code, phrase, param, link)


def _asks_no_more(early: Rule, late: Rule, way: _Way) -> bool:
    """Whether an answer that the later rule takes in this way fits the earlier one, statuses apart."""
    return (
        (not early.codes or way.code in early.codes)
        and early.not_codes <= late.not_codes
        and (not early.params or way.param in early.params)
        and (not early.links or (way.link is not None and any(part in way.link for part in early.links)))
        and all(any(name == had and value in held for had, held in late.headers) for name, value in early.headers)
        and all(_implies_one(phrase, late.unless) for phrase in early.unless)
        and (not early.phrases or (way.phrase is not None and _implies_one(way.phrase, early.phrases)))
    )


def contradicts_itself(rule: Rule) -> str:
    """What a rule asks for and excludes at once, in words; empty for a sound one."""
    if rule.codes and rule.codes <= rule.not_codes:
        return f"asks for the code {min(rule.codes)} and excludes it"
    if rule.unless and rule.phrases and all(_implies_one(phrase, rule.unless) for phrase in rule.phrases):
        return f"asks for the phrase {rule.phrases[0].text!r} and excludes it by unless"
    return ""


def _implies_one(phrase: Phrase, others: Sequence[Phrase]) -> bool:
    return any(implies(phrase, other) for other in others)


def implies(phrase: Phrase, other: Phrase) -> bool:
    """Whether every text that has a phrase has another one in it."""
    first = other.steps[0].any_of
    if first is None or not any(step.any_of and not first.isdisjoint(step.any_of) for step in phrase.steps):
        return False
    spellings = [_spellings(step, other) for step in phrase.steps]
    if math.prod(map(len, spellings)) > _MAX_SPELLINGS:
        return False
    return all(other.is_in(Heard(list(chain.from_iterable(said)))) for said in product(*spellings))


def _spellings(step: Step, other: Phrase) -> list[tuple[str, ...]]:
    """How an element may be written, one way of each that the other phrase can tell apart. The fullest gap is the hardest."""
    if step.any_of is None:
        told_apart = [_ANY_NUMBER]
    else:
        told_apart = list(
            {tuple(one.takes(word) for one in other.steps): word for word in sorted(step.any_of)}.values()
        )
    gap = (_ANY_WORD,) * step.skip
    return [(*gap, word) for word in told_apart] + ([()] if step.optional else [])
