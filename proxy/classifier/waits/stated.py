"""All waits that an answer states, in the order in which they count, as they are stated: whether one can be is not asked."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from proxy.classifier.evidence import Evidence
from proxy.classifier.waits import headers, members, prose
from proxy.classifier.waits.clock import Clock
from proxy.classifier.waits.plausible import bounded, plausible
from proxy.model import WaitOrigin

_DAY: Final = re.compile(r"\b(?:daily|weekly|per day|per week|rpd|tpd)\b|每天|每日|每周", re.IGNORECASE)
_IN_PROSE: Final = "the message"


class Stated(NamedTuple):
    """What one place states."""

    by: str
    seconds: float
    origin: WaitOrigin
    is_obeyed_by_clients: bool = False

    def wait_s(self) -> float | None:
        """What of it is a wait."""
        return plausible(bounded(self.seconds) if self.is_obeyed_by_clients else self.seconds)


def stated(evidence: Evidence, clock: Clock, ahead_s: float) -> Iterator[Stated]:
    """`retry-after` headers, the body's members, headers that are called alike, prose, the resets of empty windows."""
    names = " ".join(evidence.headers)  # most answers have no header of any wait
    retries = "retry" in names
    if retries:
        for name, seconds in headers.read_by_clients(evidence.headers, clock):
            yield Stated(name, seconds, WaitOrigin.RETRY_AFTER, is_obeyed_by_clients=True)
    if evidence.waits:
        yield from _members(evidence, clock, ahead_s)
    if retries:
        for name, seconds in headers.read_by_nobody(evidence.headers, clock):
            yield Stated(name, seconds, WaitOrigin.BODY, is_obeyed_by_clients=True)
    if evidence.body_headers:
        for name, seconds in headers.read_by_clients(evidence.body_headers, clock):
            yield Stated(name, seconds, WaitOrigin.BODY, is_obeyed_by_clients=True)
    yield from _prose(evidence, clock, ahead_s)
    if "limit" in names or evidence.body_headers:
        yield from _resets(evidence, clock)


def _members(evidence: Evidence, clock: Clock, ahead_s: float) -> Iterator[Stated]:
    told = []
    for name, value in evidence.waits:
        seconds = members.stated_in(name, value, clock)
        if seconds is None:
            continue
        one = Stated(name, seconds, WaitOrigin.BODY)
        if one.wait_s() is None:
            yield one
        else:
            told.append(one)
    if not told:
        return
    # Of a member in seconds and one in epochs both say the same instant: the one in seconds is the provider's word.
    longest = max(told, key=lambda one: (not one.by.endswith(("at", "timestamp")), one.seconds))
    if any(_DAY.search(text) for layer in evidence.layers for text in layer.texts):
        # A daily window that the sentence dates outranks the shorter delay beside it.
        dated = next((one for one in _prose(evidence, clock, ahead_s) if one.wait_s() is not None), None)
        if dated is not None and dated.seconds > longest.seconds + 1:
            yield dated
    yield longest


def _prose(evidence: Evidence, clock: Clock, ahead_s: float) -> Iterator[Stated]:
    """What the sentences state, the innermost first."""
    for layer in reversed(evidence.layers):
        for text in layer.texts:
            for seconds in prose.stated_by(text, clock, ahead_s):
                yield Stated(_IN_PROSE, seconds, WaitOrigin.PROSE)


def _resets(evidence: Evidence, clock: Clock) -> Iterator[Stated]:
    """Of the windows that are empty the last to fill counts."""
    ends = [
        Stated(name, seconds, WaitOrigin.RESET)
        for found in (
            headers.resets(evidence.headers, clock),
            headers.resets(evidence.body_headers, clock),
            headers.structured(evidence.headers),
        )
        for name, seconds in found
    ]
    return iter(sorted(ends, key=lambda one: -one.seconds))
