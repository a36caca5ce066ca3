"""The gate on a call's way: a call that cannot succeed is answered from the last real answer, one an interval probes.

What closes it and how long is `retry/gate.py`'s to say. Closures stand in the store, so that workers and replicas that
share one share them, and the claim of a probe too: it is one atomic step there.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass

import orjson

from proxy.model import Scope
from proxy.retry.gate import PROBE_EVERY_S, UNSTATED_S, Closure, closed_again, closure_of
from proxy.store.base import Store
from proxy.way.kept import Again, Kept


class Gate:
    """The gates of all callers. `clock` is one that those who share the store share."""

    def __init__(self, store: Store, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._clock = clock

    async def closures(self, *names: str) -> dict[str, tuple[Closure, Kept]]:
        """Those of the names whose gate is closed."""
        found = await self._store.get([f"gate:{name}" for name in names])
        closed = {key.removeprefix("gate:"): _load(value) for key, value in found.items()}
        now = self._clock()
        return {name: each for name, each in closed.items() if each is not None and each[0].keeps_s(now) > 0}

    async def close(self, name: str, closure: Closure, kept: Kept) -> None:
        before = (await self.closures(name)).get(name)
        closure = closed_again(None if before is None else before[0], closure)
        await self._store.put(f"gate:{name}", _dump(closure, kept), closure.keeps_s(self._clock()))
        if before is None:
            await self.claim_probe(name)  # the answer that closed it is the first to go by

    async def open(self, name: str) -> None:
        await self._store.drop(f"gate:{name}")

    async def claim_probe(self, name: str) -> bool:
        """Whether the caller is the one of this interval that finds out."""
        return await self._store.claim(f"probe:{name}", PROBE_EVERY_S)

    async def has_models(self, name: str) -> bool:
        """Whether the gate may be closed for a model: else nobody needs to know which one a request names."""
        key = f"gatemodels:{name}"
        return key in await self._store.get([key])

    async def note_models(self, name: str) -> None:
        await self._store.put(f"gatemodels:{name}", b"", UNSTATED_S)

    def now(self) -> float:
        return self._clock()


@dataclass(slots=True)
class Gated:
    """One call before the gate. `name`: its credential at its upstream; `model`: reads the request, so it is asked late."""

    gate: Gate
    name: str
    model: Callable[[], str]
    probes: bool = False

    async def pass_by(self) -> Again | None:
        """None: the call goes upstream."""
        name, closed = self.name, await self.gate.closures(self.name)
        if not closed and await self.gate.has_models(self.name):
            name = self._of_model()
            closed = await self.gate.closures(name)
        if not closed:
            return None
        self.probes = await self.gate.claim_probe(name)
        if self.probes:
            return None
        closure, kept = closed[name]
        now = self.gate.now()
        return Again(kept, max(0.0, now - closure.answered_at), closure.left_s(now))

    async def failed(self, kept: Kept, *, drained: bool = False) -> None:
        """A real answer: it may close the gate, or keep it closed."""
        closure = closure_of(kept.verdict, self.gate.now(), drained=drained)
        if closure is None:
            return
        if kept.verdict.scope is Scope.MODEL:
            await self.gate.note_models(self.name)
            await self.gate.close(self._of_model(), closure, kept)
        else:
            await self.gate.close(self.name, closure, kept)

    async def succeeded(self) -> None:
        """A good answer to a call that was sent after the gate had closed: a probe, or a retry."""
        await self.gate.open(self.name)
        if await self.gate.has_models(self.name):
            await self.gate.open(self._of_model())

    def _of_model(self) -> str:
        return f"{self.name}:{hashlib.blake2b(self.model().encode(), digest_size=8).hexdigest()}"


def _dump(closure: Closure, kept: Kept) -> bytes:
    return orjson.dumps([closure.answered_at, closure.until]) + b"\n" + kept.dump()


def _load(data: bytes) -> tuple[Closure, Kept] | None:
    """None for what another version of this program wrote."""
    times, _, rest = data.partition(b"\n")
    kept = Kept.load(rest)
    try:
        answered_at, until = orjson.loads(times)
    except (ValueError, TypeError):
        return None
    return None if kept is None else (Closure(answered_at, until), kept)
