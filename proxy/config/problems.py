"""Pydantic's findings in an operator's words: which key, what is wrong, what is allowed."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from typing import Any, Final, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from proxy.config.settings import Config
from proxy.config.source import Document, Place

# Values of other settings are short words and numbers, and help to see what is wrong.
_MAY_BE_SECRET: Final = frozenset(
    {
        "credential",
        "credential_file",
        "admin_token",
        "headers",
        "sha256",
        "proxy",
        "url",
        "store",
        "ca",
        "rules",
        "name",
    }
)
_MAX_SHOWN: Final = 24

_TEXTS: Final[Mapping[str, str]] = {
    "missing": "is missing",
    "bool_parsing": "expected true or false",
    "bool_type": "expected true or false",
    "int_parsing": "expected a whole number",
    "int_parsing_size": "expected a whole number",
    "int_from_float": "expected a whole number",
    "int_type": "expected a whole number",
    "float_parsing": "expected a number",
    "float_type": "expected a number",
    "string_type": "expected one value, not a list or mapping",
    "string_too_long": "expected at most {max_length} characters",
    "string_pattern_mismatch": "expected 1 to 64 letters, digits, and . _ : - after the first",
    "path_type": "expected a path",
    "tuple_type": "expected a list",
    "model_type": "expected a mapping of keys to values",
    "mapping_type": "expected a mapping of keys to values",
    "greater_than_equal": "expected at least {ge:g}",
    "less_than_equal": "expected at most {le:g}",
    "literal_error": "expected one of {expected}",
    "enum": "expected one of {expected}",
    "value_error": "{error}",
}


def found_by(error: ValidationError, document: Document) -> Iterator[tuple[Place, str]]:
    """Every finding with its place. A value that an upstream inherited is told of where it was written."""
    for detail in error.errors(include_url=False):
        place: Place = detail["loc"]
        place = document.written(place[:-1] if place[-1:] == ("[key]",) else place)
        yield place, _text(detail, place, shows=place not in document.expanded)


def _text(detail: ErrorDetails, place: Place, *, shows: bool) -> str:
    if detail["type"] == "extra_forbidden":
        return _unknown(place)
    text = _TEXTS.get(detail["type"], "cannot be used").format_map(detail.get("ctx", {}))
    if detail["type"] in ("enum", "literal_error"):
        text = text.replace("'", "").replace(" or ", ", ")
    value = detail["input"]
    if shows and isinstance(value, str) and len(value) <= _MAX_SHOWN and not _MAY_BE_SECRET.intersection(place):
        return f'{text}, found "{value}"'
    return text


def _unknown(place: Place) -> str:
    known = sorted(_keys_at(place[:-1]))
    word = str(place[-1])
    near = difflib.get_close_matches(word.lower().replace("-", "_"), known, n=1, cutoff=0.6)
    elsewhere = [] if near else [path for path in _all_keys() if path.rpartition(".")[2] == word]
    if near:
        return f'unknown key, did you mean "{near[0]}"?'
    if elsewhere:
        return f"unknown key here, it belongs to {' or '.join(elsewhere)}"
    return f"unknown key, known here: {', '.join(known)}"


def _keys_at(place: Place) -> set[str]:
    model: type[BaseModel] = Config
    for part in place:
        if isinstance(part, str):
            inner = _model_in(model.model_fields[part].annotation)
            assert inner is not None
            model = inner
    return set(model.model_fields)


def _all_keys() -> Iterator[str]:
    for key, field in Config.model_fields.items():
        yield key
        inner = _model_in(field.annotation)
        if inner is not None:
            yield from (f"{key}.{name}" for name in inner.model_fields)


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The settings that a key holds: directly, or as items of a list."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for found in map(_model_in, get_args(annotation)) if found), None)
