"""YAML as nodes that know their lines, and as plain values, faster than PyYAML's own constructor makes them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import yaml

_SAFE: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_STRING: Final = "tag:yaml.org,2002:str"
_WORDS: Final[Mapping[str, object]] = {
    "true": True, "yes": True, "on": True, "false": False, "no": False, "off": False, "null": None, "~": None, "": None,
}  # fmt: skip
# What may be something other than a string: these words, and what begins as a number or a sign does.
_NO_STRING: Final = frozenset(spelled for word in _WORDS for spelled in (word, word.title(), word.upper()))
_NO_LETTER: Final = frozenset("0123456789+-.=<")


class _Loader(_SAFE):  # type: ignore[misc]
    """Tells most nodes by sight: PyYAML tries its patterns on each, a third of the whole reading."""

    def resolve(self, kind: Any, value: Any, implicit: Any) -> Any:
        if kind is not yaml.ScalarNode:
            return self.DEFAULT_SEQUENCE_TAG if kind is yaml.SequenceNode else self.DEFAULT_MAPPING_TAG
        if not implicit[0] or (value not in _NO_STRING and value[:1] not in _NO_LETTER):
            return _STRING
        return super().resolve(kind, value, implicit)


def composed(text: str) -> Any:
    """The nodes of a YAML document, None for an empty one."""
    return yaml.compose(text, Loader=_Loader)


def plain(node: Any) -> Any:
    """The value of a composed document. PyYAML's own constructor does the same in three times the time."""
    if node is None:
        return None
    if node.tag is _STRING:
        return node.value
    if isinstance(node, yaml.ScalarNode):
        text = node.value
        if node.tag == _STRING:
            return text
        kind = node.tag.rpartition(":")[2]
        try:
            if kind == "int":
                return int(text) if text.lstrip("-").isdigit() else text
            if kind == "float":
                return float(text)
        except ValueError:
            return text  # `.inf`, thousands of digits
        return _WORDS.get(text.lower(), text)
    if isinstance(node, yaml.SequenceNode):
        return [plain(item) for item in node.value]
    value = {key.value: plain(item) for key, item in node.value if isinstance(key, yaml.ScalarNode)}
    if len(value) != len(node.value):
        problem = "a key of this mapping is given twice, or is no word"
        raise yaml.constructor.ConstructorError(None, None, problem, node.start_mark)
    return value


def line_of(node: Any, where: Iterable[str | int]) -> int:
    """The line of a value in a composed document, or of the nearest one around it."""
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
