"""Phrases: sequences of whole words with bounded gaps, matched in linear time. Knows nothing of what they mean.

A phrase is written as words: `insufficient balance`. `limit~` stands for the word and its inflections, `a|b` for either,
`word?` for an optional word, `#` for a number, `..` for up to 3 and `...` for up to 8 words between, never across the end of
a sentence. CJK text is written as it stands (`余额不足`).

No regular expression runs here: a phrase is looked up by its rarest word, then followed by a set of positions (the usual
simulation of an automaton), so the work is bounded by words x elements x gap whatever a hostile body says.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from proxy.classifier.words import STOP, words

_GAPS: Final = {"..": 3, "...": 8}


# Most phrases are nothing but words.
_PLAIN: Final = re.compile(r"[a-z0-9]+(?: [a-z0-9]+)*")


class PhraseError(ValueError):
    """A phrase that cannot be read."""


@dataclass(frozen=True, slots=True)
class Step:
    """One element of a phrase: any of these words (None: a number), after at most `skip` other words."""

    any_of: frozenset[str] | None
    skip: int = 0
    optional: bool = False

    def takes(self, word: str) -> bool:
        return word in self.any_of if self.any_of is not None else word[0].isdigit()


@dataclass(frozen=True, slots=True, eq=False)
class Phrase:
    """A compiled phrase."""

    text: str
    steps: tuple[Step, ...]
    literal: str  # the longest run of plain words in it, as " a b ": a cheap test before any other
    is_literal: bool  # nothing else is in it

    def is_in(self, heard: Heard) -> bool:
        if self.literal not in heard.joined:
            return False
        if self.is_literal:
            return True
        first = self.steps[0]
        assert first.any_of is not None
        for word in first.any_of & heard.vocabulary:
            for start in heard.places(word):
                if self._follows(heard.words, start + 1):
                    return True
        return False

    def _follows(self, said: Sequence[str], after_first: int) -> bool:
        positions = {after_first}
        for step in self.steps[1:]:
            reached: set[int] = set(positions) if step.optional else set()
            for position in positions:
                for at in range(position, min(position + step.skip + 1, len(said))):
                    if step.takes(said[at]):
                        reached.add(at + 1)
                    if said[at] == STOP:
                        break
            if not reached:
                return False
            positions = reached
        return True


class Heard:
    """The words of a text, ready to be searched."""

    __slots__ = ("_places", "joined", "vocabulary", "words")

    def __init__(self, said: Sequence[str]) -> None:
        self.words = said
        self.joined = f" {' '.join(said)} "
        self.vocabulary = frozenset(said)
        self._places: dict[str, list[int]] = {}

    def places(self, word: str) -> list[int]:
        """Where a word stands; most words of most texts are never asked for."""
        found = self._places.get(word)
        if found is None:
            found = [at for at, said in enumerate(self.words) if said == word]
            self._places[word] = found
        return found


def any_in(phrases: Iterable[Phrase], heard: Heard) -> bool:
    """Whether one of some phrases is in a text; nearly all are ruled out by their longest run of plain words."""
    joined = heard.joined
    for phrase in phrases:  # noqa: SIM110 (a generator would cost as much as the search)
        if phrase.literal in joined and (phrase.is_literal or phrase.is_in(heard)):
            return True
    return False


def compile_phrase(text: str) -> Phrase:
    """Read a phrase as rule files write it."""
    if _PLAIN.fullmatch(text):
        return Phrase(text, tuple(map(_plain, text.split(" "))), f" {text} ", True)
    steps: list[Step] = []
    skip = 0
    for element in text.split():
        if element in _GAPS:
            if not steps or skip:
                raise PhraseError(f"phrase {text!r}: a gap stands between two words")
            skip = _GAPS[element]
            continue
        if not skip and element.isascii() and element.isalnum():
            steps.append(_plain(element.lower()))
            continue
        optional = element.endswith("?")
        for any_of in _alternatives(element.removesuffix("?"), text):
            steps.append(Step(any_of, skip, optional))
            skip = 0
    if not steps or skip:
        raise PhraseError(f"phrase {text!r}: {'ends with a gap' if steps else 'is empty'}")
    if steps[0].optional or steps[0].any_of is None:
        raise PhraseError(f"phrase {text!r}: the first element is a word that must be there")
    literal, is_literal = _longest_run(steps)
    return Phrase(text, tuple(steps), literal, is_literal=is_literal)


@lru_cache(maxsize=4096)
def _plain(word: str) -> Step:
    return Step(frozenset({word}))


@lru_cache(maxsize=1024)
def _inflected(word: str) -> frozenset[str]:
    return frozenset(_inflections(word))


def _longest_run(steps: Sequence[Step]) -> tuple[str, bool]:
    """The longest run of steps that are one plain word each, and whether it is the whole phrase."""
    longest = run = " "
    most = count = 0
    for step in steps:
        any_of = step.any_of
        plain = any_of is not None and len(any_of) == 1 and not step.optional
        if not plain or step.skip:
            run, count = " ", 0
        if plain and any_of is not None:
            (word,) = any_of
            run += word + " "
            count += 1
            if len(run) > len(longest):
                longest, most = run, count
    return longest, most == len(steps)


def _alternatives(element: str, text: str) -> list[frozenset[str] | None]:
    """The steps of one element: several where it is written together but said as several words (`余额`, `api-key`)."""
    if element == "#":
        return [None]
    parts: set[str] = set()
    for part in element.split("|"):
        bare = part.removesuffix("~")
        said = [bare.lower()] if bare.isascii() and bare.isalnum() else words(bare)
        if not said or (len(said) > 1 and ("|" in element or part.endswith("~"))):
            raise PhraseError(f"phrase {text!r}: {element!r} is not made of single words")
        if len(said) > 1:
            return [frozenset({word}) for word in said]
        parts.update(_inflected(said[0]) if part.endswith("~") else said)
    return [frozenset(parts)]


def _inflections(word: str) -> Iterable[str]:
    stem = word.removesuffix("e")
    doubled = word + word[-1]
    return {word, word + "s", word + "es", stem + "ed", stem + "ing", stem + "ion", doubled + "ed", doubled + "ing"}
