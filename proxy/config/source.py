"""A YAML file as plain text values, each with the line it stands on and `${VAR}` already filled in.

Scalars stay text: what a value is, its setting decides. So `off` is the word and no boolean, and a client named `007`
keeps its name. No problem told here repeats a value: any may be a secret.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import yaml

Place = tuple[str | int, ...]
"""Where a value stands: `("upstreams", 0, "timeouts", "connect")`."""

_LOADER: Final[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NULL: Final = frozenset({"", "~", "null", "Null", "NULL"})
_MERGE: Final = "<<"
_VARIABLE: Final = re.compile(r"\$\{(?:(?P<name>[A-Za-z_]\w*)(?P<default>:-[^}]*)?\})?", re.ASCII)
_MAX_SHOWN: Final = 24
_KEY: Final = re.compile(r"[A-Za-z_][A-Za-z_-]{0,38}\d{0,3}", re.ASCII)


@dataclass(slots=True)
class Document:
    """What a file says, where it says so, and what is wrong with it so far."""

    name: str
    values: dict[str, Any] = field(default_factory=dict)
    lines: dict[Place, int] = field(default_factory=dict)
    origins: dict[Place, str] = field(default_factory=dict)  # values that came from elsewhere: `--listen`
    expanded: set[Place] = field(default_factory=set)  # values that the environment is part of
    problems: dict[Place, str] = field(default_factory=dict)
    repeats: list[tuple[Place, str, int]] = field(default_factory=list)
    is_readable: bool = True

    def refuse(self, problem: str, line: int = 1) -> None:
        """The file as a whole cannot be read."""
        self.is_readable = False
        self.lines[()] = line
        self.problems[()] = problem

    def wrong(self, place: Place, problem: str, value: str | None = None) -> None:
        """Notes a problem, and the value where it may be told. Of an unreadable value nothing more is said."""
        place = self.written(place)
        shows = value is not None and len(value) <= _MAX_SHOWN and place not in self.expanded
        self.problems.setdefault(place, f'{problem}, found "{value}"' if shows else problem)

    @property
    def has_problems(self) -> bool:
        return bool(self.problems or self.repeats)

    def lines_of_problems(self) -> list[str]:
        """`FILE:LINE: key: what is wrong, what is allowed`, in the file's order."""
        named = [(self.where(at), f"{shown(at)}: {text}" if at else text) for at, text in self.problems.items()]
        named += [(f"{self.name}:{line}", f"{shown(at)}: {text}") for at, text, line in self.repeats]
        return [f"{where}: {text}" for where, text in sorted(named, key=lambda item: _order(item[0]))]

    def written(self, place: Place) -> Place:
        """The place itself, or the global section's that an upstream inherited the value from."""
        inherited = len(place) > 2 and place[0] == "upstreams" and place not in self.lines and place[2:] in self.lines
        return place[2:] if inherited else place

    def where(self, place: Place) -> str:
        """`FILE:LINE` of a value, of what encloses it where it is missing; or the option that it came from."""
        for length in range(len(place), -1, -1):
            if origin := self.origins.get(place[:length]):
                return origin
            if line := self.lines.get(place[:length]):
                return f"{self.name}:{line}"
        return f"{self.name}:1"


def read(text: str, name: str, env: Mapping[str, str]) -> Document:
    """The document, with its own problems in it. Never raises for what the text says."""
    document = Document(name)
    try:
        root = yaml.compose(text, Loader=_LOADER)
    except yaml.MarkedYAMLError as error:
        # Its text, and what it quotes, can hold a value: `credential: *sk-...`.
        mark = error.problem_mark or error.context_mark
        reason = re.sub(r"""(['"]).{2,}\1""", "(…)", error.problem or "cannot be read", flags=re.DOTALL)
        document.refuse(f"is not YAML: {reason}", mark.line + 1 if mark else 1)
        return document
    except (yaml.YAMLError, RecursionError):
        document.refuse("is not YAML: it holds characters that YAML does not allow, or is nested too deeply")
        return document
    if root is None:
        return document
    document.lines[()] = root.start_mark.line + 1
    try:
        values = _Reader(document, env).value(root, (), ())
    except RecursionError:
        document.refuse("is nested too deeply")
        return document
    if isinstance(values, dict):
        document.values = values
    elif values is not None:
        document.refuse("expected a mapping of keys to values")
    return document


def shown(place: Place) -> str:
    """A place as people write it: `upstreams[0].timeouts.connect`."""
    text = ""
    for part in place:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            # `credential:sk-...` without its space is one long key.
            text += "." * bool(text) + (part if _KEY.fullmatch(part) else "(…)")
    return text


def _order(where: str) -> tuple[int, int]:
    _, _, line = where.rpartition(":")
    return (1, int(line)) if line.isdecimal() else (0, 0)


class _Reader:
    def __init__(self, document: Document, env: Mapping[str, str]) -> None:
        self.document = document
        self.env = env

    def value(self, node: Any, place: Place, above: tuple[int, ...]) -> Any:
        if id(node) in above:
            self.document.wrong(place, "an alias (*) must not stand inside what it names")
            return None
        above = (*above, id(node))
        match node:
            case yaml.MappingNode():
                return self.mapping(node, place, above)
            case yaml.SequenceNode():
                items = []
                for at, item in enumerate(node.value):
                    self.document.lines[(*place, at)] = item.start_mark.line + 1
                    items.append(self.value(item, (*place, at), above))
                return items
            case _:
                if node.style in (None, "") and node.value in _NULL:
                    return None
                return self.expand(node.value, place)

    def mapping(self, node: yaml.MappingNode, place: Place, above: tuple[int, ...]) -> dict[str, Any]:
        values: dict[str, Any] = {}
        own: set[str] = set()
        for key_node, value_node, is_own in self.entries(node, place, above):
            if not isinstance(key_node, yaml.ScalarNode):
                self.document.wrong(place, "expected a word as key")
                continue
            inner = (*place, key_node.value)
            line = key_node.start_mark.line + 1
            if is_own and key_node.value in own:
                first = self.document.lines[inner]
                self.document.repeats.append((inner, f"stands here a second time, first in line {first}", line))
                continue
            if is_own:
                own.add(key_node.value)
            self.document.lines[inner] = line
            values[key_node.value] = self.value(value_node, inner, above)
        return values

    def entries(
        self, node: yaml.MappingNode, place: Place, above: tuple[int, ...], *, is_own: bool = True
    ) -> Iterator[tuple[yaml.Node, yaml.Node, bool]]:
        """A mapping's entries after those that it merges in (`<<: *base`): of two, the later one is in force."""
        for key, value in node.value:
            if key.value == _MERGE:
                for base in reversed(value.value if isinstance(value, yaml.SequenceNode) else [value]):
                    if isinstance(base, yaml.MappingNode) and id(base) not in above:
                        yield from self.entries(base, place, (*above, id(base)), is_own=False)
                    else:
                        self.document.wrong(place, "<< expects a mapping, or a list of mappings")
        for key, value in node.value:
            if key.value != _MERGE:
                yield key, value, is_own

    def expand(self, text: str, place: Place) -> str:
        if "${" not in text:
            return text
        self.document.expanded.add(place)
        wrong: list[str] = []

        def fill(match: re.Match[str]) -> str:
            name, default = match["name"], match["default"]
            if name is None:
                wrong.append("a variable is written ${VAR} or ${VAR:-default}")
                return ""
            value = self.env.get(name)
            if default is not None:
                return value or default[2:]
            if value is None:
                wrong.append(f"environment variable {name} is not set: set it, or write ${{{name}:-default}}")
                return ""
            return value

        text = _VARIABLE.sub(fill, text)
        if wrong:
            self.document.wrong(place, "; ".join(dict.fromkeys(wrong)))
        return text
