"""Which rules a layer meets, and by what: a code, its prose, the words of a code, a judgement, the status, headers.

Only looks up; which of them decides is engine.py's.
"""

from __future__ import annotations

from dataclasses import dataclass

from proxy.classifier.evidence import Evidence, Layer
from proxy.classifier.judgements import JUDGEMENTS
from proxy.classifier.phrases import Heard, Phrase, any_in, spelled
from proxy.classifier.rules import Rule, Rules, Tier
from proxy.model import Confidence

# By names of their own: Python 3.11 takes ten times as long to look a member of an enum up.
_BY_CODE, _BY_PHRASE, _BY_STATUS = Confidence.CODE, Confidence.PHRASE, Confidence.STATUS
_HINT, _PHRASE, _SPELLED = Tier.HINT, Tier.PHRASE, Tier.SPELLED


@dataclass(slots=True)
class Match:
    """A rule that an answer meets, and by what."""

    rule: Rule
    tier: Tier
    layer: Layer | None
    met_by: tuple[str, str, str]  # kind, member, text: put into words only where somebody reads them
    confidence: Confidence
    finer: str = ""  # the reason that a judgement gives, finer than the rule's own

    @property
    def by(self) -> str:
        """By what it was met, in words."""
        kind, member, text = self.met_by
        if member:
            return f"{member} is {text}"
        return f'{kind} "{text}"' if text else kind


def rank(match: Match) -> tuple[int, int]:
    """The least wins."""
    return (match.tier, match.rule.order)


def met(evidence: Evidence, layer: Layer, rules: Rules, speaking: frozenset[str]) -> list[Match]:
    """The rules that a layer meets, in no order; `speaking`: the providers whose rules hold for it."""
    meeting = _Meeting(evidence, layer, rules, speaking)
    meeting.by_code()
    meeting.by_judgement()
    meeting.by_prose(layer.heard())
    meeting.by_status()
    meeting.by_header()
    return meeting.met


class _Meeting:
    """One layer before all rules."""

    __slots__ = ("evidence", "index", "layer", "met", "open", "speaking")

    def __init__(self, evidence: Evidence, layer: Layer, rules: Rules, speaking: frozenset[str]) -> None:
        self.evidence = evidence
        self.layer = layer
        self.index = rules.index
        self.speaking = speaking
        self.open = self.index.open_to((evidence.status, evidence.http_status), speaking)
        self.met: list[Match] = []

    def add(
        self, rule: Rule, tier: Tier, met_by: tuple[str, str, str], confidence: Confidence, finer: str = ""
    ) -> None:
        if rule.provider in self.speaking:
            tier = min(tier, rule.own_tier)
        if rule.allows(self.evidence, self.layer):
            self.met.append(Match(rule, tier, self.layer, met_by, confidence, finer))

    def by_code(self) -> None:
        """Members that hold codes, codes that the prose quotes, and what unknown codes are made of."""
        codes, rules_of = self.layer.codes, self.index.by_code
        for code, member in codes.items():
            if code in rules_of:
                for rule in rules_of[code]:
                    if rule in self.open.rules and (not rule.phrases or any_in(rule.phrases, self.layer.heard())):
                        self.add(rule, rule.tier, ("the member", member, code), _BY_CODE)
            else:
                self.by_spelling(code)
        for code in self.layer.quoted():
            if code in codes:
                continue
            if code in rules_of:
                for rule in rules_of[code]:
                    if rule in self.open.rules and (not rule.phrases or any_in(rule.phrases, self.layer.heard())):
                        self.add(rule, max(rule.tier, _PHRASE), ("the text quotes", "", code), _BY_PHRASE)
            elif "_" in code and f" {code.replace('_', ' ')} " not in self.layer.heard().joined:
                # `AllReplicasSaturated` is one word of the prose, and three of what it says.
                self.by_prose(spelled(code))

    def by_spelling(self, code: str) -> None:
        """An unknown `account_balance_too_low` still says what it is."""
        seen: set[Rule] = set()
        for phrase, rule in self.index.spelt(code):
            if rule not in seen and rule in self.open.rules:
                seen.add(rule)
                tier = _SPELLED if rule.tier is _PHRASE else rule.tier
                self.add(rule, tier, ("a code spells", "", phrase.text), _BY_CODE)

    def by_prose(self, heard: Heard) -> None:
        joined, by_word, open_rules = heard.joined, self.index.by_word, self.open.rules
        seen: set[Rule] = set()  # one phrase of a rule is enough
        dearer: list[tuple[Phrase, Rule]] = []
        # A hint decides nothing beside anything finer (of a page some of that counts for nothing), and half of the phrases that are met
        # are a hint's.
        has_finer = self.evidence.shape != "page" and any(one.tier < _HINT for one in self.met)
        for word in sorted(heard.vocabulary & self.index.words):
            for phrase, rule in by_word[word]:
                if (
                    phrase.literal in joined
                    and rule not in seen
                    and not (has_finer and rule.tier is _HINT)
                    and rule in open_rules
                ):
                    if phrase.is_literal:
                        seen.add(rule)
                        self.add(rule, rule.tier, ("the text says", "", phrase.text), _BY_PHRASE)
                    else:
                        dearer.append((phrase, rule))
        for phrase, rule in dearer:
            if rule not in seen and phrase.follows(heard):
                seen.add(rule)
                self.add(rule, rule.tier, ("the text says", "", phrase.text), _BY_PHRASE)

    def by_judgement(self) -> None:
        layer = self.layer
        heard = layer.heard()
        for rule in self.open.judged:
            if rule.phrases and not any_in(rule.phrases, heard):
                continue
            if rule.codes and rule.codes.isdisjoint(layer.codes):
                continue
            saw = JUDGEMENTS[rule.shows](self.evidence, layer)
            if saw:
                confidence = _BY_CODE if layer.quotas or rule.codes else _BY_PHRASE
                if rule.tier is _HINT:
                    confidence = _BY_STATUS
                self.add(rule, rule.tier, (saw.words, "", ""), confidence, saw.reason)

    def by_status(self) -> None:
        """Users' rules that ask for a status alone: they are first too."""
        for rule in self.index.users_by_status:
            if rule in self.open.rules:
                self.add(rule, rule.tier, (f"the status is {self.evidence.status}", "", ""), _BY_STATUS)

    def by_header(self) -> None:
        """Headers are the answer's own; parameters and links stand in any layer."""
        outermost = self.layer is self.evidence.layers[0]
        for rule in self.index.by_header:
            if (outermost or rule.params or rule.links) and rule in self.open.rules:
                self.add(rule, rule.tier, ("headers or parameters", "", ""), _BY_CODE)
