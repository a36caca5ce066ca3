"""YAML as plain values, in a third of the time that PyYAML's own constructor takes, and as nodes that know their lines."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any, Final

import yaml
from yaml.events import (
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

_SAFE: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_RESOLVER: Final[Any] = yaml.resolver.Resolver()
_WORDS: Final[Mapping[str, object]] = {
    "true": True, "yes": True, "on": True, "false": False, "no": False, "off": False, "null": None, "~": None, "": None,
}  # fmt: skip
# What may be something other than a string: these words, and what begins as a number or a sign does.
_NO_STRING: Final = frozenset(spelled for word in _WORDS for spelled in (word, word.title(), word.upper()))
_NO_LETTER: Final = frozenset("0123456789+-.=<")


def values(text: str) -> Any:
    """The value of a YAML document, None for an empty one. Raises `yaml.YAMLError`."""
    loader = _SAFE(text)
    try:
        next_event = loader.get_event
        next_event()  # the stream's beginning
        first = next_event()
        if type(first) is StreamEndEvent:
            return None
        found = _value(next_event(), next_event, {})
        next_event()  # the document's end
        more = next_event()
        if type(more) is not StreamEndEvent:
            raise yaml.composer.ComposerError(None, None, "only one document is read", more.start_mark)
        return found
    finally:
        loader.dispose()


def _value(event: Any, next_event: Callable[[], Any], anchors: dict[str, Any]) -> Any:
    """What begins with an event. Nodes are not built: they would take as long as all the rest."""
    kind = type(event)
    value: Any
    if kind is ScalarEvent:
        value = event.value
        if event.implicit[0] and (value in _NO_STRING or value[:1] in _NO_LETTER):
            value = _scalar(value)
    elif kind is MappingStartEvent:
        value = {}
        while type(key := next_event()) is not MappingEndEvent:
            if type(key) is not ScalarEvent or (name := key.value) in value:
                problem = "a key of this mapping is given twice, or is no word"
                raise yaml.constructor.ConstructorError(None, None, problem, key.start_mark)
            value[name] = _value(next_event(), next_event, anchors)
    elif kind is SequenceStartEvent:
        value = []
        while type(item := next_event()) is not SequenceEndEvent:
            value.append(_value(item, next_event, anchors))
    elif event.anchor in anchors:  # an alias
        return anchors[event.anchor]
    else:
        raise yaml.composer.ComposerError(None, None, f"unknown alias {event.anchor!r}", event.start_mark)
    if event.anchor:
        anchors[event.anchor] = value
    return value


@cache
def _scalar(text: str) -> object:
    """What a plain scalar means that may be no string."""
    kind = _RESOLVER.resolve(yaml.ScalarNode, text, (True, False)).rpartition(":")[2]
    try:
        if kind == "int":
            return int(text) if text.lstrip("-").isdigit() else text
        if kind == "float":
            return float(text)
    except ValueError:
        return text  # `.inf`, thousands of digits
    return text if kind == "str" else _WORDS.get(text.lower(), text)


def nodes(text: str) -> Any:
    """The nodes of a YAML document, None for an empty one."""
    return yaml.compose(text, Loader=_SAFE)


def line_of(node: Any, where: Iterable[str | int]) -> int:
    """The line of a value in a document's nodes, or of the nearest one around it."""
    line = node.start_mark.line + 1 if node is not None else 1
    for step in where:
        if isinstance(node, yaml.MappingNode):
            pair = next(((key, value) for key, value in node.value if key.value == str(step)), None)
            if pair is None:
                return int(line)
            line, node = pair[0].start_mark.line + 1, pair[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            node = node.value[step]
            line = node.start_mark.line + 1
        else:
            return int(line)
    return int(line)
