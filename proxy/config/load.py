"""A file, the environment and the command line become one `Config`, or one `ConfigError` with every problem."""

from __future__ import annotations

import hashlib
import json
import re
import ssl
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from proxy.config import relations, values
from proxy.config.kinds import Section
from proxy.config.settings import INHERITED, Config
from proxy.config.source import Document, Place, read, shown

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
    if not document.is_readable:
        raise ConfigError(document.lines_of_problems())
    _override(document, env, overrides)
    return _config(document, path.parent if path is not None else Path())


def from_values(values: Mapping[str, Any]) -> Config:
    """The configuration of a program's own values, as if they stood in a file. Raises ConfigError."""
    return _config(read(json.dumps(values), "values", {}), Path())


def _config(document: Document, base: Path) -> Config:
    _read_files(document, base)
    upstreams = _mappings(document.values.get("upstreams"))
    for _, upstream in upstreams:
        _name(upstream)
        _inherit(upstream, document.values)
    if not document.values.get("upstreams"):
        document.wrong(("upstreams",), "needs at least one, as - url: https://… here or as --upstream URL")
    config: Config = Section(Config).read(document.values, (), document, None)
    for place, problem in relations.conflicts(config):
        document.wrong(place, problem)
    if document.has_problems:
        raise ConfigError(document.lines_of_problems(), config.rules)
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


def reloaded(old: Config, new: Config) -> Config:
    """`new`, as far as a reload can put it in force. Raises ConfigError where it does not go with what stays.

    A credential may be open to a loopback address that the file names, and not to the one that is still listened on.
    """
    config = replace(new, **{key: getattr(old, key) for key in NEEDS_RESTART})
    found = [
        f"{shown(place)}: {problem} (in force until a restart: listen {old.listen}, admin {old.admin})"
        for place, problem in relations.conflicts(config)
    ]
    if found:
        raise ConfigError(found)
    return config


def _document(path: Path | None, env: Mapping[str, str]) -> Document:
    if path is None:
        return Document("llm-triage", origins={(): "llm-triage"})
    document = Document(str(path))
    try:
        return read(path.read_bytes().decode("utf-8-sig"), str(path), env)
    except OSError as error:
        document.refuse(f"cannot be read: {error.strerror}")
    except UnicodeDecodeError:
        document.refuse("cannot be read: it is not UTF-8")
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
        document.problems = {at: text for at, text in document.problems.items() if at[:1] != place}
        document.lines = {at: line for at, line in document.lines.items() if at[:1] != place}
    if overrides.observe:
        document.values["mode"] = "observe"
        for _, upstream in _mappings(document.values.get("upstreams")):
            upstream.pop("mode", None)


def _name(upstream: dict[str, Any]) -> None:
    """An upstream without a name is called after its host."""
    url = upstream.get("url")
    if "name" not in upstream:
        host = url.partition("://")[2].partition("/")[0].rpartition("@")[2] if isinstance(url, str) else ""
        upstream["name"] = re.sub(r"[^A-Za-z0-9.]+", "-", host).strip("-.")[:64] or "upstream"


def _inherit(upstream: dict[str, Any], values: Mapping[str, Any]) -> None:
    """An upstream begins with the global sections."""
    for key in INHERITED:
        ours, own = values.get(key), upstream.get(key)
        if isinstance(ours, dict) and isinstance(own, dict):
            upstream[key] = {**ours, **own}
        elif ours is not None and own is None:
            upstream[key] = ours


def _read_files(document: Document, base: Path) -> None:
    """Named files are found from the configuration's own directory, and must be there."""
    rules = document.values.get("rules")
    if isinstance(rules, list):
        document.values["rules"] = rules = [str(base / rule) if isinstance(rule, str) else rule for rule in rules]
        for at, rule in enumerate(rules):
            if isinstance(rule, str) and not Path(rule).is_file():
                document.wrong(("rules", at), "there is no such file")
    for at, upstream in _mappings(document.values.get("upstreams")):
        for key in ("credential_file", "ca"):
            if isinstance(upstream.get(key), str):
                upstream[key] = str(base / upstream[key])
        if isinstance(upstream.get("credential_file"), str):
            _read_credential(document, ("upstreams", at), upstream)
        if isinstance(upstream.get("ca"), str):
            _check_ca(document, ("upstreams", at, "ca"), upstream["ca"])


def _read_credential(document: Document, place: Place, upstream: dict[str, Any]) -> None:
    """The file's content takes the place of `credential`."""
    here = (*place, "credential_file")
    if "credential" in upstream:
        document.wrong(here, "stands beside credential: one of the two")
        return
    try:
        text = Path(upstream["credential_file"]).read_text("utf-8")
        values.credential(text)
    except OSError:
        document.wrong(here, "the file cannot be read")
    except UnicodeDecodeError:
        document.wrong(here, "the file holds no text")
    except ValueError as error:
        document.wrong(here, f"the file's content {error}")
    else:
        upstream["credential"] = text


def _check_ca(document: Document, place: Place, file: str) -> None:
    try:
        ssl.create_default_context(cafile=file)
    except (OSError, ValueError):
        document.wrong(place, "expected a readable file of PEM certificates")


def _mappings(items: Any) -> list[tuple[int, dict[str, Any]]]:
    return [(at, item) for at, item in enumerate(items) if isinstance(item, dict)] if isinstance(items, list) else []
