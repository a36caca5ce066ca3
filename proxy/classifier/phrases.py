"""Phrases: sequences of whole words with bounded gaps, matched in linear time. Knows nothing of what they mean.

A phrase is written as words: `insufficient balance`. `limit~` stands for the word and its inflections, `a|b` for either,
`word?` for an optional word, `#` for a number, `..` for up to 3 and `...` for up to 8 words between, never across the end of
a sentence. CJK text is written as it stands (`余额不足`).

No regular expression runs here: a phrase is looked up by its rarest word, then followed by a set of positions (the usual
simulation of an automaton), so the work is bounded by words x elements x gap whatever a hostile body says.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from operator import itemgetter
from typing import Any, Final

from proxy.classifier.words import COMMON, STOP, words

_GAPS: Final = {"..": 3, "...": 8}
_OFTEN: Final = 50


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


class Phrase:
    """A phrase, read when it is first asked for: of thousands a process hears a few."""

    __slots__ = ("is_literal", "literal", "steps", "text")
    text: str
    steps: tuple[Step, ...]
    literal: str  # the longest run of plain words in it, as " a b ": a cheap test before any other
    is_literal: bool  # nothing else is in it

    def __init__(self, text: str) -> None:
        self.text = text

    def __getattr__(self, name: str) -> Any:  # of a slot that is not filled yet
        if name not in Phrase.__slots__:
            raise AttributeError(name)
        self.steps, self.literal, self.is_literal = _read(self.text)
        return getattr(self, name)

    def is_in(self, heard: Heard) -> bool:
        return self.literal in heard.joined and (self.is_literal or self.follows(heard))

    def follows(self, heard: Heard) -> bool:
        """Whether its steps are met one after another, from all places at once where the first is."""
        said, vocabulary = heard.words, heard.vocabulary
        for step in self.steps:
            if step.any_of is not None and step.any_of.isdisjoint(vocabulary) and not step.optional:
                return False
        first = self.steps[0].any_of
        assert first is not None
        positions: Collection[int] = [place + 1 for word in first if word in vocabulary for place in heard.places(word)]
        for step in self.steps[1:]:
            any_of = step.any_of
            reached = set(positions) if step.optional else set()
            for position in positions:
                for at, word in enumerate(said[position : position + step.skip + 1], position + 1):
                    if word in any_of if any_of is not None else word[0].isdigit():
                        reached.add(at)
                    if word == STOP:
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
            found, at = [], -1
            for _ in range(self.words.count(word)):
                at = self.words.index(word, at + 1)
                found.append(at)
            self._places[word] = found
        return found


@lru_cache(maxsize=1024)
def spelled(code: str) -> Heard:
    """A code as words: an unknown `account_balance_too_low` still says what it is."""
    return Heard(code.split("_"))


def any_in(phrases: Iterable[Phrase], heard: Heard) -> bool:
    """Whether one of some phrases is in a text; nearly all are ruled out by their longest run of plain words."""
    joined = heard.joined
    for phrase in phrases:  # noqa: SIM110 (a generator would cost as much as the search)
        if phrase.literal in joined and (phrase.is_literal or phrase.follows(heard)):
            return True
    return False


def compile_phrase(text: str) -> Phrase:
    """A phrase as rule files write it, read at once. Raises `PhraseError`."""
    phrase = Phrase(text)
    try:
        phrase.steps  # noqa: B018
    except PhraseError as error:
        raise PhraseError(f"phrase {text!r}: {error}") from None
    return phrase


def leads(texts: Sequence[str]) -> list[frozenset[str]]:
    """The words that each of some phrases is looked up by: those of its element that the fewest phrases share.

    It is told from the written elements, of which there are far fewer than phrases.
    """
    written = [text.split() for text in texts]
    times = Counter(chain.from_iterable(written))
    takes = {element: _leading(element) for element in times}
    shared = dict.fromkeys(COMMON, _OFTEN)
    for element, rows in takes.items():
        for row in rows:
            for word in row:
                shared[word] = shared.get(word, 0) + times[element]
    best: dict[str, tuple[int, frozenset[str]]] = {}
    for element, rows in takes.items():
        uses = [sum([shared[word] for word in row]) for row in rows]
        best[element] = (min(uses), rows[uses.index(min(uses))]) if uses else (sys.maxsize, frozenset())
    return [min([best[element] for element in elements], key=itemgetter(0))[1] for elements in written]


def _leading(element: str) -> tuple[frozenset[str], ...]:
    """The words that an element takes, one after another; no gap, number or optional word leads anywhere."""
    if element in _GAPS or element == "#" or element.endswith("?"):
        return ()
    return _words_of(element)[0]


def _read(text: str) -> tuple[tuple[Step, ...], str, bool]:
    """The steps of a phrase, its longest run of plain words, and whether that is all of it."""
    steps: list[Step] = []
    run: list[str] = []  # of plain words, one after another
    longest = ""
    is_literal = True
    skip = 0
    for element in text.split():
        gap = _GAPS.get(element)
        if gap is None:
            read, said = _element(element, skip)
            steps += read
            skip = 0
            if said:
                run.append(said)
                continue
        elif not steps or skip:
            raise PhraseError("a gap stands between two words")
        else:
            skip = gap
        is_literal = False
        longest = max(longest, " ".join(run), key=len)
        run.clear()
    if not steps or skip:
        raise PhraseError("ends with a gap" if steps else "is empty")
    if steps[0].optional or steps[0].any_of is None:
        raise PhraseError("the first element is a word that must be there")
    longest = max(longest, " ".join(run), key=len)
    return tuple(steps), f" {longest} " if longest else " ", is_literal


@lru_cache(maxsize=4096)
def _element(element: str, skip: int) -> tuple[tuple[Step, ...], str]:
    """What stands between two blanks as steps, and its words where they are plain ones, else ""."""
    if element == "#":
        return (Step(None, skip),), ""
    rows, said = _words_of(element)
    optional = element.endswith("?")
    return tuple([Step(row, 0 if at else skip, optional) for at, row in enumerate(rows)]), said


@lru_cache(maxsize=4096)
def _words_of(element: str) -> tuple[tuple[frozenset[str], ...], str]:
    """The words that an element takes, one after another (`余额` and `api-key` are several), and they as they stand, else ""."""
    if element.isascii() and element.isalnum():  # nearly all
        word = element.lower()
        return (frozenset((word,)),), word
    any_of: set[str] = set()
    for part in element.removesuffix("?").split("|"):
        bare = part.removesuffix("~")
        said = [bare.lower()] if bare.isascii() and bare.isalnum() else words(bare)
        if part == bare and element == part and said:
            return tuple([frozenset((word,)) for word in said]), " ".join(said)
        if len(said) != 1:
            raise PhraseError(f"{element!r} is not made of single words")
        if part == bare:
            any_of.add(said[0])
        else:
            any_of |= _inflections(said[0])
    return (frozenset(any_of),), ""


def _inflections(word: str) -> set[str]:
    stem = word.removesuffix("e")
    doubled = word + word[-1]
    return {word, word + "s", word + "es", stem + "ed", stem + "ing", stem + "ion", doubled + "ed", doubled + "ing"}
