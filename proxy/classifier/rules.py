"""Rules, reasons and providers as values, and the index that finds the few rules that an answer may meet.

Says what a rule is and when it holds; reading files is load.py's, choosing the winner is engine.py's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum, IntEnum, auto
from typing import Final, NamedTuple

from proxy.classifier.evidence import Evidence, Layer
from proxy.classifier.phrases import Phrase, any_in, leads, spelled
from proxy.classifier.words import code_word
from proxy.model import TRAITS, Action, Class, Confidence, Provider, Scope, Source, Verdict, Wait


class Tier(IntEnum):
    """What outranks what. Within a tier the first rule wins."""

    USER = 0  # a user's own rule
    JUDGED = 1  # the message's own numbers and units
    PROVIDER = 2  # what this provider is known to mean
    CODE = 3  # a machine-readable word that means one thing
    SPELLED = 4  # an unknown code whose words say what it is
    PHRASE = 5  # prose
    HINT = 6  # a word so broad that anything finer outranks it
    STATUS = 7  # the status alone


@dataclass(frozen=True, slots=True)
class Reason:
    """A finer word under a class, with all that a verdict says by it."""

    name: str
    cls: Class
    scope: Scope
    action: Action
    advice: str
    meaning: str
    forget: str | None = None


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Rule:
    """When an answer shows this, it means that reason."""

    id: str
    reason: str
    tier: Tier
    order: int
    file: str
    at: int  # its number in the file
    provider: str = ""
    anywhere: bool = False  # a provider's rule that is unmistakable, also behind a gateway
    source: str = ""
    statuses: frozenset[int] = frozenset()
    codes: frozenset[str] = frozenset()
    not_codes: frozenset[str] = frozenset()
    phrases: tuple[Phrase, ...] = ()
    unless: tuple[Phrase, ...] = ()
    params: frozenset[str] = frozenset()
    links: tuple[str, ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    shows: str = ""
    scope: Scope | None = None
    action: Action | None = None

    @property
    def own_tier(self) -> Tier:
        """Its tier where its own provider spoke."""
        return min(self.tier, Tier.PROVIDER) if self.provider and self.tier < Tier.HINT else self.tier

    def allows(self, evidence: Evidence, layer: Layer) -> bool:
        """Whether the conditions hold that are left when its status and what led to it (a code, a phrase) fit."""
        if self.not_codes and not self.not_codes.isdisjoint(layer.codes):
            return False
        if self.params and self.params.isdisjoint(layer.params):
            return False
        if self.links and not any(part in link for link in layer.links() for part in self.links):
            return False
        for name, value in self.headers:
            said = evidence.headers.get(name) or evidence.body_headers.get(name)
            if said is None or (value and value not in said.lower()):
                return False
        if self.unless:
            return not any_in(self.unless, layer.heard())
        return True


class Led(Enum):
    """What leads to a rule: the index has each by another way."""

    BY_JUDGEMENT = auto()
    BY_CODE = auto()
    BY_PROSE = auto()
    BY_HEADER = auto()
    ALWAYS = auto()  # a user's rule that asks for nothing but a status, or not even that
    BY_STATUS = auto()


def led(rule: Rule) -> Led:
    """What leads to it; all else that it asks for is looked at after that."""
    if rule.shows:
        return Led.BY_JUDGEMENT
    if rule.codes:
        return Led.BY_CODE
    if rule.phrases:
        return Led.BY_PROSE
    if rule.headers or rule.params or rule.links:
        return Led.BY_HEADER
    return Led.ALWAYS if rule.tier is Tier.USER else Led.BY_STATUS


class Open(NamedTuple):
    """The rules that an answer's statuses and those who speak leave open."""

    rules: frozenset[Rule]
    judged: tuple[Rule, ...]  # of them those that ask for a judgement


# Remembered: what codes spell, and what is open to statuses and speakers (a set of all rules, some 30 KB). Who answers with ever
# new ones makes it begin anew, no more.
_MAX_CODES: Final = 1024
_MAX_OPEN: Final = 128


@dataclass(frozen=True, slots=True)
class Index:
    """Rules by what leads to them."""

    by_code: Mapping[str, tuple[Rule, ...]]
    by_word: Mapping[str, tuple[tuple[Phrase, Rule], ...]]
    words: frozenset[str]  # of by_word
    rules: tuple[Rule, ...]
    by_header: tuple[Rule, ...]
    by_status: Mapping[int, tuple[Rule, ...]]
    users_by_status: tuple[Rule, ...]  # a user's rule is first, also where a status is all that it asks for
    of_load: tuple[Rule, ...]  # prose alone that speaks of a rate or of load
    _spelt: dict[str, tuple[tuple[Phrase, Rule], ...]] = field(default_factory=dict)
    _open: dict[tuple[tuple[int, int], frozenset[str]], Open] = field(default_factory=dict)

    def spelt(self, code: str) -> tuple[tuple[Phrase, Rule], ...]:
        """The phrases that a code is made of. Providers have few codes and say them again and again: they are remembered."""
        found = self._spelt.get(code)
        if found is None:
            heard = spelled(code)
            leads = sorted(heard.vocabulary & self.words)
            found = tuple([pair for word in leads for pair in self.by_word[word] if pair[0].is_in(heard)])
            if len(self._spelt) >= _MAX_CODES:
                self._spelt.clear()
            self._spelt[code] = found
        return found

    def open_to(self, statuses: tuple[int, int], speaking: frozenset[str]) -> Open:
        """The rules that allow one of two statuses and hold for one of some providers, or for all."""
        found = self._open.get((statuses, speaking))
        if found is None:
            rules = [
                rule
                for rule in self.rules
                if (not rule.statuses or not rule.statuses.isdisjoint(statuses))
                and (not rule.provider or rule.anywhere or rule.provider in speaking)
            ]
            found = Open(frozenset(rules), tuple([rule for rule in rules if rule.shows]))
            if len(self._open) >= _MAX_OPEN:
                self._open.clear()
            self._open[statuses, speaking] = found
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """All that is known: what `load_rules` gives and `classify` takes."""

    rules: tuple[Rule, ...]
    reasons: Mapping[str, Reason]
    providers: Mapping[str, Provider]
    names: Mapping[str, str]  # every spelling of a provider's names and aliases -> its name
    speaks: Mapping[str, frozenset[str]]  # the same spellings -> the providers whose rules hold for it
    clocks: Mapping[str, float]  # seconds that a provider's clock, where it names no zone, is ahead of UTC
    index: Index = field(repr=False)
    has_users: bool = False  # rules of a user's own files: they are first, wherever in an answer they are met

    def provider(self, name: str) -> Provider | None:
        """The provider of that name or alias."""
        return self.providers.get(name) or self.providers.get(self.names.get(provider_key(name), ""))

    def provider_of_host(self, host: str) -> Provider | None:
        """The provider that serves a host."""
        host = host.lower().rstrip(".")
        for provider in self.providers.values():
            for known in provider.hosts:
                if host == known or (known.startswith((".", "-")) and host.endswith(known)):
                    return provider
        return None

    def speaking(self, name: str) -> frozenset[str]:
        """The providers whose rules hold for an answer of this one."""
        if not name:
            return _NOBODY
        return self.speaks.get(name) or self.speaks.get(provider_key(name)) or _NOBODY

    def ahead_s(self, name: str) -> float:
        """How far the times that a provider states without a zone are ahead of UTC."""
        if not self.clocks:
            return 0.0
        return next((self.clocks[one] for one in self.speaking(name) if one in self.clocks), 0.0)

    def verdict(self, reason: str, *, rule: Rule, confidence: Confidence, wait: Wait | None) -> Verdict:
        known = self.reasons[reason]
        return Verdict(
            cls=known.cls,
            reason=reason,
            rule=rule.id,
            confidence=confidence,
            scope=rule.scope or known.scope,
            action=rule.action or known.action,
            advice=known.advice,
            source=Source.UPSTREAM,
            wait=wait,
            forget=known.forget,
        )


_NOBODY: Final[frozenset[str]] = frozenset()


def provider_key(name: str) -> str:
    """`Amazon Bedrock`, `amazon-bedrock` and `AmazonBedrock` are one provider."""
    return code_word(name).replace("_", "")


def reason_of(
    name: str,
    cls: Class,
    *,
    advice: str,
    meaning: str,
    scope: Scope | None = None,
    action: Action | None = None,
    forget: str | None = None,
) -> Reason:
    """A reason with what its class gives where it says nothing itself."""
    traits = TRAITS[cls]
    return Reason(name, cls, scope or traits.scope, action or traits.action, advice, meaning, forget)


OF_LOAD: Final = frozenset({Class.RATE_LIMITED, Class.OVERLOADED})


def build_index(rules: Iterable[Rule], reasons: Mapping[str, Reason]) -> Index:
    rules = tuple(rules)
    by_code: dict[str, list[Rule]] = {}
    by_word: dict[str, list[tuple[Phrase, Rule]]] = {}
    by_status: dict[int, list[Rule]] = {}
    users: list[Rule] = []
    headed: list[Rule] = []
    heard_of: list[tuple[Phrase, Rule]] = []
    for rule in rules:
        match led(rule):
            case Led.BY_JUDGEMENT:
                pass  # looked up among those that are open to an answer
            case Led.BY_CODE:
                for code in rule.codes:
                    by_code.setdefault(code, []).append(rule)
            case Led.BY_PROSE:
                heard_of += [(phrase, rule) for phrase in rule.phrases]
            case Led.BY_HEADER:
                headed.append(rule)
            case Led.ALWAYS:
                users.append(rule)
            case Led.BY_STATUS:
                for status in rule.statuses:
                    by_status.setdefault(status, []).append(rule)
    for words, found in zip(leads([phrase.text for phrase, _ in heard_of]), heard_of, strict=True):
        for word in words:
            by_word.setdefault(word, []).append(found)
    return Index(
        by_code={code: tuple(found) for code, found in by_code.items()},
        by_word={word: tuple(found) for word, found in by_word.items()},
        words=frozenset(by_word),
        rules=rules,
        by_header=tuple(headed),
        users_by_status=tuple(users),
        of_load=tuple(
            rule
            for rule in rules
            if rule.phrases and not (rule.codes or rule.shows or rule.provider) and reasons[rule.reason].cls in OF_LOAD
        ),
        by_status={status: tuple(found) for status, found in by_status.items()},
    )
