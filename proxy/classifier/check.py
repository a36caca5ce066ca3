"""What is wrong with a set of rules and their cases, as `FILE:LINE: ...`: rules that can never win, that no case decides or
nearly meets, that contradict another provider's, that are slow, and cases that come out otherwise than they say.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import yaml

from proxy.classifier.cases import Case
from proxy.classifier.engine import classify, decide
from proxy.classifier.evidence import gather
from proxy.classifier.nodes import line_of, nodes
from proxy.classifier.phrases import Phrase
from proxy.classifier.rules import Rule, Rules, Tier
from proxy.model import Answer

# Words that a phrase may look at for one start: a position for each gap, times its length. Matching is linear whatever this is.
_MAX_STEPS: Final = 600


def problems(rules: Rules, cases: Sequence[Case]) -> list[str]:
    """Everything that is wrong; empty for a healthy set."""
    wrong, unproven = examined(rules, cases)
    return [*wrong, *unproven]


def examined(rules: Rules, cases: Sequence[Case]) -> tuple[list[str], list[str]]:
    """What is wrong, and what may be right but no case shows it."""
    lines = _Lines()
    wrong = hygiene(rules, lines)
    decided, nearly = _judge(rules, cases, wrong)
    unproven: list[str] = []
    for rule in rules.rules:
        if rule.id not in decided:
            unproven.append(f"{lines.of(rule)}: rule {rule.id}: no case is decided by it")
        elif rule.id not in nearly:
            unproven.append(f"{lines.of(rule)}: rule {rule.id}: no case is a near miss of it")
    return wrong, unproven


def hygiene(rules: Rules, lines: _Lines | None = None) -> list[str]:
    """What is wrong with the rules themselves, whatever cases they have."""
    lines = lines or _Lines()
    return [*_never_win(rules, lines), *_contradictions(rules, lines), *_slow(rules, lines)]


class _Lines:
    """Where rules stand; files are read once, and only when something is wrong."""

    def __init__(self) -> None:
        self._nodes: dict[str, Any] = {}

    def of(self, rule: Rule) -> str:
        if rule.file not in self._nodes:
            try:
                self._nodes[rule.file] = nodes(Path(rule.file).read_text(encoding="utf-8"))
            except (OSError, yaml.YAMLError):
                self._nodes[rule.file] = None
        node = self._nodes[rule.file]
        return f"{rule.file}:{line_of(node, ('rules', rule.at)) if node is not None else 1}"


def _judge(rules: Rules, cases: Sequence[Case], found: list[str]) -> tuple[set[str], set[str]]:
    """The rules that decide some case, and those that some case meets or quotes without being decided by them."""
    decided: set[str] = set()
    nearly: set[str] = set()
    for case in cases:
        verdict = classify(case.answer, rules)
        mistakes = case.mistakes(verdict)
        if mistakes:
            found.append(f"{case.file}:{case.line}: case {case.id}: {'; '.join(mistakes)}")
        if verdict is None:
            continue
        decided.add(verdict.rule)
        evidence = gather(case.answer, rules.provider(case.answer.provider))
        if evidence is not None:
            met = decide(evidence, rules, case.answer.provider).considered
            nearly.update(match.rule.id for match in met if match.rule.id != verdict.rule)
        if classify(quoted(case.answer), rules) is None:
            nearly.add(verdict.rule)
        else:
            found.append(
                f"{case.file}:{case.line}: case {case.id}: a good answer that quotes it is taken for a failure"
            )
    return decided, nearly


def quoted(answer: Answer) -> Answer:
    """The nearest miss of any failure: a good answer whose text is the failure's body."""
    text = answer.body.decode("utf-8", "replace")
    body = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}],
    }
    return replace(answer, status=200, headers=(), body=json.dumps(body).encode(), stream=False)


def _never_win(rules: Rules, lines: _Lines) -> Iterator[str]:
    """Rules all of whose codes or phrases an earlier rule without further conditions takes first."""
    taken: dict[tuple[str, str, str], Rule] = {}
    for rule in sorted(rules.rules, key=lambda rule: (rule.tier, rule.order)):
        if rule.shows or not (rule.codes or rule.phrases):
            continue
        keys = [("code", code) for code in sorted(rule.codes)] or [("phrase", phrase.text) for phrase in rule.phrases]
        owners = [_owner(taken, rule, kind, word) for kind, word in keys]
        first = next((owner for owner in owners if owner), None)
        if first is not None and all(owners):
            yield f"{lines.of(rule)}: rule {rule.id}: can never win, {first.id} takes all of it first"
        for kind, word in keys:
            if _is_unconditional(rule, kind):
                taken.setdefault((rule.provider if not rule.anywhere else "", kind, word), rule)


def _owner(taken: dict[tuple[str, str, str], Rule], rule: Rule, kind: str, word: str) -> Rule | None:
    for provider in {"", rule.provider}:
        owner = taken.get((provider, kind, word))
        # A provider's own rule comes before common ones where that provider spoke, whatever their tiers.
        if owner is not None and (not rule.provider or owner.provider == rule.provider or owner.tier <= Tier.JUDGED):
            return owner
    return None


def _is_unconditional(rule: Rule, kind: str) -> bool:
    others = bool(rule.phrases) if kind == "code" else bool(rule.codes)
    return not (others or rule.statuses or rule.unless or rule.params or rule.links or rule.headers or rule.not_codes)


def _contradictions(rules: Rules, lines: _Lines) -> Iterator[str]:
    """Rules that hold everywhere and say different classes by the same code, where nothing else parts them."""
    by_code: dict[str, list[Rule]] = defaultdict(list)
    for rule in rules.rules:
        if (not rule.provider or rule.anywhere) and rule.tier is Tier.CODE and _is_unconditional(rule, "code"):
            for code in rule.codes:
                by_code[code].append(rule)
    for code, said in sorted(by_code.items()):
        first = said[0]
        for other in said[1:]:
            if rules.reasons[other.reason].cls is not rules.reasons[first.reason].cls:
                yield f"{lines.of(other)}: rule {other.id}: contradicts {first.id} on the code {code}"


def _slow(rules: Rules, lines: _Lines) -> Iterator[str]:
    for rule in rules.rules:
        for phrase in (*rule.phrases, *rule.unless):
            if cost(phrase) > _MAX_STEPS:
                yield f"{lines.of(rule)}: rule {rule.id}: phrase {phrase.text!r} may look at {cost(phrase)} words for one start"


def cost(phrase: Phrase) -> int:
    """How many words a phrase looks at, at most, for one place where it may begin."""
    positions, total = 1, 0
    for step in phrase.steps[1:]:
        total += positions * (step.skip + 1)
        positions += step.skip + (1 if step.optional else 0)
    return total
