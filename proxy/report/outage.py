"""Which upstreams are failing by their own fault, and when an outage begins and is over.

Pure: time comes in. A run is a row of failed attempts without a success between; the threshold's opens an outage. It
is over when `clear_s` has passed since the first success after its last run of that length: failures here and there
do not keep it open, nor does one lucky answer end it. What is written about it is up to `reporter.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from proxy.model import Class, Source, Verdict

PROVIDERS_FAULT: Final = frozenset({Class.NETWORK, Class.TIMEOUT, Class.PROVIDER_ERROR, Class.OVERLOADED})


def is_providers_fault(verdict: Verdict) -> bool:
    """Whether a failure speaks against the upstream, and not against one caller or the proxy itself."""
    return verdict.cls in PROVIDERS_FAULT and verdict.source is not Source.PROXY


@dataclass(slots=True)
class Trouble:
    """An upstream that is not well: within a run, or in an outage."""

    run: int  # failures in a row
    run_began_s: float
    verdict: Verdict  # the latest
    opened: bool = False  # an outage, and not only a run
    began_s: float = 0.0  # of the outage: its first failure
    failures: int = 0  # of the outage
    well_since_s: float | None = None  # of the outage: the first success after its last full run


@dataclass(frozen=True, slots=True)
class Recovery:
    """An outage that is over."""

    upstream: str
    length_s: float  # first failure to the first success after the last run
    failures: int
    verdict: Verdict  # the latest


class Outages:
    """The troubles of all upstreams. `troubles` is empty while all is well: one look tells it."""

    def __init__(self, *, threshold: int, clear_s: float) -> None:
        self.threshold = threshold
        self.clear_s = clear_s
        self._troubles: dict[str, Trouble] = {}

    @property
    def troubles(self) -> Mapping[str, Trouble]:
        return self._troubles

    def is_open(self, upstream: str) -> bool:
        trouble = self._troubles.get(upstream)
        return trouble is not None and trouble.opened

    def is_in_full_run(self, upstream: str) -> bool:
        """Whether the upstream's latest failures are a row as long as the one that opens an outage."""
        trouble = self._troubles.get(upstream)
        return trouble is not None and trouble.opened and trouble.run >= self.threshold

    def failed(self, upstream: str, verdict: Verdict, now_s: float) -> bool:
        """Count a failed attempt that is the provider's fault; whether it opened an outage."""
        trouble = self._troubles.get(upstream)
        if trouble is None:
            trouble = self._troubles[upstream] = Trouble(run=0, run_began_s=now_s, verdict=verdict)
        if trouble.run == 0:
            trouble.run_began_s = now_s
        trouble.run += 1
        trouble.verdict = verdict
        if trouble.opened:
            trouble.failures += 1
        if trouble.run < self.threshold:
            return False
        trouble.well_since_s = None
        if trouble.opened:
            return False
        trouble.opened = True
        trouble.began_s = trouble.run_began_s
        trouble.failures = trouble.run
        return True

    def succeeded(self, upstream: str, now_s: float) -> None:
        """A good answer ends the upstream's run."""
        trouble = self._troubles.get(upstream)
        if trouble is None:
            return
        if not trouble.opened:
            del self._troubles[upstream]
            return
        trouble.run = 0
        if trouble.well_since_s is None:
            trouble.well_since_s = now_s

    def settle(self, now_s: float) -> tuple[Recovery, ...]:
        """Close the outages that are over by now. Before a failure is counted, else it joins the one that is over."""
        over = tuple(
            Recovery(upstream, trouble.well_since_s - trouble.began_s, trouble.failures, trouble.verdict)
            for upstream, trouble in self._troubles.items()
            if trouble.well_since_s is not None and now_s - trouble.well_since_s >= self.clear_s
        )
        for recovery in over:
            trouble = self._troubles[recovery.upstream]
            if trouble.run == 0:
                del self._troubles[recovery.upstream]
            else:
                self._troubles[recovery.upstream] = Trouble(
                    run=trouble.run, run_began_s=trouble.run_began_s, verdict=trouble.verdict
                )
        return over
