"""A provider's head in a rule file: what is known of it beside its errors. What rules and other files say is load.py's."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

from proxy.classifier.files.rulefile import RuleFile
from proxy.model import Dialect

HEAD_KEYS: Final = frozenset(
    {
        "name", "aliases", "speaks", "hosts", "hosted", "credential", "dialect", "generation_paths", "stream_end", "refuses",
        "business_codes", "clock",
    }
)  # fmt: skip
# What can be wrong with a history, in the words of proxy/session (a test holds them to each other).
FAULTS: Final = (
    "orphan_tool_call", "orphan_tool_result", "duplicate_tool_call", "duplicate_tool_result", "misplaced_tool_result",
    "empty_message", "empty_content", "role_order", "first_role", "last_role", "missing_item_after_reasoning",
    "undecryptable_item", "tool_message_without_tools",
)  # fmt: skip
_TUPLES: Final = ("hosts", "generation_paths", "business_codes")
_STREAM_ENDS: Final = ("eof",)
_HEADER: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")  # https://www.rfc-editor.org/rfc/rfc9110#section-5.6.2
_MAX_AHEAD_H: Final = 14


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """A head that was read: `known` are the members of `Provider` that it says something about."""

    name: str
    aliases: tuple[str, ...]
    speaks: tuple[str, ...]
    known: dict[str, Any]
    ahead_s: float | None


def read_head(file: RuleFile, given: Any) -> Head | None:
    """The head of a file; None where it does not even say whose it is. Every mistake is told."""
    where: list[str | int] = ["provider"]
    if not isinstance(given, dict) or not isinstance(given.get("name"), str) or not given["name"]:
        file.problem(where, "provider: needs a name")
        return None
    file.known_keys(given, HEAD_KEYS, where)
    file.label = "provider."
    try:
        return Head(
            name=given["name"],
            aliases=tuple(file.words(given, "aliases", where)),
            speaks=tuple(file.words(given, "speaks", where)),
            known=_known(file, given, where),
            ahead_s=_ahead_s(file, given, where),
        )
    finally:
        file.label = ""


def _known(file: RuleFile, given: dict[str, Any], where: list[str | int]) -> dict[str, Any]:
    known: dict[str, Any] = {key: tuple(file.words(given, key, where)) for key in _TUPLES if key in given}
    if "hosted" in given:
        known["hosted"] = file.flag(given, "hosted", where)
    if "credential" in given:
        known["credential"] = given["credential"]
        if not isinstance(given["credential"], str) or not _HEADER.fullmatch(given["credential"]):
            file.problem([*where, "credential"], "provider.credential: expected the name of a header")
    if given.get("dialect") is not None and file.choice(given, "dialect", list(Dialect), where):
        known["dialect"] = Dialect(given["dialect"])
    if given.get("stream_end") is not None:
        known["stream_end"] = file.choice(given, "stream_end", _STREAM_ENDS, where) or ""
    if "refuses" in given:
        known["refuses"] = frozenset(file.choices(given, "refuses", FAULTS, where))
    return known


def _ahead_s(file: RuleFile, given: dict[str, Any], where: list[str | int]) -> float | None:
    clock = given.get("clock")
    if clock is None:
        return None
    if isinstance(clock, (int, float)) and not isinstance(clock, bool) and abs(clock) <= _MAX_AHEAD_H:
        return clock * 3600.0
    file.problem([*where, "clock"], "provider.clock: expected hours ahead of UTC, -14 to 14")
    return None
