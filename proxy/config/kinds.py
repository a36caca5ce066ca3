"""What a setting can be: one value, a list, a table, a section; how each is read from text and described to editors.

Reading never raises: what is wrong is told to the document, and the setting's default stands in, so that one mistake
does not hide the next.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, dataclass, field, fields
from functools import cache
from typing import Any, Final, Protocol

from proxy.config.source import Document, Place

Schema = Mapping[str, Any]

VARIABLE: Final[Schema] = {"$ref": "#/$defs/Variable"}


class Kind(Protocol):
    """How a setting is read."""

    @property
    def is_plural(self) -> bool:
        """Whether a key without value means none of several, not a mistake."""

    def read(self, value: Any, place: Place, document: Document, default: Any) -> Any:
        """The setting's value, or the default where what is written is wrong."""

    def schema(self) -> Schema:
        """JSON Schema of what may be written."""


@dataclass(frozen=True, slots=True)
class Setting:
    kind: Kind
    help: str
    default: Any
    stand_in: str | None = None  # what a required setting is read as where it is missing or wrong

    @property
    def is_required(self) -> bool:
        return self.stand_in is not None


def setting(kind: Kind, default: Any, about: str, *, secret: bool = False) -> Any:
    """A field with a default."""
    facts: Mapping[str, Any] = {"setting": Setting(kind, about, default)}
    if isinstance(default, Mapping):
        return field(default_factory=lambda: default, repr=not secret, metadata=facts)
    return field(default=default, repr=not secret, metadata=facts)


def required(kind: Kind, about: str, *, stand_in: str, secret: bool = False) -> Any:
    """A field without a default. In `stand_in`, `{n}` is the number of the item in its list."""
    return field(repr=not secret, metadata={"setting": Setting(kind, about, None, stand_in)})


@cache
def settings_of(section: type) -> Mapping[str, Setting]:
    """A section's settings by key."""
    return {f.name: f.metadata["setting"] for f in fields(section) if "setting" in f.metadata}


@dataclass(frozen=True, slots=True)
class One:
    """One value: text that `parse` reads or refuses with what is allowed."""

    parse: Callable[[str], Any]
    described: Schema = field(default_factory=lambda: {"type": "string"})
    is_secret: bool = False  # a wrong value is not repeated

    is_plural = False

    def read(self, value: Any, place: Place, document: Document, default: Any) -> Any:
        if not isinstance(value, str):
            document.wrong(place, "expected one value, not a list or mapping")
            return default
        try:
            return self.parse(value.strip())
        except ValueError as error:
            document.wrong(place, str(error), None if self.is_secret else value)
            return default

    def schema(self) -> Schema:
        return self.described if self.described == {"type": "string"} else {"anyOf": [self.described, VARIABLE]}


@dataclass(frozen=True, slots=True)
class Many:
    """A list."""

    item: Kind

    is_plural = True

    def read(self, value: Any, place: Place, document: Document, default: Any) -> Any:
        if not isinstance(value, list):
            document.wrong(place, "expected a list")
            return default
        items = (self.item.read(item, (*place, at), document, MISSING) for at, item in enumerate(value))
        return tuple(item for item in items if item is not MISSING)

    def schema(self) -> Schema:
        return {"type": "array", "items": self.item.schema()}


@dataclass(frozen=True, slots=True)
class Table:
    """A mapping of names that are the user's own."""

    name: One
    value: One

    is_plural = True

    def read(self, value: Any, place: Place, document: Document, default: Any) -> Any:
        if not isinstance(value, dict):
            document.wrong(place, "expected a mapping of names to values")
            return default
        found = {}
        for key, item in value.items():
            name = self.name.read(key, (*place, key), document, None)
            found[name] = self.value.read(item, (*place, key), document, None)
        return {name: item for name, item in found.items() if name is not None and item is not None}

    def schema(self) -> Schema:
        return {"type": "object", "additionalProperties": self.value.schema()}


@dataclass(frozen=True, slots=True)
class Section:
    """A mapping of known keys."""

    of: type

    is_plural = True

    def read(self, value: Any, place: Place, document: Document, default: Any) -> Any:
        if not isinstance(value, dict):
            document.wrong(place, "expected a mapping of keys to values")
            value, document = {}, Document("")  # what it lacks is not told besides
        known = settings_of(self.of)
        for key in value:
            if key not in known:
                document.wrong((*place, key), self.unknown(key))
        number = next((part for part in reversed(place) if isinstance(part, int)), 0)
        return self.of(**{key: _read(s, value, (*place, key), document, number) for key, s in known.items()})

    def unknown(self, key: str) -> str:
        known = settings_of(self.of)
        near = difflib.get_close_matches(key.lower().replace("-", "_"), known, n=1, cutoff=0.6)
        if near:
            return f'unknown key, did you mean "{near[0]}"?'
        return f"unknown key, known here: {', '.join(known)}"

    def schema(self) -> Schema:
        known = settings_of(self.of)
        return {
            "type": "object",
            "description": (self.of.__doc__ or "").strip(),
            "additionalProperties": False,
            "required": [key for key, s in known.items() if s.is_required],
            "properties": {key: dict(_described(s)) for key, s in known.items()},
        }


def _read(s: Setting, values: Mapping[str, Any], place: Place, document: Document, number: int) -> Any:
    key = place[-1]
    default = s.default
    if s.stand_in is not None:
        default = s.kind.read(s.stand_in.format(n=number), (), document, None)
    if key not in values:
        if s.is_required:
            document.wrong(place, "is missing")
        return default
    value = values[str(key)]
    if value is None:
        if not s.kind.is_plural or default is None:
            document.wrong(place, "is empty: give it a value, or leave the key out")
        return default
    return s.kind.read(value, place, document, default)


def _described(s: Setting) -> Iterator[tuple[str, Any]]:
    yield from s.kind.schema().items()
    yield "description", s.help
    if isinstance(s.default, bool | int | float | str):
        yield "default", s.default
