"""The rules' own cases: answers with the verdict that each deserves, one file per rule file. The server never reads them.

    cases:
    - id: groq-model-blocked
      source: https://console.groq.com/docs/model-permissions
      answer: {provider: groq, status: 403, body: '{"error": {"code": "model_permission_blocked_org"}}'}
      expect: {class: model, rule: groq.model-blocked}

`class` is `ok` for a good answer. `rule`, `reason`, `action`, `scope`, `wait` and `confidence` are compared where they are given.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from proxy.classifier.api import NotAnAnswerError, answer_of
from proxy.classifier.load import rules_directory
from proxy.classifier.nodes import line_of, nodes, values
from proxy.model import Answer, Verdict

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
    try:
        text = path.read_text(encoding="utf-8")
        node = nodes(text)
        value = values(text)
    except (OSError, UnicodeDecodeError, RecursionError, yaml.YAMLError) as error:
        mark = getattr(error, "problem_mark", None)
        problems.append(f"{path}:{mark.line + 1 if mark else 1}: cases cannot be read: {type(error).__name__}")
        return
    for at, given in enumerate((value.get("cases") or ()) if isinstance(value, dict) else ()):
        line = line_of(node, ("cases", at))
        try:
            yield Case(
                id=given["id"],
                source=given["source"],
                answer=answer_of(given["answer"]),
                expect={"class": given["expect"]["class"], **given["expect"]},
                file=str(path),
                line=line,
            )
        except NotAnAnswerError as error:
            problems.append(f"{path}:{line}: case {given.get('id')}: answer.{error}")
        except (KeyError, TypeError) as error:
            problems.append(f"{path}:{line}: a case needs id, source, answer and expect.class ({error})")
