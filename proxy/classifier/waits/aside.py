"""What an answer states as a wait and nobody obeys, in words: for whoever asks why."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import islice
from typing import Final

from proxy.classifier.evidence import Evidence
from proxy.classifier.waits.clock import Clock
from proxy.classifier.waits.durations import in_words
from proxy.classifier.waits.plausible import LONGEST_S
from proxy.classifier.waits.stated import Stated, stated

_MAX_LINES: Final = 4


def set_aside(evidence: Evidence, now: float | None, ahead_s: float = 0.0) -> Iterator[str]:
    """A line for each wait that is stated before the one that counts, and for one that is cut."""
    yield from islice(dict.fromkeys(_lines(evidence, now, ahead_s)), _MAX_LINES)


def _lines(evidence: Evidence, now: float | None, ahead_s: float) -> Iterator[str]:
    clock = Clock(now, evidence.headers)
    for one in stated(evidence, clock, ahead_s):
        wait_s = one.wait_s()
        if wait_s is None:
            yield _why_not(one)
        else:
            if wait_s < one.seconds:
                yield (
                    f"{one.by} states {_length(one.seconds)}, longer than any window: clients obey it to the letter,"
                    f" so it counts, cut to {in_words(wait_s)}"
                )
            return
    if clock.was_missed:
        yield "the answer states a moment to wait for, and neither it nor who asks says what time it is: no wait is told"


def _why_not(one: Stated) -> str:
    if math.isnan(one.seconds):
        return f"{one.by} states a wait that is no number: it is not obeyed"
    if one.seconds < 0:
        return f"{one.by} states a wait of minus {_length(-one.seconds)}, a time that is past: it is not obeyed"
    return (
        f"{one.by} states a wait of {_length(one.seconds)}, more than {in_words(LONGEST_S)}:"
        " somebody's clock is wrong, it is not obeyed"
    )


def _length(seconds: float) -> str:
    return in_words(seconds) if math.isfinite(seconds) else "no end"
