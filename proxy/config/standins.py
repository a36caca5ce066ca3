"""Harmless values in the place of wrong ones, so that one mistake does not hide what else does not go together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from proxy.config.source import Place

# What an item of a list cannot be without.
_NEEDED: Final[Mapping[str | int, Mapping[str | int, str]]] = {
    "upstreams": {"name": "stand-in-{n}", "url": "http://stand-in-{n}.invalid:1"},
    "clients": {"name": "stand-in-{n}", "sha256": "{n:064x}"},
}


def with_stand_ins(values: dict[str, Any], wrong: Iterable[Place]) -> dict[str, Any]:
    """The values without what is wrong: its default will do, or a stand-in where it has none."""
    places = {place[:-1] if place[-1:] == ("[key]",) else place for place in wrong}
    values = _without(values, places, ())
    for place in places:
        match place:
            case ("clients",):
                values["clients"] = [_item("clients", 0)]  # none at all would be a mistake of another kind
            case (str(part), int(at)) if part in _NEEDED:
                values[part][at] = _item(part, at)
            case (str(part), int(at), str(key)) if key in _NEEDED.get(part, {}):
                values[part][at][key] = _item(part, at)[key]
            case _:
                pass
    return values


def _without(values: Any, places: set[Place], at: Place) -> Any:
    if isinstance(values, dict):
        return {key: _without(v, places, (*at, key)) for key, v in values.items() if (*at, key) not in places}
    if isinstance(values, list):
        keeps_its_places = at[-1:] in (("upstreams",), ("clients",))
        return [
            _without(v, places, (*at, n)) for n, v in enumerate(values) if keeps_its_places or (*at, n) not in places
        ]
    return values


def _item(part: str, at: int) -> dict[str, str]:
    return {str(key): text.format(n=at) for key, text in _NEEDED[part].items()}
