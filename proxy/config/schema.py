"""The configuration file as JSON Schema, for editors: values as people write them, `${VAR}` wherever a value stands."""

from __future__ import annotations

from typing import Any, Final

from proxy.config.settings import INHERITED, Config

_VARIABLE: Final = {"$ref": "#/$defs/Variable"}
_VARIABLE_WRITTEN: Final = {
    "type": "string",
    "pattern": r"\$\{[A-Za-z_][A-Za-z0-9_]*(:-[^}]*)?\}",
    "description": "a value from the environment: ${VAR} or ${VAR:-default}",
}
_SWITCH: Final = {"enum": [True, False, "on", "off", "yes", "no"]}


def json_schema() -> dict[str, Any]:
    """What `llm-triage check --schema` prints."""
    schema: dict[str, Any] = _written(Config.model_json_schema(mode="validation"))
    schema["$defs"]["Variable"] = _VARIABLE_WRITTEN
    inherited = schema["$defs"]["Upstream"]["properties"]
    for key in INHERITED:
        inherited[key].pop("default", None)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "llm-triage"}


def _written(part: Any) -> Any:
    """A schema of values becomes one of what stands for them in a file."""
    if isinstance(part, list):
        return [_written(item) for item in part]
    if not isinstance(part, dict):
        return part
    about = {key: part[key] for key in ("description", "default") if not isinstance(part.get(key), dict | None)}
    what = {key: value for key, value in part.items() if key not in ("description", "default", "title")}
    if what.get("type") == "boolean":
        return about | {"anyOf": [_SWITCH, _VARIABLE]}
    if "enum" in what or "const" in what or "pattern" in what or what.get("type") in ("integer", "number"):
        return about | {"anyOf": [what, _VARIABLE]}
    # A key that stands without value is a mistake: None is how the settings say that it is absent.
    choices = [choice for choice in what.get("anyOf", []) if choice != {"type": "null"}]
    if len(choices) == 1:
        return about | _written(choices[0])
    if choices:
        return about | {"anyOf": [*map(_written, choices), _VARIABLE]}
    return about | {key: _entries(key, value) for key, value in what.items()}


def _entries(key: str, value: Any) -> Any:
    """Names of properties are no keywords of the schema."""
    if key in ("properties", "$defs"):
        return {name: _written(item) for name, item in value.items()}
    return _written(value)
