"""Why a verdict came out as it did, in words: the evidence, the rules considered, the judgements, the winner."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from proxy.classifier.engine import decide, verdict_of
from proxy.classifier.evidence import Evidence, Layer
from proxy.classifier.evidence.answer import gather
from proxy.classifier.evidence.quotes import quotations, without_request
from proxy.classifier.evidence.telltale import telltale
from proxy.classifier.files.load import builtin
from proxy.classifier.meet import Match, rank
from proxy.classifier.rules import Rules, Tier
from proxy.classifier.waits import in_words, set_aside
from proxy.model import Answer, Provider, Verdict

_SHOWN_CHARS: Final = 300
_ALIKE_CHARS: Final = 24
_TIERS: Final[Mapping[Tier, str]] = {
    Tier.USER: "your own rule",
    Tier.JUDGED: "words that mean one thing only together, above any code",
    Tier.PROVIDER: "what this provider is known to mean",
    Tier.CODE: "a machine-readable word",
    Tier.SPELLED: "the words that an unknown code is made of",
    Tier.PHRASE: "prose",
    Tier.HINT: "a broad word that anything finer outranks",
    Tier.STATUS: "the status alone",
}
_JUDGEMENTS: Final[Mapping[Tier, str]] = {
    Tier.JUDGED: "a judgement of all that is said, above any code",
    Tier.PHRASE: "a judgement that ranks as prose does",
    Tier.HINT: "a judgement that any word of one meaning outranks",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Considered:
    """A rule that the answer met."""

    rule: str
    reason: str
    cls: str
    by: str
    tier: str
    where: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """A verdict with all that led to it. `verdict` is None for a good answer."""

    verdict: Verdict | None
    evidence: tuple[str, ...]
    considered: tuple[Considered, ...]
    why: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """The same for JSON."""
        return {
            "evidence": list(self.evidence),
            "considered": [
                {name: getattr(one, name) for name in ("rule", "reason", "cls", "by", "tier", "where", "source")}
                for one in self.considered
            ],
            "why": list(self.why),
        }


def explain(answer: Answer, rules: Rules | None = None, *, now: float | None = None) -> Explanation:
    """What `classify` says of an answer, and why."""
    rules = rules or builtin()
    provider = rules.provider(answer.provider) if answer.provider else None
    evidence = gather(answer, provider)
    if evidence is None:
        return Explanation(
            verdict=None,
            evidence=(f"status {answer.status}",),
            considered=(),
            why=("the answer holds no error: it is a good one",),
        )
    decision = decide(evidence, rules, answer.provider)
    ahead_s = rules.ahead_s(answer.provider) if answer.provider else 0.0
    verdict = verdict_of(decision, evidence, rules, answer.provider, now)
    return Explanation(
        verdict=verdict,
        evidence=tuple(_evidence(evidence)),
        considered=tuple(_considered(match, rules) for match in sorted(decision.considered, key=rank)),
        why=(
            *_failed(answer, provider),
            *_why(decision.winner, evidence, decision.notes),
            *_waits(verdict, set_aside(evidence, now, ahead_s)),
        ),
    )


def _failed(answer: Answer, provider: Provider | None) -> Iterator[str]:
    told = telltale(answer, provider)
    if told:
        yield f"a failure under the good status {answer.status}: {told}"


def _evidence(evidence: Evidence) -> list[str]:
    said = [f"status {evidence.http_status}, read as {evidence.shape}"]
    if evidence.status != evidence.http_status:
        said.append(f"its own status is {evidence.status}")
    original = _originals(evidence)
    for number, layer in enumerate(evidence.layers):
        place = "the answer" if number == 0 else f"layer {number}, further in ({layer.where})"
        said += [f"{place}: {line}" for line in _layer(layer, original)]
    said += _set_aside(evidence)
    said += [f"tells a wait: {name} = {str(value)[:60]}" for name, value in evidence.waits]
    return said


def _originals(evidence: Evidence) -> dict[str, str]:
    """Sentences as they stood, by what is left of them; more than a quotation may have been taken out."""
    left = [text for layer in evidence.layers for text in layer.texts]
    found: dict[str, str] = {}
    for said in evidence.quoting:
        plain = without_request(said).strip()
        if plain not in left:
            plain = next((text for text in left if text not in found and plain.startswith(text[:_ALIKE_CHARS])), "")
        found[plain] = said
    return found


def _layer(layer: Layer, original: Mapping[str, str]) -> list[str]:
    """What a layer says, its sentences as they stood."""
    said = [f"{member} = {code}" for code, member in layer.codes.items()]
    said += [f"param = {param}" for param in layer.params]
    said += [f"quota {name} = {value}" for name, value in layer.quotas]
    said += [f'says "{_short(original.get(text, text))}"' for text in layer.texts]
    if layer.via:
        said.append(f"names {layer.via} as the one who said it")
    return said


def _set_aside(evidence: Evidence) -> Iterator[str]:
    for text in evidence.quoting:
        parts = " and ".join(_short(text[start:end]) for start, end in quotations(text))
        yield f'set aside as the caller\'s own, for it quotes the request: {parts}, in "{_short(text)}"'


def _short(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= _SHOWN_CHARS else f"{flat[: _SHOWN_CHARS - 3]}..."


def _considered(match: Match, rules: Rules) -> Considered:
    return Considered(
        rule=match.rule.id,
        reason=match.rule.reason,
        cls=rules.reasons[match.rule.reason].cls,
        by=match.by,
        tier=_tier(match),
        where=match.layer.where if match.layer else "status",
        source=match.rule.source,
    )


def _tier(match: Match) -> str:
    return (_JUDGEMENTS.get(match.tier) if match.rule.shows else None) or _TIERS[match.tier]


def _why(winner: Match | None, evidence: Evidence, notes: list[str]) -> list[str]:
    if winner is None:
        return ["no rule fits: nobody can tell from this answer"]
    said = [f"{winner.by}: {winner.rule.id} decided, as {_tier(winner)}"]
    if winner.layer is not None and len(evidence.layers) > 1:
        inner = winner.layer is evidence.layers[-1]
        said.append("it stands in the innermost cause" if inner else "the causes further in say nothing finer")
    return said + notes


def _waits(verdict: Verdict, set_aside: Iterable[str]) -> list[str]:
    said = list(set_aside)
    if verdict.wait:
        said.append(f"the answer states a wait of {in_words(verdict.wait.seconds)} ({verdict.wait.origin})")
    return said
