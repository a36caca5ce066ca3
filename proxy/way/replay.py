"""A request that its provider refused comes again unchanged, again and again: for a while its last answer is given again.

How often is too often is `session/replays.py`'s to say. Only in heal mode, and only to the caller who was refused.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from proxy.model import Class, Source, Verdict
from proxy.session.replays import Replays
from proxy.way.kept import Again, Kept
from proxy.way.tag import Facts


@dataclass(frozen=True, slots=True)
class Replay:
    """One request of a known caller, as the client sent it: its target and its body."""

    replays: Replays[Again]
    key: bytes
    target: str
    body: bytes
    clock: Callable[[], float]

    def again(self) -> Again | None:
        """The answer to give without calling the provider. A caller without a failing request costs one look."""
        if not self.replays.concerns(self.key):
            return None
        held = self.replays.held(self.key, self._request(), self.clock())
        return None if held is None else replace(held.answer, age_s=held.age_s)

    def failed(self, verdict: Verdict, facts: Facts, kept: Callable[[], Kept]) -> None:
        if verdict.cls is Class.BAD_REQUEST and verdict.source is Source.UPSTREAM:
            answer = Again(kept(), 0.0, None, facts.session, facts.history)
            self.replays.failed(self.key, self._request(), answer, self.clock())

    def succeeded(self) -> None:
        if self.replays.concerns(self.key):
            self.replays.succeeded(self.key, self._request())

    def _request(self) -> bytes:
        return self.target.encode("utf-8", "surrogateescape") + b"\n" + self.body
