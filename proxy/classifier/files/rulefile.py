"""One rule file, or the cases of one: its values, each read as what it should be, every mistake as `FILE:LINE: ...`.

What the values mean together is load.py's and cases.py's. Lines are looked up only when something is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Final

import yaml

from proxy.classifier.files.nodes import line_of, nodes, values
from proxy.classifier.phrases import Phrase, PhraseError, compile_phrase
from proxy.classifier.words import code_word

_WORD_TYPES: Final = frozenset({str, int})
_STATUS: Final = re.compile(r"(?P<low>[1-9](?:[0-9]{2}|xx))(?:(?<!x)-(?P<high>[1-9][0-9]{2}))?")


class RuleFile:
    """One rule file, or the cases of one, and where its values stand."""

    def __init__(self, path: Path, problems: list[str], phrase: Callable[[str], Phrase] = compile_phrase) -> None:
        self.path = path
        self.phrase = phrase
        self.problems = problems
        self.source = ""
        self.label = ""

    def load(self, allowed: frozenset[str]) -> dict[str, Any] | None:
        """The members of the file, which are some of these; None where it cannot be read as such."""
        try:
            self.source = self.path.read_text(encoding="utf-8")
            value = values(self.source)
        except OSError as error:
            self.problems.append(f"{self.path}:1: cannot be read: {error.strerror}")
            return None
        except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
            mark = getattr(error, "problem_mark", None)
            self.problems.append(
                f"{self.path}:{mark.line + 1 if mark else 1}: is not YAML: {getattr(error, 'problem', None) or 'unreadable'}"
            )
            return None
        if not isinstance(value, dict):
            self.problems.append(f"{self.path}:1: expected a mapping with: {', '.join(sorted(allowed))}")
            return None
        self.known_keys(value, allowed, [])
        return value

    def problem(self, where: Sequence[str | int], text: str) -> None:
        self.problems.append(f"{self.path}:{self.line(where)}: {text}")

    @cached_property
    def node(self) -> Any:
        """Composed once more where a line is asked for: thousands of nodes kept for that would slow every good start."""
        return nodes(self.source)

    def line(self, where: Sequence[str | int]) -> int:
        return line_of(self.node, where)

    def known_keys(self, value: Mapping[str, Any], allowed: frozenset[str], where: list[str | int]) -> None:
        for key in value:
            if key not in allowed:
                self.problem([*where, key], f"{self.label}unknown key {key!r}{nearest(str(key), allowed)}")

    def mapping(self, value: Mapping[str, Any], key: str, where: list[str | int]) -> Mapping[str, Any]:
        found = value.get(key)
        if found is None:
            return {}
        if isinstance(found, dict):
            return found
        self.problem([*where, key], f"{self.label}{key}: expected a mapping")
        return {}

    def sequence(self, value: Mapping[str, Any], key: str, where: list[str | int]) -> Sequence[Any]:
        found = value.get(key)
        if found is None:
            return ()
        if isinstance(found, list):
            return found
        self.problem([*where, key], f"{self.label}{key}: expected a list")
        return ()

    def words(self, value: Mapping[str, Any], key: str, where: list[str | int]) -> list[str]:
        found = value.get(key)
        if found is None:
            return []
        items = found if isinstance(found, list) else [found]
        if _WORD_TYPES.issuperset(map(type, items)):
            return list(map(str, items))
        self.problem([*where, key], f"{self.label}{key}: expected words")
        return []

    def flag(self, value: Mapping[str, Any], key: str, where: list[str | int]) -> bool:
        found = value.get(key, False)
        if isinstance(found, bool):
            return found
        self.problem([*where, key], f"{self.label}{key}: expected true or false, without quotes, found {found!r}")
        return False

    def text(self, value: Mapping[str, Any], key: str, where: list[str | int]) -> str:
        found = value.get(key, "")
        if isinstance(found, str):
            return found
        self.problem([*where, key], f"{self.label}{key}: expected a text, found {found!r}")
        return ""

    def codes(self, value: Mapping[str, Any], key: str, where: list[str | int]) -> frozenset[str]:
        found = value.get(key)
        # A block of text holds codes between blanks, as one holds phrases in lines.
        written = found.split() if isinstance(found, str) and "\n" in found else self.words(value, key, where)
        codes = frozenset(map(code_word, written))
        if found is not None and (not codes or "" in codes):
            self.problem([*where, key], f"{self.label}{key}: holds no code, or what is none (a block has no comments)")
        return codes

    def phrases(self, value: Mapping[str, Any], key: str, where: list[str | int]) -> tuple[Phrase, ...]:
        compiled = []
        found = value.get(key)
        # A block of text holds a phrase a line: a tenth of what as many items of a list take to read.
        for text in found.splitlines() if isinstance(found, str) else self.words(value, key, where):
            try:
                compiled.append(self.phrase(text))
            except PhraseError as error:
                self.problem([*where, key], f"{self.label}{error}")
        return tuple(compiled)

    def choice(
        self, value: Mapping[str, Any], key: str, allowed: Collection[str], where: list[str | int]
    ) -> str | None:
        found = value.get(key)
        if found in allowed:
            return str(found)
        self.problem(
            [*where, key],
            f"{self.label}{key}: {found!r} is not one of: {', '.join(allowed)}{nearest(str(found), allowed)}",
        )
        return None

    def choices(
        self, value: Mapping[str, Any], key: str, allowed: Collection[str], where: list[str | int]
    ) -> list[str]:
        """Several of some words."""
        found = self.words(value, key, where)
        for word in found:
            if word not in allowed:
                told = f"{self.label}{key}: {word!r} is not one of: {', '.join(allowed)}{nearest(word, allowed)}"
                self.problem([*where, key], told)
        return found

    def statuses(self, value: Mapping[str, Any], where: list[str | int]) -> frozenset[int]:
        found: list[frozenset[int]] = []
        for item in self.words(value, "status", where):
            meant = _statuses(item)
            if not meant:
                self.problem([*where, "status"], f"{self.label}status: {item!r} is neither a number, 400-499 nor 4xx")
            found.append(meant)
        return found[0] if len(found) == 1 else frozenset().union(*found)


@cache
def _statuses(item: str) -> frozenset[int]:
    """What `429`, `400-499` or `4xx` means; nothing where it means none."""
    said = _STATUS.fullmatch(item)
    low, high = (said["low"], said["high"] or said["low"]) if said else ("", "")
    if not low or low > high:
        return frozenset()
    return frozenset(range(int(low.replace("x", "0")), int(high.replace("x", "9")) + 1))


def nearest(word: str, known: Iterable[str]) -> str:
    """`, did you mean "class"?` where a known word is near."""
    import difflib  # noqa: PLC0415  # only where something is wrong

    close = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f', did you mean "{close[0]}"?' if close else ""
