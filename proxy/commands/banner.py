"""What `serve` says below its first line: where calls go, what is on, what is off, where to look. Pure.

No path, credential or key of an upstream is in it, host and port alone: these lines end up in logs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final
from urllib.parse import urlsplit

from proxy.config import Compat, Config, Upstream

_MOST: Final = 5  # upstreams that are named


def _feature(name: str, is_on: Callable[[Upstream], bool]) -> tuple[str, Callable[[Upstream], bool]]:
    return name, lambda upstream: upstream.mode != "observe" and is_on(upstream)


# What `_feature` names acts on calls: an upstream that is only observed has none of it.
_FEATURES: Final = (
    _feature("retries", lambda upstream: upstream.retry.max > 0),
    ("history hints", lambda upstream: upstream.history != "off"),  # tags, which an observed upstream has too
    _feature("mended histories", lambda upstream: upstream.history == "heal"),
    _feature("gate", lambda upstream: upstream.gate),
    _feature("heartbeats", lambda upstream: upstream.stream.heartbeat > 0),
    _feature("an end to silent streams", lambda upstream: upstream.stream.idle_timeout > 0),
    _feature("compat", lambda upstream: upstream.compat != Compat()),
)


def banner(config: Config, admin_url: str, *, traces: bool) -> list[str]:
    """Four lines."""
    is_on: list[str] = []
    is_off: list[str] = []
    for name, holds in _FEATURES:
        where = [upstream.name for upstream in config.upstreams if holds(upstream)]
        if not where:
            is_off.append(name)
        else:
            is_on.append(name if len(where) == len(config.upstreams) else f"{name} ({_some(where)})")
    return [
        f"  sends  {_some([_way(upstream) for upstream in config.upstreams])}",
        f"  on     {', '.join([*_whole(config, traces=traces), *is_on])}",
        f"  off    {', '.join(is_off) or 'nothing'}",
        f"  look   {admin_url}/status, {admin_url}/metrics",
    ]


def _way(upstream: Upstream) -> str:
    way = f"{upstream.prefix or '/'} to {urlsplit(upstream.url).netloc.rpartition('@')[2]}"
    return f"{way} with a credential of its own" if upstream.credential is not None else way


def _whole(config: Config, *, traces: bool) -> Iterator[str]:
    """What holds for the process."""
    observed = [upstream.name for upstream in config.upstreams if upstream.mode == "observe"]
    if len(observed) == len(config.upstreams):
        yield "observe mode (tags, metrics and logs)"
    else:
        yield "tags"
        if observed:
            yield f"observe mode ({_some(observed)})"
    if config.workers > 1:
        yield f"{config.workers} workers"
    if config.clients:
        yield f"client keys ({len(config.clients)})"
    if config.store != "memory://":
        yield "a shared store"
    if traces:
        yield "traces"


def _some(things: Sequence[str]) -> str:
    rest = len(things) - _MOST
    return ", ".join(things[:_MOST]) + (f" and {rest} more" if rest > 0 else "")
