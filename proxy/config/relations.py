"""What settings must be to each other: conflicts that refuse the start, and warnings that do not."""

from __future__ import annotations

import socket
from collections.abc import Hashable, Iterable, Iterator
from urllib.parse import urlsplit

from proxy.config.settings import Config, Upstream
from proxy.config.source import Place
from proxy.config.values import Address


def conflicts(config: Config) -> Iterator[tuple[Place, str]]:
    """Each with the place of the setting that has to change."""
    upstreams = config.upstreams
    yield from _repeated(((("upstreams", at, "name"), u.name) for at, u in enumerate(upstreams)), "name")
    yield from _repeated(
        ((("upstreams", at, "prefix"), u.prefix) for at, u in enumerate(upstreams) if u.prefix), "prefix"
    )
    yield from _repeated(((("clients", at, "name"), c.name) for at, c in enumerate(config.clients)), "name")
    yield from _repeated(((("clients", at, "sha256"), c.sha256) for at, c in enumerate(config.clients)), "key")
    if config.admin.port and config.admin.port == config.listen.port and _overlap(config.admin, config.listen):
        yield ("admin",), "must not be the address of listen"
    if config.retry.cap < config.retry.base:
        yield ("retry", "cap"), "must not be below retry.base"
    for at, upstream in enumerate(upstreams):
        place: Place = ("upstreams", at)
        if upstream.retry.cap < upstream.retry.base:
            yield (*place, "retry", "cap"), "must not be below retry.base"
        if upstream.credential is not None and not config.listen.is_loopback and not config.clients:
            yield (
                (*place, "credential_file" if upstream.credential_file else "credential"),
                "anyone who reaches listen could spend it: listen on 127.0.0.1, or name the keys that may call in clients",
            )
        for key, own in (("listen", config.listen), ("admin", config.admin)):
            if is_own(upstream, own):
                yield (*place, "url"), f"is the proxy's own {key} address: calls would go round in a circle"


def warnings(config: Config) -> Iterator[str]:
    """What starts, though hardly as it was meant."""
    default = None
    for upstream in config.upstreams:
        if upstream.credential is not None and upstream.allow is None:
            yield (
                f"upstream {upstream.name}: holds a credential without allow: every path of the provider is open to "
                "every client, files and account settings included"
            )
        if not upstream.prefix:
            if default is not None:
                yield f"upstream {upstream.name}: is never called: {default} takes every path without a prefix"
            default = default or upstream.name
    if config.workers > 1 and config.store.startswith("memory:"):
        yield "workers: each has a memory of its own (store: memory://); redis:// shares what is learned and counted"
    if not config.admin.is_loopback and not config.admin_token.get_secret_value():
        yield "admin: listens beyond loopback without admin_token: /metrics and health are open, /status stays shut"


def is_own(upstream: Upstream, own: Address) -> bool:
    """Whether calls to an upstream would arrive at one of the proxy's own ports.

    Names are looked up only where the ports are the same.
    """
    parts = urlsplit(upstream.url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    if not own.port or port != own.port:
        return False
    theirs = _addresses(parts.hostname or "")
    if own.host in ("", "0.0.0.0", "::"):  # noqa: S104  # compared, not bound
        return any(_is_local(address) for address in theirs)
    return bool(theirs & _addresses(own.host))


def _overlap(one: Address, other: Address) -> bool:
    everywhere = ("", "0.0.0.0", "::")  # noqa: S104  # compared, not bound
    return one.host == other.host or one.host in everywhere or other.host in everywhere


def _addresses(host: str) -> set[str]:
    try:
        found = {str(info[4][0]) for info in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)}
    except (OSError, UnicodeError):
        return set()
    # A connection to the unspecified address goes to this machine.
    loopback = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104
    return {loopback.get(address, address) for address in found}


def _is_local(address: str) -> bool:
    """An address is this machine's own where a socket can be bound to it."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((address, 0))
    except OSError:
        return False
    return True


def _repeated(found: Iterable[tuple[Place, Hashable]], what: str) -> Iterator[tuple[Place, str]]:
    first: dict[Hashable, Place] = {}
    for place, value in found:
        if value in first:
            before = first[value]
            yield place, f"the same {what} as {before[0]}[{before[1]}]: each needs its own"
        first.setdefault(value, place)
