"""A request that fails as it stands and comes again unchanged, again and again: for a while it is answered from memory.

Kept in this process alone, as an answer may quote the request. Pure: time comes in. A caller without such a request
costs one look; its requests are digested only once it has one.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from proxy.session.chain import label

# Each may hold an answer of up to `stream.peek_bytes`.
_MOST_CALLERS: Final = 512
_MOST_REQUESTS: Final = 8  # of one caller

A = TypeVar("A")


@dataclass(frozen=True, slots=True)
class Held(Generic[A]):
    """The last real answer to the same request."""

    answer: A
    age_s: float


@dataclass(slots=True)
class _Failing(Generic[A]):
    failures: int
    answer: A
    answered_at: float


class Replays(Generic[A]):
    """`replays`: how often a failed request may come again before it is held for `hold_s` after its last real answer."""

    def __init__(self, *, replays: int, hold_s: float, ttl_s: float) -> None:
        self.replays = replays
        self.hold_s = hold_s
        self.ttl_s = ttl_s
        self._callers: OrderedDict[bytes, OrderedDict[str, _Failing[A]]] = OrderedDict()

    def follow(self, other: Replays[A]) -> None:
        """Take over another's settings; what is known stays known."""
        self.replays, self.hold_s, self.ttl_s = other.replays, other.hold_s, other.ttl_s

    def concerns(self, key: bytes) -> bool:
        """Whether this caller has any failing request."""
        return key in self._callers

    def held(self, key: bytes, body: bytes, now: float) -> Held[A] | None:
        """What to answer without calling the provider."""
        if (requests := self._callers.get(key)) is None:
            return None
        failing = requests.get(_name(key, body))
        if failing is None or failing.failures <= self.replays or now - failing.answered_at >= self.hold_s:
            return None
        return Held(failing.answer, now - failing.answered_at)

    def failed(self, key: bytes, body: bytes, answer: A, now: float) -> None:
        """The provider refused the request for what it is."""
        if self.hold_s <= 0:
            return
        requests = self._callers.setdefault(key, OrderedDict())
        self._callers.move_to_end(key)
        name = _name(key, body)
        before = requests.pop(name, None)
        failures = 1 if before is None or now - before.answered_at >= self.ttl_s else before.failures + 1
        requests[name] = _Failing(failures, answer, now)
        if len(requests) > _MOST_REQUESTS:
            requests.popitem(last=False)
        if len(self._callers) > _MOST_CALLERS:
            self._callers.popitem(last=False)

    def succeeded(self, key: bytes, body: bytes) -> None:
        """The provider took it after all."""
        if (requests := self._callers.get(key)) is not None:
            requests.pop(_name(key, body), None)
            if not requests:
                del self._callers[key]


def _name(key: bytes, body: bytes) -> str:
    return label(key, b"request", body)
