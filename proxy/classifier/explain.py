"""Why a verdict came out as it did, in words: the evidence, the rules considered, the judgements, the winner."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from proxy.classifier.engine import decide, verdict_of
from proxy.classifier.evidence import Evidence, Layer
from proxy.classifier.evidence.answer import gather
from proxy.classifier.files.load import builtin
from proxy.classifier.meet import Match, rank
from proxy.classifier.rules import Rules, Tier
from proxy.classifier.waits import in_words, set_aside
from proxy.model import Answer, Verdict

_SHOWN_CHARS = 300
_TIERS: Mapping[Tier, str] = {
    Tier.USER: "your own rule",
    Tier.JUDGED: "the message's own numbers and units",
    Tier.PROVIDER: "what this provider is known to mean",
    Tier.CODE: "a machine-readable word",
    Tier.SPELLED: "the words that an unknown code is made of",
    Tier.PHRASE: "prose",
    Tier.HINT: "a broad word that anything finer outranks",
    Tier.STATUS: "the status alone",
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
    evidence = gather(answer, rules.provider(answer.provider) if answer.provider else None)
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
        why=(*_why(decision.winner, evidence, decision.notes), *_waits(verdict, set_aside(evidence, now, ahead_s))),
    )


def _evidence(evidence: Evidence) -> list[str]:
    said = [f"status {evidence.http_status}, read as {evidence.shape}"]
    if evidence.status != evidence.http_status:
        said.append(f"its own status is {evidence.status}")
    for number, layer in enumerate(evidence.layers):
        place = "the answer" if number == 0 else f"layer {number}, further in ({layer.where})"
        said += [f"{place}: {line}" for line in _layer(layer)]
    said += [f"tells a wait: {name} = {str(value)[:60]}" for name, value in evidence.waits]
    return said


def _layer(layer: Layer) -> list[str]:
    said = [f"{member} = {code}" for code, member in layer.codes.items()]
    said += [f"param = {param}" for param in layer.params]
    said += [f"quota {name} = {value}" for name, value in layer.quotas]
    said += [f'says "{_short(text)}"' for text in layer.texts]
    if layer.via:
        said.append(f"names {layer.via} as the one who said it")
    return said


def _short(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= _SHOWN_CHARS else f"{flat[: _SHOWN_CHARS - 3]}..."


def _considered(match: Match, rules: Rules) -> Considered:
    return Considered(
        rule=match.rule.id,
        reason=match.rule.reason,
        cls=rules.reasons[match.rule.reason].cls,
        by=match.by,
        tier=_TIERS[match.tier],
        where=match.layer.where if match.layer else "status",
        source=match.rule.source,
    )


def _why(winner: Match | None, evidence: Evidence, notes: list[str]) -> list[str]:
    if winner is None:
        return ["no rule fits: nobody can tell from this answer"]
    said = [f"{winner.by}: {winner.rule.id} decided, as {_TIERS[winner.tier]}"]
    if winner.layer is not None and len(evidence.layers) > 1:
        inner = winner.layer is evidence.layers[-1]
        said.append("it stands in the innermost cause" if inner else "the causes further in say nothing finer")
    return said + notes


def _waits(verdict: Verdict, set_aside: Iterable[str]) -> list[str]:
    said = list(set_aside)
    if verdict.wait:
        said.append(f"the answer states a wait of {in_words(verdict.wait.seconds)} ({verdict.wait.origin})")
    return said
