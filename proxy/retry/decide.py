"""After a failed attempt: wait and try again, or stop, and why. Pure; the clock, chance and the budget are passed in.

What the client is told about its own retries is `steer.py`'s; which calls may be sent twice at all, `repeatable.py`'s.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from proxy.model import Class, Verdict
from proxy.retry.alone import REPEATS, Alone
from proxy.retry.patience import Limits
from proxy.retry.steer import is_no

# A call that obeys its own wait comes at once after it: an official client alone would. Calls that are held for a wait
# which was stated to another one would all come together, so they are spread.
_JITTER_S: Final = 0.01
_SPREAD: Final = 0.1
_WIDEST_SPREAD_S: Final = 2.0

_SPENT_ENOUGH: Final = REPEATS


@dataclass(frozen=True, slots=True)
class Retry:
    """Send it again after so many seconds."""

    wait_s: float


class Why(StrEnum):
    """Why a failed attempt is not repeated."""

    CLASS = "class"  # time mends nothing
    PROVIDER = "provider"  # it said `x-should-retry: false`
    PEER = "peer"  # another proxy of our kind has done the repeating
    UNSAFE = "unsafe"  # sending it twice could do it twice, or its body is gone
    MAX = "max"
    DEADLINE = "deadline"
    WAIT = "wait"  # the provider wants a longer wait than the deadline leaves
    BUDGET = "budget"
    DRAINING = "draining"  # the proxy is about to stop


@dataclass(frozen=True, slots=True)
class Stop:
    """Answer with what there is. `used_up`: the schedule was gone through, so the client need not do the same."""

    why: Why
    used_up: bool = False


@dataclass(frozen=True, slots=True)
class Backoff:
    """`retry.base` and `retry.cap`."""

    base_s: float = 2.0
    cap_s: float = 32.0

    def draw(self, retries: int, chance: Callable[[], float]) -> float:
        """Full jitter: anything between nothing and the exponential wait after so many retries.

        https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
        """
        return chance() * self.longest_s(retries)

    def longest_s(self, retries: int) -> float:
        return min(self.cap_s, self.base_s * 2.0 ** min(retries, 62))


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """An attempt that failed, and what is known about sending it again."""

    verdict: Verdict
    retries: int  # made by the proxy before this attempt failed
    may_repeat: bool
    said: str | None = None  # the provider's own x-should-retry
    is_peer: bool = False


def decide(
    failed: Failed,
    *,
    now: float,
    limits: Limits,
    backoff: Backoff,
    paced_until: float,
    chance: Callable[[], float],
    spend: Callable[[], bool],
) -> Retry | Stop:
    """What to do after a failed attempt whose answer was read at `now`.

    `paced_until` is when the wait ends that was stated to any call of this credential and model; `chance` gives numbers
    from 0 to below 1; `spend` takes one retry out of the budget, if there is one: it is asked last, and only once.
    """
    verdict = failed.verdict
    if not verdict.can_retry:
        return Stop(Why.CLASS)
    if is_no(failed.said):
        return Stop(Why.PROVIDER)
    if failed.is_peer:
        return Stop(Why.PEER)
    if not failed.may_repeat:
        return Stop(Why.UNSAFE)
    if failed.retries >= limits.retries:
        return Stop(Why.MAX, used_up=failed.retries >= _SPENT_ENOUGH)
    left_s = limits.until - now
    if left_s <= 0:
        return Stop(Why.DEADLINE, used_up=failed.retries >= _SPENT_ENOUGH)
    stated_s = 0.0 if verdict.wait is None else verdict.wait.seconds
    paced_s = paced_until - now
    # A caller's own window with a stated end is the one trouble that retries do not add to: they cost no budget. A caller
    # that would wait it out itself has as much done for it, and is then not told to do the same again.
    is_own_window = verdict.cls is Class.RATE_LIMITED and stated_s > 0
    own_left = None if limits.alone is None else limits.alone.repeats_left(failed.retries)
    waited_out = is_own_window and own_left == 0 and failed.retries > 0
    if max(stated_s, paced_s) > left_s:
        return Stop(Why.WAIT, used_up=waited_out)
    in_place = () if stated_s > 0 else _in_place(failed.retries, limits.alone, backoff)
    if sum(in_place) > left_s:
        return Stop(Why.DEADLINE)  # the caller has time for what the deadline would cut short
    if stated_s > 0:
        wait_s = stated_s + chance() * _JITTER_S
    elif in_place:
        wait_s = in_place[0] * (1 - _SPREAD * chance())
    else:
        wait_s = backoff.draw(failed.retries, chance)
    if paced_s > wait_s:
        wait_s = _spread(paced_s, chance)
    is_free = is_own_window and (own_left is None or 0 < own_left * stated_s <= left_s)
    if not is_free and not spend():
        return Stop(Why.BUDGET, used_up=waited_out)
    return Retry(min(wait_s, left_s))


def decide_again(*, now: float, limits: Limits, paced_until: float, chance: Callable[[], float]) -> Retry | Stop | None:
    """When a wait is over: None to go ahead, unless a longer one was stated to another call meanwhile."""
    paced_s = paced_until - now
    if paced_s <= 0:
        return None
    left_s = limits.until - now
    return Stop(Why.WAIT) if paced_s > left_s else Retry(min(_spread(paced_s, chance), left_s))


def _in_place(retries: int, alone: Alone | None, backoff: Backoff) -> tuple[float, ...]:
    """The waits before repeats that the caller would else make itself: as its own, so that we come just before it would.

    Full jitter would spend these repeats on the first moments of a trouble that the caller alone outlasts.
    """
    if alone is None:
        return ()
    ours = range(retries, retries + alone.repeats_left(retries))
    return tuple(min(backoff.longest_s(n), alone.wait_s(n)) for n in ours)


def _spread(paced_s: float, chance: Callable[[], float]) -> float:
    return paced_s + chance() * min(max(_SPREAD * paced_s, _JITTER_S), _WIDEST_SPREAD_S)
