"""What the tests of the documentation read from Markdown: tables, fenced blocks, words in backticks, links."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent


def page(name: str) -> str:
    return (ROOT / name).read_text("utf-8")


def section(text: str, heading: str) -> str:
    """What stands between a heading and the next one of its depth or above."""
    depth = len(heading.partition(" ")[0])
    lines = iter(_with_depth(text))
    assert any(line == heading and at for line, at in lines), f"no heading {heading}"
    return "\n".join(line for line, _ in takewhile(lambda found: not 0 < found[1] <= depth, lines)) + "\n"


def _with_depth(text: str) -> Iterator[tuple[str, int]]:
    """Each line with its depth where it is a heading, else 0: a `#` inside a fence begins a comment."""
    is_fenced = False
    for line in text.splitlines():
        is_fenced ^= line.startswith("```")
        marks = re.match("#* ?", line)
        yield line, 0 if is_fenced or marks is None or not marks[0].endswith(" ") else len(marks[0]) - 1


def table(text: str, first_column: str) -> list[list[str]]:
    """The rows, cell by cell, of all tables whose first column has this head."""
    found = re.findall(rf"^\| {re.escape(first_column)} \|.*\n\|[ -|]+\|\n((?:\|.*\n?)*)", text, re.MULTILINE)
    assert found, f"no table {first_column}"
    return [[cell.strip() for cell in row.strip("|").split("|")] for rows in found for row in rows.splitlines()]


def quoted(text: str) -> list[str]:
    """What stands in backticks."""
    return re.findall(r"`([^`]+)`", text)


def fences(text: str, language: str) -> list[str]:
    """The contents of fenced blocks in a language."""
    return re.findall(rf"^```{re.escape(language)}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def links(text: str) -> list[str]:
    """Where links lead, inside the project."""
    return [to for to in re.findall(r"\]\(([^)]+)\)", text) if not to.startswith(("http:", "https:"))]
