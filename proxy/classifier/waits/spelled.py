"""Lengths of time whose number is a word: `a minute`, `half an hour`, `twenty-four hours`. "A few minutes" is none."""

from __future__ import annotations

import re
from typing import Final

from proxy.classifier.waits.units import ENGLISH

_ONES: Final = {
    "a": 1.0, "an": 1.0, "one": 1.0, "two": 2.0, "three": 3.0, "four": 4.0, "five": 5.0, "six": 6.0, "seven": 7.0, "eight": 8.0, "nine": 9.0,
}  # fmt: skip
_MORE: Final = {
    "half a": 0.5, "half an": 0.5, "a half": 0.5, "ten": 10.0, "eleven": 11.0, "twelve": 12.0, "fifteen": 15.0, "eighteen": 18.0,
    "twenty": 20.0, "twenty-four": 24.0, "thirty": 30.0, "forty": 40.0, "forty-five": 45.0, "forty-eight": 48.0, "fifty": 50.0,
    "sixty": 60.0, "seventy-two": 72.0, "ninety": 90.0,
}  # fmt: skip
_TENS: Final = ("twenty", "thirty", "forty", "fifty")
_COMPOUND: Final = {f"{ten}-{one}": _MORE[ten] + _ONES[one] for ten in _TENS for one in _ONES if len(one) > 2}
_NUMBERS: Final = {**_ONES, **_COMPOUND, **_MORE, "one hundred": 100.0, "a hundred": 100.0}
# A text without a digit and without one of these states no length.
UNITS: Final = ("second", "minute", "hour", "day", "week")
_NUMBER: Final = "|".join(sorted((name.replace("-", "[- ]") for name in _NUMBERS), key=lambda name: -len(name)))
_UNIT: Final = r"(?:second|sec|minute|min|hour|day|week|month)"
# "a second request", "an hour limit", "a day's quota", "one of" are no lengths of time.
_ENDS: Final = (
    r"(?=\s{0,3}(?:$|[^\w\s'’-])"
    r"|\s(?:and|as|at|because|before|due|for|from|if|later|or|please|so|then|to|until|when|while|you)\b)"
)
# "a minute or two": the longer counts, as it does of "one or two minutes".
SPELLED: Final = (
    rf"(?:(?:{_NUMBER}) (?:or|to) )?(?:{_NUMBER})(?: and a half)? {_UNIT}s?(?: or two| and a half)?(?![a-z]){_ENDS}"
)
_READ: Final = re.compile(
    rf"(?:.{{1,12}} (?:or|to) )?({_NUMBER})( and a half)? ({_UNIT})s?(?:( or two)|( and a half))?"
)


def spelled_total(text: str) -> float:
    """The seconds of a length that `SPELLED` has found."""
    found = _READ.fullmatch(text)
    if found is None:
        return 0.0
    number, half_before, unit, or_two, half_after = found.groups()
    count = 2.0 if or_two else _NUMBERS.get(number) or _NUMBERS[number.replace(" ", "-")]
    return (count + (0.5 if half_before or half_after else 0.0)) * ENGLISH[unit]
