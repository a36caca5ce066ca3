"""config/proxy.yaml, the settings and the JSON Schema say the same."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import jsonschema
import pytest
import yaml

from proxy.builtin import config_dir
from proxy.config import Config, from_values, load
from proxy.config.kinds import Many, Section, settings_of
from proxy.config.schema import json_schema
from proxy.config.settings import INHERITED, Upstream

FILE = config_dir() / "proxy.yaml"


def keys(section: type, above: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    """Every setting with its line of help."""
    for key, setting in settings_of(section).items():
        yield (*above, key), setting.help
        kind = setting.kind.item if isinstance(setting.kind, Many) else setting.kind
        if isinstance(kind, Section) and not (section is Upstream and key in INHERITED):
            yield from keys(kind.of, (*above, key))


def documented() -> dict[tuple[str, ...], str]:
    """The file's keys, those in comments too, with what stands after the `#`."""
    found: dict[tuple[str, ...], str] = {}
    path: list[tuple[int, str]] = []
    for line in FILE.read_text("utf-8").splitlines():
        bare = re.sub(r"^( *)# ", r"\1", line)
        match = re.fullmatch(r"(?P<indent> *)(?P<dash>- )?(?P<key>[a-z_0-9]+):(?P<rest>( .*)?)", bare)
        if match is None:
            continue
        depth = len(match["indent"]) + len(match["dash"] or "")
        while path and path[-1][0] >= depth:
            path.pop()
        path.append((depth, match["key"]))
        found[tuple(key for _, key in path)] = match["rest"].rpartition("# ")[2].strip()
    return found


def test_the_file_holds_every_default() -> None:
    config = load(FILE, env={})
    assert replace(config, upstreams=()) == Config()
    (upstream,) = config.upstreams
    assert upstream == Upstream(name="openai", url="https://api.openai.com")


@pytest.mark.parametrize(("path", "about"), list(keys(Config)))
def test_the_file_documents_every_key_in_the_words_of_its_setting(path: tuple[str, ...], about: str) -> None:
    said = documented()
    assert path in said
    assert about in said[path]


def test_the_file_documents_no_key_that_there_is_not() -> None:
    assert set(documented()) - {path for path, _ in keys(Config)} == {("upstreams", "stream", "end")}


def valid(values: Any) -> bool:
    return bool(jsonschema.Draft202012Validator(json_schema()).is_valid(values))


def test_the_schema_is_one_and_accepts_the_documented_file() -> None:
    jsonschema.Draft202012Validator.check_schema(json_schema())
    # YAML 1.2, which editors read, knows no `off`: PyYAML's 1.1 makes it false.
    assert valid(yaml.safe_load(FILE.read_text("utf-8")) | {"admin_token": "", "gate": "off"})


@pytest.mark.parametrize(
    "values",
    [
        {"drain": 5},
        {"drain": "1m30s"},
        {"drain": "${DRAIN:-5s}"},
        {"workers": "${WORKERS}"},
        {"limits": {"replay_bytes": "64KiB", "held_bytes": 1024}},
        {"retry": {"deadline": "auto"}},
        {"history": "off"},
        {"gate": True},
        {
            "upstreams": [
                {"url": "https://a", "allow": ["GET /a"], "stream": {"end": "eof"}, "compat": {"budget_status": 402}}
            ]
        },
    ],
)
def test_what_is_accepted_is_valid_by_the_schema(values: dict[str, Any]) -> None:
    from_values({"upstreams": [{"url": "https://a"}], **_filled(values)})
    assert valid(values)


def _filled(values: dict[str, Any]) -> dict[str, Any]:
    """Without variables, which a program's own values do not have."""
    return {key: "1" if isinstance(value, str) and "${" in value else value for key, value in values.items()}


@pytest.mark.parametrize(
    "values",
    [
        {"dran": 5},
        {"drain": "soon"},
        {"drain": -1},
        {"workers": 0},
        {"workers": "many"},
        {"history": "maybe"},
        {"retry": {"budget": 2}},
        {"upstreams": [{"name": "a"}]},
        {"upstreams": [{"url": "https://a", "compat": {"budget_status": 200}}]},
        {"stream": {"end": "eof"}},
    ],
)
def test_what_is_refused_is_not_valid_by_the_schema_either(values: dict[str, Any]) -> None:
    assert not valid(values)
