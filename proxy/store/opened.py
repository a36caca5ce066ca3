"""The store that a URL names. Which URLs are allowed is left to the configuration."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from proxy.store.base import Store
from proxy.store.memory import MemoryStore


class StoreError(Exception):
    """The store cannot be had at all; the text says what to do."""


def open_store(
    url: str,
    on_change: Callable[[str | None], None] = lambda _: None,
    clock: Callable[[], float] = time.time,
    most: Mapping[str, int] | None = None,
) -> Store:
    """`on_change`: told the type of a failure when a shared store goes away, None when it is back. Connects later."""
    if url.startswith("memory:"):
        return MemoryStore(clock, most)
    try:
        from proxy.store.redis import RedisStore  # noqa: PLC0415 - an extra, and 80 ms that nobody else should pay
    except ModuleNotFoundError as problem:
        raise StoreError("store: redis:// needs the extra: pip install 'llm-triage[redis]'") from problem
    try:
        return RedisStore(url, clock, on_change, most)
    except (ValueError, TypeError) as problem:
        raise StoreError("store: the URL has an option that redis-py does not take") from problem
