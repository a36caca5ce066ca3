"""A file, the environment and the command line become one `Config`, or one `ConfigError` with every problem."""

from __future__ import annotations

import hashlib
import ssl
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ValidationError

from proxy.config import problems, relations
from proxy.config.settings import Config, Upstream
from proxy.config.source import Document, Place, read, shown
from proxy.config.standins import with_stand_ins

FILE_VARIABLE: Final = "LLM_TRIAGE_CONFIG"
NEEDS_RESTART: Final = ("listen", "admin", "workers", "store")


class ConfigError(Exception):
    """A configuration that cannot be used: every problem at once, none of which repeats a secret.

    `rules` are the rule files that it names, so that their problems can be told in the same go.
    """

    def __init__(self, found: Iterable[str], rules: Iterable[Path] = ()) -> None:
        self.problems = tuple(found)
        self.rules = tuple(rules)
        super().__init__("\n".join(self.problems))


@dataclass(frozen=True, slots=True, kw_only=True)
class Overrides:
    """What the command line says; it outranks the environment, which outranks the file."""

    listen: str | None = None
    admin: str | None = None
    upstream: str | None = None
    observe: bool = False


def load(path: Path | None, *, env: Mapping[str, str], overrides: Overrides = Overrides()) -> Config:
    """The configuration of a file, or of the command line and environment alone. Raises ConfigError."""
    path = file_of(path, env)
    document = _document(path, env)
    syntax = bool(document.problems) and not document.values
    _override(document, env, overrides)
    if syntax:
        raise ConfigError(_lines(document, []))
    _drop_empty(document, document.values, ())
    _read_files(document, path.parent if path is not None else Path())
    if not document.values.get("upstreams"):
        document.problems.append((("upstreams",), "needs at least one, as - url: https://… here or as --upstream URL"))
    try:
        config = Config.model_validate(document.values)
        found: list[tuple[Place, str]] = []
    except ValidationError as error:
        # What else does not go together is told in the same go: stand-ins take the place of what is wrong.
        found = list(problems.found_by(error, document))
        config = Config.model_validate(with_stand_ins(document.values, [detail["loc"] for detail in error.errors()]))
    found += relations.conflicts(config)
    if found or document.problems:
        raise ConfigError(_lines(document, found), config.rules)
    return config


def file_of(path: Path | None, env: Mapping[str, str]) -> Path | None:
    """The file that is read: as named, else by `LLM_TRIAGE_CONFIG`, else none."""
    named = env.get(FILE_VARIABLE)
    return path or (Path(named) if named else None)


def fingerprint(path: Path | None, config: Config) -> str:
    """Changes when the content of the file, or of one that it names, has changed."""
    digest = hashlib.sha256()
    for file in ([path] if path is not None else []) + [*config.files]:
        try:
            content = file.read_bytes()
        except OSError:
            content = b""
        digest.update(hashlib.sha256(content).digest())
    return digest.hexdigest()


def changed_needs_restart(old: Config, new: Config) -> tuple[str, ...]:
    """Settings that differ and that a reload leaves as they were."""
    return tuple(key for key in NEEDS_RESTART if getattr(old, key) != getattr(new, key))


def _document(path: Path | None, env: Mapping[str, str]) -> Document:
    if path is None:
        return Document("llm-triage")
    document = Document(str(path))
    try:
        return read(path.read_bytes().decode("utf-8-sig"), str(path), env)
    except OSError as error:
        document.problems.append(((), f"cannot be read: {error.strerror}"))
    except UnicodeDecodeError:
        document.problems.append(((), "cannot be read: it is not UTF-8"))
    return document


def _override(document: Document, env: Mapping[str, str], overrides: Overrides) -> None:
    for key in ("listen", "admin", "upstream"):
        variable = f"LLM_TRIAGE_{key.upper()}"
        given, origin = getattr(overrides, key), f"--{key}"
        if given is None:
            given, origin = env.get(variable) or None, variable
        if given is None:
            continue
        name = "upstreams" if key == "upstream" else key
        place: Place = (name,)
        document.values[name] = [{"url": given}] if key == "upstream" else given
        document.origins[place] = origin
        document.expanded |= {place, (*place, 0, "url")}
        document.problems = [(at, text) for at, text in document.problems if at[:1] != place]
    if overrides.observe:
        document.values["mode"] = "observe"
        for upstream in _mappings(document.values.get("upstreams")):
            upstream.pop("mode", None)


def _drop_empty(document: Document, values: dict[str, Any], place: Place) -> None:
    """A key without value is its default where it holds several, else a mistake: nobody means an empty credential."""
    for key, value in list(values.items()):
        inner = (*place, key)
        if value is None:
            del values[key]
            if key not in _PLURAL:
                document.problems.append((inner, "is empty: give it a value, or leave the key out"))
        elif isinstance(value, dict):
            _drop_empty(document, value, inner)
        elif isinstance(value, list):
            for at, item in enumerate(value):
                if isinstance(item, dict):
                    _drop_empty(document, item, (*inner, at))


_PLURAL: Final = frozenset(
    key
    for model in (Config, Upstream)
    for key, field in model.model_fields.items()
    if isinstance(field.default, BaseModel | tuple | dict)
)


def _read_files(document: Document, base: Path) -> None:
    """Named files are found from the configuration's own directory, and must be there."""
    rules = document.values.get("rules")
    if isinstance(rules, list):
        document.values["rules"] = [base / rule if isinstance(rule, str) else rule for rule in rules]
        for at, rule in enumerate(document.values["rules"]):
            if isinstance(rule, Path) and not rule.is_file():
                document.problems.append((("rules", at), "there is no such file"))
    for at, upstream in enumerate(_mappings(document.values.get("upstreams"))):
        place: Place = ("upstreams", at)
        if isinstance(upstream.get("credential_file"), str):
            file = upstream["credential_file"] = base / upstream["credential_file"]
            if "credential" in upstream:
                document.problems.append(((*place, "credential_file"), "stands beside credential: one of the two"))
            else:
                document.lines[(*place, "credential")] = document.lines.get((*place, "credential_file"), 1)
                try:
                    upstream["credential"] = file.read_text("utf-8")
                except (OSError, ValueError):
                    document.problems.append(((*place, "credential_file"), "the file cannot be read"))
        if isinstance(upstream.get("ca"), str):
            file = upstream["ca"] = base / upstream["ca"]
            try:
                ssl.create_default_context(cafile=str(file))
            except (OSError, ValueError):
                document.problems.append(((*place, "ca"), "expected a readable file of PEM certificates"))


def _mappings(values: Any) -> list[dict[str, Any]]:
    return [value for value in values if isinstance(value, dict)] if isinstance(values, list) else []


def _lines(document: Document, found: Iterable[tuple[Place, str]]) -> list[str]:
    """`FILE:LINE: key: what is wrong`, in the file's order, each once; of an unreadable value nothing more is told."""
    unreadable = {place for place, _ in document.problems if place}
    every = [*document.problems, *((at, text) for at, text in found if at not in unreadable)]
    every = [(document.written(at), text) for at, text in every]
    named = [(document.where(at), f"{shown(at)}: {text}" if at else text) for at, text in every]
    return [f"{where}: {text}" for where, text in sorted(dict.fromkeys(named), key=lambda item: _order(item[0]))]


def _order(where: str) -> tuple[int, int]:
    _, _, line = where.rpartition(":")
    return (1, int(line)) if line.isdecimal() else (0, 0)
