"""A store that workers and replicas share: Redis or Valkey, through redis.asyncio (the extra `redis`).

Every write goes to the memory of this process too. While the server is away that is all there is: calls go on, one
warning is due (`on_change`), and for a moment after each failure nobody waits for the server at all.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, TypeVar
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from redis import asyncio as client
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from proxy.store.memory import MemoryStore

_TIMEOUT_S: Final = 0.25  # of one operation: what a call may lose to a server that hangs
_CONNECT_TIMEOUT_S: Final = 1.0
_AWAY_S: Final = 1.0  # how long a failed server is not asked again
_PREFIX: Final = "llm-triage:"

T = TypeVar("T")


class RedisStore:
    """`url`: redis:// or rediss://, with user, password and database as usual.

    Its query may hold `prefix` (of every key) and what redis-py takes there, among it `socket_timeout`,
    `socket_connect_timeout` and `ssl_ca_certs`: https://redis.readthedocs.io/en/stable/connections.html
    `on_change` is told the type of the failure when the server goes away, and None when it is back.
    """

    def __init__(
        self,
        url: str,
        clock: Callable[[], float],
        on_change: Callable[[str | None], None],
        most: Mapping[str, int] | None = None,
    ) -> None:
        url, self._prefix = _without_prefix(url)
        self._clock = clock
        self._on_change = on_change
        self._memory = MemoryStore(clock, most)
        self._failures = 0
        self._away_until = -math.inf
        self._is_away = False
        # The URL's own options win. One retry at once is for a connection that the server closed while it was idle.
        self._redis: Any = client.Redis.from_url(
            url,
            socket_timeout=_TIMEOUT_S,
            socket_connect_timeout=_CONNECT_TIMEOUT_S,
            retry=Retry(NoBackoff(), 1),
            max_connections=64,
        )
        pool: Any = self._redis.connection_pool
        pool.make_connection()  # only to hear of a wrong option now and not at the first call
        kwargs = pool.connection_kwargs
        self._limit_s = 2 * (float(kwargs["socket_timeout"]) + float(kwargs["socket_connect_timeout"]))

    @property
    def failures(self) -> int:
        return self._failures

    async def get(self, keys: Sequence[str]) -> Mapping[str, bytes]:
        if not keys:
            return {}
        values = await self._asked(lambda: self._redis.mget([self._prefix + key for key in keys]))
        if values is None:
            return await self._memory.get(keys)
        return {key: value for key, value in zip(keys, values, strict=True) if value is not None}

    async def put(self, key: str, value: bytes, ttl_s: float) -> None:
        await self._memory.put(key, value, ttl_s)
        await self._asked(lambda: self._redis.set(self._prefix + key, value, px=_ms(ttl_s)))

    async def claim(self, key: str, ttl_s: float) -> bool:
        ours = await self._memory.claim(key, ttl_s)
        taken = await self._asked(lambda: self._set_new(key, b"", ttl_s))
        return ours if taken is None else taken

    async def count(self, key: str, ttl_s: float) -> int:
        here = await self._memory.count(key, ttl_s)
        there = await self._asked(lambda: self._add_one(key, ttl_s))
        return here if there is None else there

    async def drop(self, key: str) -> bool:
        here = await self._memory.drop(key)
        there = await self._asked(lambda: self._redis.delete(self._prefix + key))
        return here if there is None else bool(there)

    async def listing(self, kind: str, most: int) -> Mapping[str, bytes]:
        found = await self._asked(lambda: self._scan(kind, most))
        return await self._memory.listing(kind, most) if found is None else found

    def limit(self, kind: str, most: int) -> None:
        self._memory.limit(kind, most)

    def held(self, kind: str) -> int:
        return self._memory.held(kind)

    async def close(self) -> None:
        await self._redis.aclose()

    async def _set_new(self, key: str, value: bytes, ttl_s: float) -> bool:
        return bool(await self._redis.set(self._prefix + key, value, px=_ms(ttl_s), nx=True))

    async def _add_one(self, key: str, ttl_s: float) -> int:
        async with self._redis.pipeline(transaction=True) as both:
            both.set(self._prefix + key, 0, px=_ms(ttl_s), nx=True)
            both.incr(self._prefix + key)
            return int((await both.execute())[1])

    async def _scan(self, kind: str, most: int) -> Mapping[str, bytes]:
        keys: list[str] = []
        pattern = _literal(self._prefix + kind) + ":*"
        async for key in self._redis.scan_iter(match=pattern, count=500):
            keys.append(key.decode()[len(self._prefix) :])
            if len(keys) == most:
                break
        values = await self._redis.mget([self._prefix + key for key in keys]) if keys else []
        return {key: value for key, value in zip(keys, values, strict=True) if value is not None}

    async def _asked(self, ask: Callable[[], Awaitable[T]]) -> T | None:
        """The server's answer; None where it has none."""
        if self._clock() < self._away_until:
            return None
        try:
            async with asyncio.timeout(self._limit_s):
                answer = await ask()
        except (RedisError, OSError, TimeoutError) as problem:
            self._failures += 1
            self._away_until = self._clock() + _AWAY_S
            if not self._is_away:
                self._is_away = True
                self._on_change(type(problem).__name__)
            return None
        if self._is_away:
            self._is_away = False
            self._on_change(None)
        return answer


def _without_prefix(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    query = parse_qsl(parts.query, keep_blank_values=True)
    prefix = next((value for name, value in query if name == "prefix"), _PREFIX)
    rest = urlencode([(name, value) for name, value in query if name != "prefix"])
    return urlunsplit(parts._replace(query=rest)), prefix


def _ms(ttl_s: float) -> int:
    return max(1, round(ttl_s * 1000))


def _literal(text: str) -> str:
    """Text without the meaning that SCAN's patterns give some of its characters."""
    return "".join("\\" + each if each in "*?[]^-\\" else each for each in text)
