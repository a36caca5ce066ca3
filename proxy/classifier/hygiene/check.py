"""What is wrong with a set of rules and their cases, as `FILE:LINE: ...`: rules that can never win, that are slow, that contradict
others, that no case decides or nearly meets, and cases that come out otherwise than they say.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import yaml

from proxy.classifier.engine import classify
from proxy.classifier.files.load import TOP_KEYS, builtin
from proxy.classifier.files.nodes import line_of, nodes
from proxy.classifier.files.rulefile import RuleFile
from proxy.classifier.hygiene.cases import Case
from proxy.classifier.hygiene.contradict import contradictions
from proxy.classifier.hygiene.cover import Cover, contradicts_itself
from proxy.classifier.hygiene.near import near
from proxy.classifier.phrases import Phrase
from proxy.classifier.rules import Reason, Rule, Rules
from proxy.model import Answer

# Words that a phrase may look at for one start: a position for each gap, times its length. Matching is linear whatever this is.
_MAX_STEPS: Final = 600


def problems(rules: Rules, cases: Sequence[Case]) -> list[str]:
    """Everything that is wrong; empty for a healthy set."""
    wrong, doubtful = examined(rules, cases)
    return [*wrong, *doubtful]


def examined(rules: Rules, cases: Sequence[Case], files: Collection[str] | None = None) -> tuple[list[str], list[str]]:
    """What is wrong, and what may be meant so; of the rules in some files where `files` names them, else of all."""
    lines = _Lines()
    cover = Cover(rules)
    among = [rule for rule in rules.rules if files is None or rule.file in files]
    wrong = [*_never_win(among, cover, lines), *_slow(among, lines)]
    decided, nearly = _judge(rules, cases, wrong)
    doubtful = [
        *_moved(rules, files or (), lines),
        *_contradictions(rules, cover, among, lines),
        *_unproven(among, decided, nearly, lines),
    ]
    return wrong, doubtful


class _Lines:
    """Where rules and reasons stand; files are read once, and only when something is to be told."""

    def __init__(self) -> None:
        self._nodes: dict[str, Any] = {}

    def of(self, rule: Rule) -> str:
        return self.at(rule.file, "rules", rule.at)

    def at(self, file: str, *where: str | int) -> str:
        if file not in self._nodes:
            try:
                self._nodes[file] = nodes(Path(file).read_text(encoding="utf-8"))
            except (OSError, yaml.YAMLError):
                self._nodes[file] = None
        node = self._nodes[file]
        return f"{file}:{line_of(node, where) if node is not None else 1}"


def _judge(rules: Rules, cases: Sequence[Case], wrong: list[str]) -> tuple[set[str], set[str]]:
    """The rules that decide some case, and those that some case comes near without being decided by them."""
    decided: set[str] = set()
    nearly: set[str] = set()
    for case in cases:
        verdict = classify(case.answer, rules)
        rule = verdict.rule if verdict else ""
        decided.add(rule)
        nearly.update(other.id for other in near(case.answer, rules) if other.id != rule)
        mistakes = case.mistakes(verdict)
        if mistakes:
            wrong.append(f"{case.file}:{case.line}: case {case.id}: {'; '.join(mistakes)}")
        if verdict is not None and classify(quoted(case.answer), rules) is not None:
            told = "a good answer that quotes it is taken for a failure"
            wrong.append(f"{case.file}:{case.line}: case {case.id}: {told}")
    return decided, nearly


def _unproven(among: Sequence[Rule], decided: set[str], nearly: set[str], lines: _Lines) -> Iterator[str]:
    for rule in among:
        if rule.id not in decided:
            yield f"{lines.of(rule)}: rule {rule.id}: no case is decided by it"
        elif rule.id not in nearly:
            yield f"{lines.of(rule)}: rule {rule.id}: no case is a near miss of it"


def quoted(answer: Answer) -> Answer:
    """The nearest miss of any failure: a good answer whose text is the failure's body."""
    text = answer.body.decode("utf-8", "replace")
    body = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}],
    }
    return replace(answer, status=200, headers=(), body=json.dumps(body).encode(), stream=False)


def _never_win(among: Sequence[Rule], cover: Cover, lines: _Lines) -> Iterator[str]:
    for rule in among:
        itself = contradicts_itself(rule)
        if itself:
            yield f"{lines.of(rule)}: rule {rule.id}: {itself}"
            continue
        takers = [early.id for early in cover.takers(rule)]
        if takers:
            take = "take" if len(takers) > 1 else "takes"
            yield f"{lines.of(rule)}: rule {rule.id}: can never win, {' and '.join(takers)} {take} all of it first"


def _contradictions(rules: Rules, cover: Cover, among: Sequence[Rule], lines: _Lines) -> Iterator[str]:
    asked = set(among)
    for found in contradictions(rules, cover, among):
        mine, theirs = (found.first, found.other) if found.first in asked else (found.other, found.first)
        yield (
            f"{lines.of(mine)}: rule {mine.id}: contradicts {theirs.id} ({lines.of(theirs)}) on {found.by}: "
            f"{rules.reasons[mine.reason].cls} here, {rules.reasons[theirs.reason].cls} there; {found.first.id} is first"
        )


def _moved(rules: Rules, files: Collection[str], lines: _Lines) -> Iterator[str]:
    """A user's file may give a built-in reason another class: every built-in rule that says it follows."""
    for file in files:
        value = RuleFile(Path(file), []).load(TOP_KEYS) or {}
        for name in value.get("reasons") or ():
            was = builtin().reasons.get(name)
            if was is not None and rules.reasons[name].cls is not was.cls:
                yield f"{lines.at(file, 'reasons', name)}: reason {name}: {_told_move(was, rules)}"


def _told_move(was: Reason, rules: Rules) -> str:
    others = sum(rule.reason == was.name for rule in builtin().rules)
    return f"moves it from {was.cls} to {rules.reasons[was.name].cls}, and {others} built-in rules with it"


def _slow(among: Sequence[Rule], lines: _Lines) -> Iterator[str]:
    for rule in among:
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
