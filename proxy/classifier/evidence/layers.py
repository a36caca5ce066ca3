"""What an answer says, as values: layers from the outermost wrapper to the innermost cause, each with its codes, prose, statuses
and parameters, and beside them all that tells a wait. Judges nothing; `gather` fills them.

A layer is one error object with what stands around it. What a gateway quotes (JSON in a string, `metadata.raw`, an error
within an error) is a layer of its own, further in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from proxy.classifier.phrases import Heard, spelled
from proxy.classifier.words import STOP, links, quoted_codes, words

# A gateway that answers 500 or 502 says by its own members what it was told.
WRAPPED: Final = (500, 502)
MAX_QUOTING: Final = 16


class Layer:
    """One error object, or one piece of prose, in one wrapper."""

    __slots__ = ("_heard", "_quoted", "codes", "linking", "params", "quotas", "statuses", "texts", "via", "where")

    def __init__(self, where: str, texts: list[str] | None = None) -> None:
        self.where = where
        self.codes: dict[str, str] = {}  # code word -> member that held it
        self.texts: list[str] = [] if texts is None else texts
        self.statuses: list[int] = []
        self.params: list[str] = []
        self.linking: list[str] = []  # texts that hold links, as they stood
        self.quotas: list[tuple[str, str]] = []
        self.via = ""  # the provider that a gateway names as the one who said it
        self._heard: Heard | None = None
        self._quoted: list[str] | None = None

    def heard(self) -> Heard:
        """The prose as words."""
        if self._heard is None:
            said: list[str] = []
            for text in self.texts:
                said += words(text)
                said.append(STOP)
            self._heard = Heard(said)
        return self._heard

    def says_one_of(self, said: frozenset[str]) -> bool:
        """Whether its prose or its codes say one of some words."""
        if not said.isdisjoint(self.heard().vocabulary):
            return True
        for code in self.codes:  # noqa: SIM110 (a generator would cost as much as the search)
            if not said.isdisjoint(spelled(code).vocabulary):
                return True
        return False

    def links(self) -> list[str]:
        """The links in the prose: not what it states, but at times what it means (`...error-code#token-limit`)."""
        return [link for text in self.linking for link in links(text)]

    def quoted(self) -> list[str]:
        """Machine-readable words that the prose quotes."""
        if self._quoted is None:
            found = dict.fromkeys(code for text in self.texts[:MAX_QUOTING] for code in quoted_codes(text))
            self._quoted = list(found)[:MAX_QUOTING]
        return self._quoted

    def is_empty(self) -> bool:
        return not (self.codes or self.texts or self.quotas)


@dataclass(slots=True)
class Evidence:
    """All that an answer says, with nothing decided."""

    http_status: int
    headers: Mapping[str, str]
    layers: list[Layer]  # outermost first
    waits: list[tuple[str, Any]]  # member names and values that tell a wait
    body_headers: dict[str, str]  # headers that a gateway quotes inside the body
    shape: str  # how the body was read, in a word
    spare: list[str]  # sentences in members whose names say nothing: read only where no other says anything
    quoting: list[str]  # sentences of which a quotation of the request was set aside, as they stood

    def unnamed(self) -> Layer | None:
        """The sentences of members whose names say nothing, as a layer."""
        return Layer("other members", texts=self.spare) if self.spare else None

    @property
    def status(self) -> int:
        """What acts as the status: the innermost cause's own, else what HTTP said."""
        inner_from = 0 if self.http_status < 400 or self.http_status in WRAPPED else 1
        for layer in reversed(self.layers[inner_from:]):
            if layer.statuses:
                return layer.statuses[-1]
        return self.http_status
