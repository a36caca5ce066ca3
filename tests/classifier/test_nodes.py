"""Rule files as values: what PyYAML's own constructor reads, or a mistake with its line."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from proxy.classifier.files.load import builtin_files
from proxy.classifier.files.nodes import line_of, nodes, values
from proxy.classifier.hygiene.cases import case_files


@pytest.mark.parametrize("path", [*builtin_files(), *case_files()], ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_as_pyyaml_reads_it(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert values(text) == yaml.safe_load(text)


@pytest.mark.parametrize(
    "text",
    [
        "", "# nothing\n", "---\n...\n", "7", "-7", "true", "Yes", "off", "NULL", "~", "1.5", "-.5", "a: ", "a: ''", "a: '7'", 'a: "true"',
        "a: |\n  7\n", "a: !!str 7", "[1, two, 3.0]", "{a: {b: [c, {d: e}]}}", "a: &x [1, 2]\nb: *x\n", "a: &x 429\nb: [*x, *x]\n",
        "- >-\n  folded\n  text\n- |+\n  kept\n\n", "a: <", "'': 1", "余额: 不足",
    ],
)  # fmt: skip
def test_values(text: str) -> None:
    assert values(text) == yaml.safe_load(text)


@pytest.mark.parametrize("text", ["0x1F", "1_000", "2026-11-21", "1:30", "0o17", "9" * 5000, ".inf", "1e3", "="])
def test_what_only_looks_like_a_number_stays_as_it_is_written(text: str) -> None:
    assert values(text) == text


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        ("a: 1\nb: 2\na: 3\n", 3, "given twice"),
        ("a:\n  [b]: 3\n", 2, "is no word"),
        ("a: *b\n", 1, "unknown alias"),
        ("&a [*a]\n", 1, "unknown alias"),
        ("a: 1\n---\nb: 2\n", 2, "only one document"),
        ("a: [\n", 2, "did not find expected"),
    ],
)
def test_mistakes(text: str, line: int, problem: str) -> None:
    with pytest.raises(yaml.MarkedYAMLError) as caught:
        values(text)
    assert caught.value.problem is not None
    assert problem in caught.value.problem
    assert caught.value.problem_mark is not None
    assert caught.value.problem_mark.line + 1 == line


def test_lines() -> None:
    found = nodes("a:\n- b: 1\n  c:\n  - d\n  - e\n")
    assert line_of(found, ("a", 0, "c", 1)) == 5
    assert line_of(found, ("a", 0, "x")) == 2
    assert line_of(found, ("x",)) == 1
