"""The neutral words for a history: what every dialect's messages consist of, and what can be wrong with them.

Each dialect's `history` module reads its wire shape into these values; nothing below it knows a dialect's field
names. Finding the faults is left to `faults`, mending them to `heal`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple

from proxy.model import Dialect


class Role(StrEnum):
    """Who an entry of a history speaks for."""

    SYSTEM = "system"
    USER = "user"  # input of a person or an application, no tool results in it
    ASSISTANT = "assistant"
    TOOL = "tool"  # holds tool results, whatever the wire calls its role
    OTHER = "other"  # unknown to this version: never judged, never touched

    @property
    def is_spoken(self) -> bool:
        """Whether it is a part of the conversation, which healing may touch."""
        return self in (Role.USER, Role.ASSISTANT, Role.TOOL)


class Kind(StrEnum):
    """What a piece of an entry is."""

    TEXT = "text"
    MEDIA = "media"  # any other content: image, audio, file, what is new
    CALL = "call"
    RESULT = "result"
    REASONING = "reasoning"


class Fault(StrEnum):
    """What can be wrong with a history: one vocabulary for all dialects, in headers, rules and metrics."""

    ORPHAN_TOOL_CALL = "orphan_tool_call"
    ORPHAN_TOOL_RESULT = "orphan_tool_result"
    DUPLICATE_TOOL_CALL = "duplicate_tool_call"
    DUPLICATE_TOOL_RESULT = "duplicate_tool_result"
    MISPLACED_TOOL_RESULT = "misplaced_tool_result"
    EMPTY_MESSAGE = "empty_message"  # neither content nor calls
    EMPTY_CONTENT = "empty_content"  # something, but blank beside other content, or only white space
    ROLE_ORDER = "role_order"
    FIRST_ROLE = "first_role"
    LAST_ROLE = "last_role"
    MISSING_ITEM_AFTER_REASONING = "missing_item_after_reasoning"
    UNDECRYPTABLE_ITEM = "undecryptable_item"
    TOOL_MESSAGE_WITHOUT_TOOLS = "tool_message_without_tools"


# Out of order for every provider of the dialect. What is not here, some providers take and some refuse.
ALWAYS: Final = frozenset(
    {
        Fault.ORPHAN_TOOL_CALL,
        Fault.ORPHAN_TOOL_RESULT,
        Fault.DUPLICATE_TOOL_CALL,
        Fault.DUPLICATE_TOOL_RESULT,
        Fault.MISPLACED_TOOL_RESULT,
        Fault.EMPTY_MESSAGE,
    }
)
EVERY_FAULT: Final = frozenset(Fault)


class Part(NamedTuple):
    """A piece of an entry, and where in the entry's JSON it stands.

    A tuple, as one is made in a third of the time of a frozen dataclass, and a history has thousands.
    """

    kind: Kind
    member: str = ""  # the entry's member that holds it; "": the entry itself is the part
    nth: int = -1  # its place in that member's array; -1: the member itself
    id: str = ""  # of calls and results: what pairs them
    name: str = ""  # of calls and results: the tool
    text: str | None = None  # of text
    value: object = None  # what it says beside, as parsed: arguments, a result, an image
    form: str = ""  # the dialect's own type, where it decides how the part is mended
    loose: bool = False  # no provider insists on the other half
    hosted: bool = False  # called and answered by the provider, within its own turn
    opaque: bool = False  # carries what only the provider can read


class Entry(NamedTuple):
    """One message, item or content of a history."""

    role: Role
    parts: tuple[Part, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether it holds neither content nor calls."""
        return all(part.kind is Kind.TEXT and not part.text and not part.opaque for part in self.parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Grammar:
    """In what the dialects differ, as far as order is concerned."""

    member: str  # of the request: holds the history
    closes: frozenset[Role]  # an entry of such a role ends the place where results of earlier calls may stand
    results_first: bool = False  # within an entry, other content ends that place too
    results_speak_as_user: bool = False
    unique_calls: bool = False  # a call's id may be used once in the whole history
    alternates: bool = True  # roles have an order that some provider insists on
    reasoning_leads: bool = False  # reasoning needs something after it
    blank_ending: bool = False  # a last assistant message may be empty


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """A request's past and newest input; entries stand in the order of the request, so an index is a position."""

    dialect: Dialect
    grammar: Grammar
    entries: tuple[Entry, ...]
    continues: bool = False  # earlier entries live on the provider's side
    has_tools: bool = False  # the request declares tools


@dataclass(frozen=True, slots=True, order=True)
class Found:
    """A fault and the entry that has it."""

    position: int
    fault: Fault


def in_their_role(role: Role, parts: Iterable[Part]) -> tuple[Part, ...]:
    """The parts of a message; a call that the user makes or a result that the model gives pairs with nothing."""
    not_theirs = (Kind.RESULT,) if role is Role.ASSISTANT else (Kind.CALL,)
    return tuple(
        part._replace(kind=Kind.MEDIA) if part.kind in not_theirs and not part.hosted else part for part in parts
    )


def string(value: object) -> str:
    """A member that should be a string, as sent by whoever; what is none says nothing."""
    return value if isinstance(value, str) else ""
