"""Waits whose length stands before what it is a wait for: "in 20 seconds you can try again", "20 seconds before retrying"."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from proxy.classifier.waits.durations import DURATION, total
from proxy.classifier.waits.spelled import SPELLED, spelled_total

_LENGTH: Final = rf"(?:(?<![\d.,])({DURATION})|\b({SPELLED}))"
_BEFORE: Final = re.compile(
    rf"(?<!took )(?<!waited )(?<!after ){_LENGTH}(?: (?:and|then))? (?:before|until) (?:re-?try(?! fail)|try|making|send)"
)
_TRY: Final = (
    r"(?:(?:re-?)?try\b(?: again\b)?+|(?:make|send|submit) (?:another|the next|new|more|a new)\b)"
    r"(?! (?:later|soon|tomorrow|in|after|at|when|once|\d))"
)
_YOU_MAY: Final = r",? you (?:can|may|could) "
_ABOUT: Final = r"(?:about |approximately |around |roughly |another )?"
# In the middle of a sentence "in 10 seconds" may be a rate's, and "after 10 seconds" is what a call took.
_AT_START: Final = re.compile(
    rf"(?<![^.!?;:\n(] )(?<![^.!?;:\n( ])(?:in|after) {_ABOUT}{_LENGTH}(?:{_YOU_MAY}|,? (?:please )?){_TRY}"
)
_WITHIN: Final = re.compile(rf"\bin {_ABOUT}{_LENGTH}{_YOU_MAY}{_TRY}")
_STARTS: Final = ("in ", "after ")


def leading(said: str, *, is_asked: bool) -> Iterator[float]:
    """What a sentence, in lower case, states so; `is_asked`: somebody is told to wait or to try again."""
    if is_asked and (" before " in said or " until " in said):
        yield from _told(_BEFORE.search(said))
    if said.startswith(_STARTS) or ". in " in said or ". after " in said:
        yield from _told(_AT_START.search(said))
    if " you can " in said or " you may " in said or " you could " in said:
        yield from _told(_WITHIN.search(said))


def _told(found: re.Match[str] | None) -> Iterator[float]:
    if found:
        yield total(found[1]) if found[1] else spelled_total(found[2])
