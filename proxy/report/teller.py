"""Which of several processes tells of an outage that all of them see: the one that the shared store gives it to.

Each process finds out for itself that an upstream is down, and when it is well again. The first to see it claims it,
keeps the claim while its outage is open, and gives it back when it has told the end; should it die, the claim runs out
and whoever still fails tells anew. Without a store, and while the store is away, each process tells its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Final, Protocol

CLAIM_S: Final = 60.0
RENEW_S: Final = CLAIM_S / 3


class Claims(Protocol):
    """The part of a store that is needed here."""

    async def claim(self, key: str, ttl_s: float) -> bool: ...
    async def put(self, key: str, value: bytes, ttl_s: float) -> None: ...
    async def drop(self, key: str) -> bool: ...


@dataclass(slots=True)
class _Claim:
    asked_s: float  # or renewed
    is_ours: bool = False


class Teller:
    """Of one process. Asked only about outages that are open here."""

    def __init__(self, claims: Claims | None = None) -> None:
        self._store = claims
        self._claims: dict[str, _Claim] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def failing(self, upstream: str, now_s: float, tell: Callable[[], None]) -> None:
        """An outage has opened, or goes on: `tell` is called if it is for this process to tell and not told yet."""
        claim = self._claims.get(upstream)
        if claim is not None and (claim.is_ours or now_s - claim.asked_s < RENEW_S):
            return
        claim = self._claims[upstream] = _Claim(now_s)
        if self._store is None:
            claim.is_ours = True
            tell()
        else:
            self._begin(self._ask(self._store, upstream, claim, tell))

    def renew(self, now_s: float) -> None:
        """To be called every few seconds while there are outages."""
        for upstream, claim in self._claims.items():
            if self._store is not None and claim.is_ours and now_s - claim.asked_s >= RENEW_S:
                claim.asked_s = now_s
                self._begin(self._store.put(_key(upstream), b"", CLAIM_S))

    def over(self, upstream: str) -> bool:
        """The outage is over here: whether it is for this process to tell."""
        claim = self._claims.pop(upstream, None)
        if claim is None or not claim.is_ours:
            return False
        if self._store is not None:
            self._begin(self._give_back(self._store, upstream))
        return True

    async def _ask(self, store: Claims, upstream: str, claim: _Claim, tell: Callable[[], None]) -> None:
        if await store.claim(_key(upstream), CLAIM_S):
            claim.is_ours = True
            tell()

    async def _give_back(self, store: Claims, upstream: str) -> None:
        await store.drop(_key(upstream))

    def _begin(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _key(upstream: str) -> str:
    return f"outage:{upstream}"
