"""The configuration file as JSON Schema, for editors: values as people write them, `${VAR}` wherever one stands."""

from __future__ import annotations

from typing import Any, Final

from proxy.config.kinds import Section
from proxy.config.settings import INHERITED, Config

_VARIABLE: Final = {
    "type": "string",
    "pattern": r"\$\{[A-Za-z_][A-Za-z0-9_]*(:-[^}]*)?\}",
    "description": "a value from the environment: ${VAR} or ${VAR:-default}",
}


def json_schema() -> dict[str, Any]:
    """What `llm-triage check --schema` prints."""
    schema = dict(Section(Config).schema())
    upstream = schema["properties"]["upstreams"]["items"]
    upstream["required"].remove("name")
    for key in INHERITED:
        upstream["properties"][key].pop("default", None)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "llm-triage",
        **schema,
        "$defs": {"Variable": _VARIABLE},
    }
