"""The gate before an upstream: calls that cannot succeed are answered from the last real answer. Pure; off by default.

It closes for one credential after an answer that says when to come back, that its money is gone, or that came when the
retry budget was drained. While it is closed one call per interval is let through as a probe, and the first good answer to
a probe opens it. Each decision is one step on a frozen value, so that a shared store can do it as one compare-and-set.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace
from typing import Final, Generic, TypeVar

from proxy.model import Class, Scope, Verdict

PROBE_EVERY_S: Final = 5.0
_MOST_KEYS: Final = 16384
_MOST_MODELS: Final = 64  # of one credential

A = TypeVar("A")  # an answer that can be given again


@dataclass(frozen=True, slots=True)
class Pass:
    """The call goes upstream. `probes`: it is the one that finds out, and its end is to be told to the gate."""

    probes: bool = False


@dataclass(frozen=True, slots=True)
class Replay(Generic[A]):
    """The call is answered with this, as old as that. `left_s`: of the wait that it states, if it states one."""

    answer: A
    age_s: float
    left_s: float | None


@dataclass(frozen=True, slots=True)
class Closure(Generic[A]):
    """Why and how long the gate is closed. Times are seconds on one clock, shared where the closure is."""

    answer: A
    answered_at: float
    until: float | None  # the end of a stated wait; None: until a probe succeeds
    probe_at: float


def closure_of(verdict: Verdict, answer: A, now: float, *, drained: bool) -> Closure[A] | None:
    """The gate that an answer closes; None where the next call may succeed."""
    if verdict.scope in (Scope.REQUEST, Scope.SESSION, Scope.PROXY):
        return None
    wait_s = 0.0 if verdict.wait is None or not verdict.can_retry else verdict.wait.seconds
    if wait_s > 0:
        return Closure(answer, now, now + wait_s, now + PROBE_EVERY_S)
    if verdict.cls is Class.BUDGET_EXHAUSTED or (drained and verdict.can_retry):
        return Closure(answer, now, None, now + PROBE_EVERY_S)
    return None


def pass_by(closure: Closure[A] | None, now: float) -> tuple[Pass | Replay[A], Closure[A] | None]:
    """What becomes of a call, and of the closure: where that is another value, the call has claimed the probe."""
    if closure is None or (closure.until is not None and now >= closure.until):
        return Pass(), None
    if now >= closure.probe_at:
        return Pass(probes=True), replace(closure, probe_at=now + PROBE_EVERY_S)
    left_s = None if closure.until is None else closure.until - now
    return Replay(closure.answer, now - closure.answered_at, left_s), closure


def close(before: Closure[A] | None, after: Closure[A]) -> Closure[A]:
    """The latest answer counts; a longer wait that was stated before it stands."""
    if before is None or before.until is None or after.until is None:
        return after
    return replace(after, until=max(before.until, after.until))


class Gates(Generic[A]):
    """The gates of one process. A key names one credential at one upstream.

    What a model's shortage closes is closed for that model alone; which model a call names is asked only where that
    matters, since it costs parsing the request.
    """

    def __init__(self, most_keys: int = _MOST_KEYS) -> None:
        self._most = most_keys
        self._closed: dict[Hashable, dict[str | None, Closure[A]]] = {}

    def pass_by(self, key: Hashable, model: Callable[[], str | None], now: float) -> Pass | Replay[A]:
        """What becomes of a call."""
        closures = self._closed.get(key)
        if closures is None:
            return Pass()
        names = {None} if closures.keys() == {None} else {None, model()}
        steps = {name: pass_by(closures.get(name), now) for name in names}
        for passed, _ in steps.values():
            if isinstance(passed, Replay):
                return passed
        for name, (_, closure) in steps.items():
            if closure is not None:
                closures[name] = closure
            else:
                closures.pop(name, None)
        if not closures:
            del self._closed[key]
        return Pass(any(isinstance(passed, Pass) and passed.probes for passed, _ in steps.values()))

    def failed(
        self, key: Hashable, model: str | None, verdict: Verdict, answer: A, now: float, *, drained: bool = False
    ) -> None:
        """A real answer failed. `drained`: the retry budget had nothing left for it."""
        after = closure_of(verdict, answer, now, drained=drained)
        if after is None:
            return
        if key not in self._closed and len(self._closed) >= self._most:
            del self._closed[next(iter(self._closed))]
        closures = self._closed.setdefault(key, {})
        name = model if verdict.scope is Scope.MODEL else None
        if name not in closures and len(closures) >= _MOST_MODELS:
            del closures[next(iter(closures))]
        closures[name] = close(closures.get(name), after)

    def succeeded(self, key: Hashable, model: str | None) -> None:
        """A probe had a good answer. Other calls need not tell: they may have been sent before the gate closed."""
        closures = self._closed.get(key)
        if closures is None:
            return
        closures.pop(None, None)
        closures.pop(model, None)
        if not closures:
            del self._closed[key]
