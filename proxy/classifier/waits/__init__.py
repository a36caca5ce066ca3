"""Every form in which providers tell how long to wait. A pure reader: what is stated, not whether to obey it.

An instant (a date, an epoch) becomes a wait only against a clock: the caller's `now`, else the answer's own `Date`.
`stated` reads an answer's `headers`, `members` and `prose` (with `leading`, `spelled`, `instants` and `languages`), what is `plausible` counts.
"""

from __future__ import annotations

from proxy.classifier.evidence import Evidence
from proxy.classifier.waits.aside import set_aside
from proxy.classifier.waits.clock import NO_CLOCK, Clock
from proxy.classifier.waits.durations import duration, in_words
from proxy.classifier.waits.members import member
from proxy.classifier.waits.prose import in_prose
from proxy.classifier.waits.stated import stated
from proxy.model import Wait

__all__ = ["NO_CLOCK", "Clock", "duration", "in_prose", "in_words", "member", "set_aside", "wait_of"]


def wait_of(evidence: Evidence, now: float | None, ahead_s: float = 0.0) -> Wait | None:
    """The wait that an answer states: the first of all that can be one.

    `ahead_s`: how far the provider's clock is ahead of UTC where prose names no zone.
    """
    for one in stated(evidence, Clock(now, evidence.headers), ahead_s):
        seconds = one.wait_s()
        if seconds is not None:
            return Wait(seconds, one.origin)
    return None
