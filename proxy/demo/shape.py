"""What every dialect of the built-in provider can say."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

Document = Mapping[str, Any]

TEXT: Final = "Good day. This is the provider that is built into llm-triage."


@dataclass(frozen=True, slots=True)
class Refusal:
    """A failed answer as a provider sends it."""

    status: int
    body: Mapping[str, Any]
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Reply:
    """What a good answer says. `serial` numbers the answers, so that each has an id of its own."""

    model: str
    serial: int
    text: str = TEXT

    @property
    def words(self) -> list[str]:
        """The text in the pieces in which a stream brings it."""
        return [word + " " for word in self.text.split()[:-1]] + self.text.split()[-1:]


class Shape(ABC):
    """A dialect. Without a history, a stream or state of its own it says nothing about them."""

    request_id = "x-request-id"  # the header that names a call

    @abstractmethod
    def refusals(self, model: str, wait_s: float) -> Mapping[str, Refusal]:
        """The provider's own words for each of `scenario.REFUSALS`."""

    @abstractmethod
    def answer(self, reply: Reply) -> Document:
        """A good answer."""

    def stream(self, reply: Reply) -> Sequence[bytes]:
        """The events of a good answer's stream, each whole."""
        return [event(self.answer(reply))]

    def error_event(self, refusal: Refusal) -> bytes:
        """The event that tells a refusal inside a stream."""
        return event(refusal.body)

    def out_of_order(self, document: Document) -> Refusal | None:
        """What the real provider says to a tool call without its result, or a result without its call."""
        return None

    def has_image(self, document: Document) -> bool:
        """Whether a message of the history brings an image."""
        return False

    def stale(self, document: Document, known: Collection[str]) -> Refusal | None:
        """What the real provider says to an id of state that it does not hold."""
        return None


def event(data: Document, name: str = "") -> bytes:
    """One event of a stream."""
    return (f"event: {name}\n" if name else "").encode() + b"data: " + dump(data) + b"\n\n"


def dump(data: object) -> bytes:
    return json.dumps(data, separators=(",", ":")).encode()


def entries(document: Document, member: str) -> list[Document]:
    """The history's items that are objects."""
    found = document.get(member)
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []


def parts(entry: Document, member: str = "content") -> list[Document]:
    """The parts of a message that are objects; text alone has none."""
    return entries(entry, member)
