"""The decision: evidence and rules to a verdict, in tiers and from the innermost cause outwards.

For each layer, the innermost first, the rules that it meets are looked up; the best by tier and then by order wins, unless
it is only a hint: then the layers around it are asked first. Only where no layer says anything the status decides.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from proxy.classifier.evidence import Evidence, Layer
from proxy.classifier.evidence.answer import gather
from proxy.classifier.files.load import builtin
from proxy.classifier.judgements import status_said, window_of
from proxy.classifier.meet import Match, met, rank
from proxy.classifier.own import own_verdict
from proxy.classifier.phrases import any_in
from proxy.classifier.rules import Rules, Tier
from proxy.classifier.waits import wait_of
from proxy.model import Answer, Class, Confidence, Source, Verdict

# Reasons that say "too fast" without saying which window; a window that the answer names makes them finer.
ANY_WINDOW: Final = frozenset({"rate_limit", "quota"})
# Reasons that a judgement may make finer: what a user's rule says stays.
REFINED: Final = ANY_WINDOW | {"request_exceeds_window"}
# A wrapper's own status is no more than its guess where it quotes another in prose.
WRAPPERS: Final = frozenset({200, 400, 424, 500, 502, 503})
# Where the status says that the call is wrong, prose alone cannot say that time heals it.
FINAL_STATUSES: Final = frozenset({401, 404, 405, 410, 415, 422})
# "Bad response status code 524": a wrapper's own word for it is broader than the status that it quotes.
BROAD_FAULTS: Final = frozenset({"internal_error", "bad_gateway", "upstream_error", "service_unavailable"})
BROAD_CLASSES: Final = frozenset({Class.BAD_REQUEST, Class.PROVIDER_ERROR})
# A page for people under a good status may be a firewall's, a sign-in or a gateway's trouble: what else its words say is for people.
OF_A_PAGE: Final = frozenset({Class.AUTH, Class.RATE_LIMITED, Class.OVERLOADED, Class.TIMEOUT, Class.PROVIDER_ERROR})
REFUSALS: Final = FINAL_STATUSES | {403}
HEALING: Final = frozenset({Class.RATE_LIMITED, Class.OVERLOADED, Class.TIMEOUT, Class.PROVIDER_ERROR})

# By names of their own: Python 3.11 takes ten times as long to look a member of an enum up.
_BY_CODE, _BY_PHRASE, _BY_STATUS = Confidence.CODE, Confidence.PHRASE, Confidence.STATUS
_HINT, _PHRASE, _USER = Tier.HINT, Tier.PHRASE, Tier.USER


@dataclass(slots=True)
class Decision:
    """The winner and all that was considered."""

    winner: Match | None
    reason: str
    confidence: Confidence
    considered: list[Match]
    notes: list[str]


def decide(evidence: Evidence, rules: Rules, provider: str) -> Decision:
    """Choose the rule that decides."""
    speaking = rules.speaking(provider)
    considered: list[Match] = []
    hints: list[Match] = []
    winner: Match | None = None
    for layer in _asked(evidence):
        found = met(evidence, layer, rules, speaking | rules.speaking(layer.via) if layer.via else speaking)
        if evidence.shape == "page":
            found = [one for one in found if rules.reasons[one.rule.reason].cls in OF_A_PAGE]
        if not found:
            continue
        considered += found
        best = min(found, key=rank)
        if best.tier >= _HINT and not _is_quoted_code(best, evidence, rules):
            hints.append(best)
        elif winner is None or best.tier is _USER:
            winner = best
        if winner is not None and (winner.tier is _USER or not rules.has_users):
            break
    if winner is None:
        winner = _told_by_status(evidence, rules, speaking, hints[0] if hints else None)
        if winner is not None and winner.layer is None:
            considered.append(winner)
    return _settled(evidence, rules, winner, considered)


def _is_quoted_code(hint: Match, evidence: Evidence, rules: Rules) -> bool:
    """A broad code in an answer that a wrapper quotes: the wrapper's own words say no more. `invalid_request` does not even that."""
    return (
        hint.confidence is _BY_CODE
        and hint.layer is not None
        and hint.layer is not evidence.layers[0]
        and bool(hint.layer.texts)  # else it is a part of what stands around it
        and rules.reasons[hint.rule.reason].cls not in BROAD_CLASSES
    )


def _asked(evidence: Evidence) -> Iterator[Layer]:
    """The layers from the innermost outwards, and last what stands in members whose names say nothing."""
    yield from reversed(evidence.layers)
    unnamed = evidence.unnamed()
    if unnamed is not None:
        yield unnamed


def _told_by_status(evidence: Evidence, rules: Rules, speaking: frozenset[str], hint: Match | None) -> Match | None:
    """The status decides where no layer does, its own or one that a wrapper quotes; a finer hint outranks it."""
    if hint is None:
        return _by_status(evidence, rules, speaking)
    if hint.rule.reason in BROAD_FAULTS and evidence.http_status in WRAPPERS and hint.layer is not None:
        said = status_said(hint.layer)
        if said is not None and said not in WRAPPERS:
            return _by_status(evidence, rules, speaking) or hint
    return hint


def _by_status(evidence: Evidence, rules: Rules, speaking: frozenset[str]) -> Match | None:
    status = evidence.status
    by = f"nothing but the status {status} is left"
    if evidence.http_status in WRAPPERS:
        for layer in reversed(evidence.layers):
            said = status_said(layer)
            if said is not None:
                status, by = said, f"the wrapper quotes a status {said}"
                break
    for one in (status, evidence.http_status):
        own = [rule for rule in rules.index.by_status.get(one, ()) if not rule.provider or rule.provider in speaking]
        if own:
            first = min(own, key=lambda rule: (not rule.provider, rule.tier, rule.order))
            return Match(first, first.tier, None, (by, "", ""), _BY_STATUS)
    return None


def _settled(evidence: Evidence, rules: Rules, winner: Match | None, considered: list[Match]) -> Decision:
    notes: list[str] = []
    if winner is None:
        return Decision(None, "unrecognised", _BY_STATUS, considered, notes)
    reason, confidence = winner.rule.reason, winner.confidence
    cls = rules.reasons[reason].cls
    if (
        confidence is _BY_PHRASE
        and winner.tier >= _PHRASE
        and cls in HEALING
        and evidence.http_status in FINAL_STATUSES
        and evidence.status == evidence.http_status
    ):
        notes.append(f"a status {evidence.http_status} and words of {cls} contradict each other")
        return Decision(winner, "contradictory", confidence, considered, notes)
    if winner.layer is None and evidence.http_status in REFUSALS:
        otherwise = _words_of_load(evidence, rules)
        if otherwise is not None:
            notes.append(f"a status {evidence.http_status} and words of {otherwise} contradict each other")
            return Decision(winner, "contradictory", confidence, considered, notes)
    if confidence is _BY_PHRASE:
        agreeing = next(
            (
                one
                for one in considered
                if one.confidence is _BY_CODE
                and rules.reasons[one.rule.reason].cls is cls
                and (one.tier < _HINT or winner.tier < _HINT)  # two broad words make no fine one
            ),
            None,
        )
        if agreeing is not None:
            confidence = _BY_CODE
            notes.append(f"{agreeing.by}, which says the same class: a code decided")
    elif _says_no_more_than_the_status(winner, evidence, rules, considered):
        confidence = _BY_STATUS
        notes.append(f"{winner.by}, which says no more than the status, beside words that no rule understands")
    if winner.finer and reason in REFINED:
        reason = winner.finer
    elif reason in ANY_WINDOW:
        for layer in reversed(evidence.layers):
            window = window_of(layer)
            if window is not None:
                notes.append(f"the window is named ({window.seen}): {window.reason}")
                reason = window.reason
                break
    return Decision(winner, reason, confidence, considered, notes)


def _words_of_load(evidence: Evidence, rules: Rules) -> Class | None:
    """The class of words that speak of a rate or of load, whatever the status: time would heal it, the status says never."""
    for layer in evidence.layers:
        heard = layer.heard()
        for rule in rules.index.of_load:
            if any_in(rule.phrases, heard) and not any_in(rule.unless, heard):
                return rules.reasons[rule.reason].cls
    return None


def _says_no_more_than_the_status(winner: Match, evidence: Evidence, rules: Rules, considered: list[Match]) -> bool:
    """A broad code (`invalid_request_error` with a 400) is no evidence where it stands beside prose that may say otherwise."""
    if winner.confidence is not _BY_CODE or winner.tier is not _HINT or winner.layer is None:
        return False
    cls = rules.reasons[winner.rule.reason].cls
    if not any(" " in text for text in winner.layer.texts):
        return False
    if any(one.confidence is _BY_PHRASE and rules.reasons[one.rule.reason].cls is cls for one in considered):
        return False
    return any(rules.reasons[rule.reason].cls is cls for rule in rules.index.by_status.get(evidence.http_status, ()))


def classify_evidence(evidence: Evidence, rules: Rules, provider: str, now: float | None) -> Verdict:
    """The verdict on a failure whose evidence was gathered."""
    decision = decide(evidence, rules, provider)
    return verdict_of(decision, evidence, rules, provider, now)


def verdict_of(decision: Decision, evidence: Evidence, rules: Rules, provider: str, now: float | None) -> Verdict:
    wait = wait_of(evidence, now, rules.ahead_s(provider) if provider else 0.0)
    if decision.winner is None:
        return replace(own_verdict("unrecognised", source=Source.UPSTREAM), confidence=_BY_STATUS, wait=wait)
    return rules.verdict(decision.reason, rule=decision.winner.rule, confidence=decision.confidence, wait=wait)


def classify(answer: Answer, rules: Rules | None = None, *, now: float | None = None) -> Verdict | None:
    """What a failed answer means; None for a good one.

    `rules` are the built-in ones where none are given. `now` (epoch seconds) turns instants into waits; without it the
    answer's own `Date` serves, and without that an instant tells no wait.
    """
    if rules is None:
        rules = builtin()
    evidence = gather(answer, rules.provider(answer.provider) if answer.provider else None)
    if evidence is None:
        return None
    return classify_evidence(evidence, rules, answer.provider, now)


def classify_event(
    data: bytes | str, event: str = "", provider: str = "", rules: Rules | None = None, *, now: float | None = None
) -> Verdict | None:
    """What the error event of a stream means, by its data and its name; None where it is no error."""
    raw = data if isinstance(data, bytes) else data.encode("utf-8", "surrogatepass")
    frame = b"event: " + event.encode("utf-8", "surrogatepass") + b"\n" if event else b""
    for line in raw.splitlines() or [b""]:
        frame += b"data: " + line + b"\n"
    return classify(Answer(status=200, body=frame + b"\n", provider=provider, stream=True), rules, now=now)
