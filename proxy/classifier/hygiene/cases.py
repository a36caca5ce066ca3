"""The rules' own cases: answers with the verdict that each deserves, one file per rule file. The server never reads them.

    cases:
    - id: groq-model-blocked
      source: https://console.groq.com/docs/model-permissions
      answer: {provider: groq, status: 403, body: '{"error": {"code": "model_permission_blocked_org"}}'}
      expect: {class: model, rule: groq.model-blocked}

`class` is `ok` for a good answer. `rule`, `reason`, `action`, `scope`, `wait` and `confidence` are compared where they are given.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from proxy.classifier.api import NotAnAnswerError, answer_of
from proxy.classifier.files.load import rules_directory
from proxy.classifier.files.rulefile import RuleFile
from proxy.model import Action, Answer, Class, Confidence, Scope, Verdict

_TOP_KEYS: Final = frozenset({"cases"})
_CASE_KEYS: Final = frozenset({"id", "source", "answer", "expect"})
_ANSWER_KEYS: Final = frozenset({"provider", "status", "headers", "body", "stream"})
_EXPECT_KEYS: Final = frozenset({"class", "reason", "rule", "action", "scope", "confidence", "wait"})
_EXPECTED: Final[Mapping[str, Sequence[str]]] = {
    "class": ("ok", *Class),
    "action": tuple(Action),
    "scope": tuple(Scope),
    "confidence": tuple(Confidence),
}
_TOLERANCE_S: Final = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """An answer and what it means."""

    id: str
    source: str
    answer: Answer
    expect: dict[str, Any]
    file: str
    line: int

    def mistakes(self, verdict: Verdict | None) -> list[str]:
        """In what a verdict differs from what is expected."""
        got: dict[str, Any] = {"class": "ok"}
        if verdict is not None:
            got = {
                "class": verdict.cls.value,
                "reason": verdict.reason,
                "rule": verdict.rule,
                "action": verdict.action.value,
                "scope": verdict.scope.value,
                "confidence": verdict.confidence.value,
                "wait": verdict.wait.seconds if verdict.wait else None,
            }
        return [
            f"{name}: expected {wanted}, got {got.get(name)}"
            for name, wanted in self.expect.items()
            if not _same(wanted, got.get(name))
        ]


def _same(wanted: Any, got: Any) -> bool:
    if isinstance(wanted, (int, float)) and isinstance(got, (int, float)):
        return abs(wanted - got) <= _TOLERANCE_S
    return bool(wanted == got)


def case_files(directory: Path | None = None) -> list[Path]:
    """The built-in cases."""
    return sorted(((directory or rules_directory()) / "cases").glob("*.yaml"))


def read_cases(files: Sequence[Path] | None = None, problems: list[str] | None = None) -> list[Case]:
    """All cases of some files; a mistake is added to `problems` as `FILE:LINE: ...`."""
    found: list[Case] = []
    for path in case_files() if files is None else files:
        found += _read(path, [] if problems is None else problems)
    return found


def _read(path: Path, problems: list[str]) -> Iterator[Case]:
    file = RuleFile(path, problems)
    value = file.load(_TOP_KEYS)
    if value is None:
        return
    if not isinstance(value.get("cases"), list):
        file.problem(["cases"], "cases: expected a list, each with id, source, answer and expect")
        return
    seen: set[str] = set()
    for at, given in enumerate(value["cases"]):
        case = _case(file, ["cases", at], given)
        if case is None:
            continue
        if case.id in seen:
            file.problem(["cases", at], f"case {case.id}: this id is used twice")
        seen.add(case.id)
        yield case


def _case(file: RuleFile, where: list[str | int], given: Any) -> Case | None:
    """A case, or None where it is told why it is none."""
    told = len(file.problems)
    if not isinstance(given, dict) or not isinstance(given.get("id"), str):
        file.problem(where, "a case needs id, source, answer and expect")
        return None
    file.label = f"case {given['id']}: "
    file.known_keys(given, _CASE_KEYS, where)
    if not file.text(given, "source", where):
        file.problem(where, f"{file.label}source: needs the page where it was seen")
    expect = file.mapping(given, "expect", where)
    file.known_keys(expect, _EXPECT_KEYS, [*where, "expect"])
    for key, allowed in _EXPECTED.items():
        if key in expect or key == "class":
            file.choice(expect, key, allowed, [*where, "expect"])
    answer = given.get("answer")
    if isinstance(answer, dict):
        file.known_keys(answer, _ANSWER_KEYS, [*where, "answer"])
    try:
        read = answer_of(answer)
    except NotAnAnswerError as error:
        file.problem([*where, "answer"], f"{file.label}answer: {error}")
        return None
    if len(file.problems) > told:
        return None
    line = file.line(where)
    return Case(
        id=given["id"], source=given["source"], answer=read, expect=dict(expect), file=str(file.path), line=line
    )
