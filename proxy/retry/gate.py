"""The gate before an upstream: which failures close it, for how long, and for whom. Pure; off by default.

It closes for one credential after an answer that says when to come back, that its money is gone, or that came when the
retry budget was drained. While it is closed one call per interval is let through as a probe, and the first good answer to
a probe opens it. Where closures are kept, and who has the probe, is `way/gate.py`'s.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from proxy.model import Class, Scope, Verdict

PROBE_EVERY_S: Final = 5.0
UNSTATED_S: Final = 3600.0  # without a stated wait: forgotten when nobody has probed for so long


@dataclass(frozen=True, slots=True)
class Closure:
    """How long the gate is closed. Times are seconds on one clock, shared where the closure is."""

    answered_at: float
    until: float | None  # the end of a stated wait; None: until a probe succeeds

    def left_s(self, now: float) -> float | None:
        """What is left of the stated wait."""
        return None if self.until is None else self.until - now

    def keeps_s(self, now: float) -> float:
        """How long it is worth remembering; nothing where it is over."""
        return UNSTATED_S if self.until is None else self.until - now


def closure_of(verdict: Verdict, now: float, *, drained: bool = False) -> Closure | None:
    """The closure that an answer causes; None where the next call may succeed. `drained`: the retry budget had nothing
    left for it."""
    if verdict.scope in (Scope.REQUEST, Scope.SESSION, Scope.PROXY):
        return None
    wait_s = 0.0 if verdict.wait is None or not verdict.can_retry else verdict.wait.seconds
    if wait_s > 0:
        return Closure(now, now + wait_s)
    if verdict.cls is Class.BUDGET_EXHAUSTED or (drained and verdict.can_retry):
        return Closure(now, None)
    return None


def closed_again(before: Closure | None, after: Closure) -> Closure:
    """The latest answer counts; a longer wait that was stated before it stands."""
    if before is None or before.until is None or after.until is None:
        return after
    return Closure(after.answered_at, max(before.until, after.until))
