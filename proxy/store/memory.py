"""A store in this process: bounded, expiring, on a clock that is passed in."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

_MOST: Final = 10_000


@dataclass(frozen=True, slots=True)
class _Kept:
    value: bytes
    until: float


class MemoryStore:
    """Each kind of key has room of its own, so that one flood does not wash away another kind. The oldest goes first."""

    def __init__(self, clock: Callable[[], float], most: Mapping[str, int] | None = None) -> None:
        self._clock = clock
        self._most = dict(most or {})
        self._kinds: dict[str, OrderedDict[str, _Kept]] = {}

    @property
    def failures(self) -> int:
        return 0

    async def get(self, keys: Sequence[str]) -> Mapping[str, bytes]:
        return {key: kept.value for key in keys if (kept := self._live(key)) is not None}

    async def put(self, key: str, value: bytes, ttl_s: float) -> None:
        self._keep(key, value, self._clock() + ttl_s)

    async def claim(self, key: str, ttl_s: float) -> bool:
        if self._live(key) is not None:
            return False
        self._keep(key, b"", self._clock() + ttl_s)
        return True

    async def count(self, key: str, ttl_s: float) -> int:
        kept = self._live(key)
        number = 1 if kept is None else int(kept.value) + 1
        self._keep(key, b"%d" % number, self._clock() + ttl_s if kept is None else kept.until)
        return number

    async def drop(self, key: str) -> bool:
        was_there = self._live(key) is not None
        self._kinds.get(_kind(key), OrderedDict()).pop(key, None)
        return was_there

    async def listing(self, kind: str, most: int) -> Mapping[str, bytes]:
        self._expire(kind)
        newest_first = reversed(self._kinds.get(kind, OrderedDict()).items())
        return {key: kept.value for (key, kept), _ in zip(newest_first, range(most), strict=False)}

    def limit(self, kind: str, most: int) -> None:
        self._most[kind] = most
        self._bound(kind)

    def held(self, kind: str) -> int:
        self._expire(kind)
        return len(self._kinds.get(kind, ()))

    async def close(self) -> None:
        self._kinds.clear()

    def _live(self, key: str) -> _Kept | None:
        room = self._kinds.get(_kind(key))
        kept = None if room is None else room.get(key)
        return kept if kept is not None and kept.until > self._clock() else None

    def _keep(self, key: str, value: bytes, until: float) -> None:
        kind = _kind(key)
        room = self._kinds.setdefault(kind, OrderedDict())
        room.pop(key, None)
        room[key] = _Kept(value, until)
        self._bound(kind)

    def _bound(self, kind: str) -> None:
        room, most = self._kinds.get(kind, OrderedDict()), self._most.get(kind, _MOST)
        if len(room) > most:
            self._expire(kind)
            while len(room) > most:
                room.popitem(last=False)

    def _expire(self, kind: str) -> None:
        now = self._clock()
        room = self._kinds.get(kind, OrderedDict())
        for key in [key for key, kept in room.items() if kept.until <= now]:
            del room[key]


def _kind(key: str) -> str:
    return key.partition(":")[0]
