"""Rules that say another class by the same code or phrase, where nothing but their order parts them.

A provider's own rule differs from the common one on purpose, a rule that asks for more refines one that asks for less, and
the rules of one file come in their author's order: none of these is told.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from proxy.classifier.hygiene.cover import Cover
from proxy.classifier.rules import Led, Rule, Rules, Tier, led


@dataclass(frozen=True, slots=True)
class Contradiction:
    """Two rules that an answer may meet at once, the one that is tried first in front."""

    first: Rule
    other: Rule
    by: str  # what both ask for, in words


def contradictions(rules: Rules, cover: Cover, among: Iterable[Rule]) -> Iterator[Contradiction]:
    """Each pair once, those of which at least one is among the rules that are asked about."""
    asked = set(among)
    sharing: dict[tuple[Rule, Rule], list[str]] = defaultdict(list)
    for (kind, word), group in _by_word(rules).items():
        for at, first in enumerate(group):
            for other in group[at + 1 :]:
                if (first in asked or other in asked) and _contradict(first, other, rules, cover):
                    sharing[first, other].append(f"{kind} {word}")
    for (first, other), words in sharing.items():
        yield Contradiction(first, other, words[0] if len(words) == 1 else f"{words[0]} and {len(words) - 1} more")


def _by_word(rules: Rules) -> dict[tuple[str, str], list[Rule]]:
    found: dict[tuple[str, str], list[Rule]] = defaultdict(list)
    for rule in sorted(rules.rules, key=lambda rule: (rule.tier, rule.order)):
        match led(rule):
            case Led.BY_CODE:
                for code in sorted(rule.codes):
                    found["the code", code].append(rule)
            case Led.BY_PROSE:
                for text in dict.fromkeys(phrase.text.lower() for phrase in rule.phrases):
                    found["the phrase", text].append(rule)
            case _:
                pass
    return found


def _contradict(first: Rule, other: Rule, rules: Rules, cover: Cover) -> bool:
    return (
        rules.reasons[first.reason].cls is not rules.reasons[other.reason].cls
        and (not first.statuses or not other.statuses or not first.statuses.isdisjoint(other.statuses))
        and (first.provider != other.provider or (first.tier is Tier.USER) is not (other.tier is Tier.USER))
        and (first.tier is Tier.USER or _is_broad(first) is _is_broad(other))
        and _asks_further(first) == _asks_further(other)
        and any(_by_chance(first, other, *speaks) for speaks in cover.speak(first.provider, other.provider))
    )


def _is_broad(rule: Rule) -> bool:
    """What is finer outranks a hint on purpose."""
    return rule.tier >= Tier.HINT


def _asks_further(rule: Rule) -> tuple[object, ...]:
    """What must be there beside one of its codes (one of its phrases, where it has no codes) and the status."""
    prose = {phrase.text for phrase in rule.phrases} if rule.codes else set()
    return (prose, rule.params, set(rule.links), set(rule.headers))


def _by_chance(first: Rule, other: Rule, first_speaks: bool, other_speaks: bool) -> bool:
    """Whether both hold for some answer, and the one that wins is no more at home there than the one that loses."""
    may = (first_speaks or first.anywhere or not first.provider) and (
        other_speaks or other.anywhere or not other.provider
    )
    if not may or first_speaks is other_speaks:
        return may
    return other_speaks and first.tier < min(other.tier, other.own_tier)
