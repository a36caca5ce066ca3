"""The drawing of docs/architecture.md is the imports of proxy/: nothing in it is invented, and nothing is missing."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest

from proxy.cli import COMMANDS
from tests.docs.markdown import ROOT, fences, links, page, quoted, section, table
from tests.test_purity import PURE, WAIT

ARCHITECTURE = page("docs/architecture.md")
[DRAWING] = fences(ARCHITECTURE, "mermaid")
SOURCE = ROOT / "proxy"

# The package's own door and `python -m proxy`: nobody leans on them.
DOORS = {"__init__", "__main__"}


def parts() -> set[str]:
    """What stands at the top of proxy/: modules, and folders with modules."""
    found = {
        path.stem if path.is_file() else path.name
        for path in SOURCE.iterdir()
        if path.suffix == ".py" or any(path.glob("*.py"))
    }
    return found - DOORS


def imported(file: Path) -> Iterator[str]:
    """The full names of what a file imports, relative ones too."""
    package = ("proxy", *file.relative_to(SOURCE).parts[:-1])
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join((*base, *filter(None, (node.module,))))
            yield from (f"{module}.{alias.name}" for alias in node.names)


@cache
def imports() -> Mapping[str, set[str]]:
    """Each part with the parts that it imports."""
    found: dict[str, set[str]] = {part: set() for part in parts()}
    for file in SOURCE.rglob("*.py"):
        part = file.relative_to(SOURCE).parts[0].removesuffix(".py")
        for name in imported(file):
            package, _, rest = name.partition(".")
            to = rest.partition(".")[0]
            if package == "proxy" and part in found and to in found and to != part:
                found[part].add(to)
    return found


def drawn(arrow: str) -> set[tuple[str, str]]:
    found = set()
    for start, ends in re.findall(rf"^ *(\w+) {re.escape(arrow)} (\w+(?: & \w+)*)$", DRAWING, re.MULTILINE):
        found |= {(start, end) for end in ends.split(" & ")}
    return found


def arrows() -> set[tuple[str, str]]:
    both = drawn("<-->")
    return drawn("-->") | both | {(end, start) for start, end in both}


def reached(start: str) -> set[str]:
    """Where arrows lead from a part, one after another."""
    found: set[str] = set()
    waiting = [start]
    while waiting:
        here = waiting.pop()
        new = {end for begin, end in arrows() if begin == here} - found
        found |= new
        waiting += new
    return found


def test_every_part_is_drawn():
    assert set(re.findall(r"^ *(\w+)\[\"", DRAWING, re.MULTILINE)) == parts()


def test_every_line_of_the_drawing_is_read():
    told = len(re.findall(r"^ *\w+\[\"", DRAWING, re.MULTILINE)) + len(
        re.findall(r"^ *\w+ (?:-->|<-->|-\.->) [\w &]+$", DRAWING, re.MULTILINE)
    )
    assert told == len([line for line in DRAWING.splitlines() if line.strip()]) - 1  # the first says what it is


@pytest.mark.parametrize(("start", "end"), sorted(arrows()))
def test_every_arrow_is_an_import(start, end):
    assert end in imports()[start]


@pytest.mark.parametrize("part", sorted(parts()))
def test_every_import_follows_the_arrows(part):
    assert imports()[part] <= reached(part)


def test_the_dotted_arrow_is_an_import_by_name():
    assert drawn("-.->") == {("cli", "commands")}
    assert all((SOURCE / "commands" / f"{name}.py").is_file() for name in COMMANDS)


def test_every_stage_is_told():
    told = {
        name
        for row in table(ARCHITECTURE, "file of `proxy/way/`")
        for cell in (row[0], row[2])
        for name in quoted(cell)
    }
    assert told == {path.stem for path in (SOURCE / "way").glob("*.py")} - DOORS


def test_what_is_pure_is_what_is_tried():
    [told] = re.findall(
        r"(.*?), and `retry` but for the two files that wait \((.*?)\)", section(ARCHITECTURE, "## What is pure")
    )
    assert {*quoted(told[0]), "retry"} == {*PURE}
    assert {f"proxy.retry.{name}" for name in quoted(told[1])} == WAIT


@pytest.mark.parametrize("to", links(ARCHITECTURE))
def test_its_links_lead_somewhere(to):
    assert (ROOT / "docs" / to).resolve().exists()
