"""Where a call goes: the upstream by path prefix, its target there, the credential that it needs. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from aiohttp.hdrs import HOST
from multidict import CIMultiDict
from yarl import URL

from proxy.client import Client
from proxy.config import Upstream
from proxy.model import Provider
from proxy.way import credential
from proxy.way.accept import Call
from proxy.way.endpoint import Endpoint, Endpoints
from proxy.way.refuse import Refusal


class Route:
    """One upstream as it runs: its settings, what is known of its provider, its connections."""

    __slots__ = (
        "_base",
        "client",
        "endpoints",
        "ends_at_eof",
        "heals",
        "host",
        "injected",
        "name",
        "needs_credential",
        "observes",
        "origin",
        "prefix",
        "provider",
        "reads_history",
        "settings",
    )  # fmt: skip

    def __init__(self, settings: Upstream, provider: Provider, client: Client) -> None:
        self.settings = settings
        self.name = settings.name
        self.provider = provider
        self.client = client
        self.endpoints = Endpoints(provider.generation_paths)
        self.prefix = settings.prefix
        self.reads_history = settings.history != "off"
        self.heals = settings.history == "heal"
        self.observes = settings.mode == "observe"
        self.ends_at_eof = settings.stream.end == "eof" or provider.stream_end == "eof"
        origin = URL(settings.url)
        self.origin = origin
        self.host = origin.host_port_subcomponent or ""
        self._base = origin.raw_path.rstrip("/")
        secret = settings.secret()
        self.injected = None if secret is None else (provider.credential, secret)
        stated = settings.require_credential
        self.needs_credential = self.injected is None and (provider.hosted if stated is None else stated)

    def matches(self, path: str) -> bool:
        """Whether the path is below this upstream's prefix, by whole segments."""
        prefix = self.prefix
        return path.startswith(prefix) and (len(path) == len(prefix) or path[len(prefix)] == "/")

    def below(self, target: str) -> str:
        """The upstream's own target for one without prefix, each of its bytes as the client sent it."""
        return self._base + target if target != "*" else self._base or target


class Target(NamedTuple):
    """Where one call goes and with what head. `client` names the client key that it came with, if keys are asked for."""

    route: Route
    endpoint: Endpoint
    path: str  # below the upstream, without prefix and query
    sent: str  # the target as the upstream gets it
    headers: CIMultiDict[str]
    client: str = ""
    lacks_credential: bool = False  # and goes on without one, since its upstream is only observed


class Routes:
    """All upstreams, the longest prefix first; the first without a prefix takes what no prefix matches."""

    def __init__(self, routes: Sequence[Route]) -> None:
        self.all = tuple(routes)
        self._prefixed = tuple(sorted((r for r in routes if r.prefix), key=lambda r: len(r.prefix), reverse=True))
        self._default = next((r for r in routes if not r.prefix), None)

    def of(self, path: str) -> Route | None:
        for route in self._prefixed:
            if route.matches(path):
                return route
        return self._default


def address(call: Call, route: Route, clients: credential.Clients) -> Target | Refusal:
    """Where the call goes, or why it may not."""
    target = call.target[len(route.prefix) :] if route.prefix else call.target
    path = call.path[len(route.prefix) :] if route.prefix else call.path
    headers = call.head.passed
    settings = route.settings
    client, lacks_credential = "", False
    is_in_doubt = route.needs_credential and not credential.bears_token(call.head.read)
    if is_in_doubt or clients or route.injected is not None or settings.allow is not None:
        preflight = call.method == "OPTIONS" and "access-control-request-method" in call.head.read
        carriers = list(credential.carried(call.head.read, call.query))
        if clients and not preflight:
            identified = identify(clients, call, carriers)
            if identified is None:
                return Refusal("unknown_client")
            client, used = identified
            carriers = [(carrier, secret) for carrier, secret in carriers if carrier not in used]
            credential.without_headers(headers, used)
            target = credential.without_query(target, used)
        if settings.allow is not None and not preflight and not settings.allows(call.method, path):
            return Refusal("not_allowed")
        if route.injected is not None:
            credential.without_headers(headers)
            target = credential.without_query(target)
            credential.inject(headers, *route.injected)
        elif route.needs_credential and credential.is_missing(carriers, call.method):
            if not route.observes:
                return Refusal("missing_credential")
            lacks_credential = True
    headers[HOST] = route.host
    for name, value in settings.headers.items():
        headers[name] = value
    if not target.startswith("/") and target != "*":
        target = "/" + target
    return Target(route, route.endpoints.of(path), path, route.below(target), headers, client, lacks_credential)


def identify(
    clients: credential.Clients, call: Call, carriers: Sequence[tuple[str, str]]
) -> tuple[str, frozenset[str]] | None:
    """The client's name and the carriers that held its key; None for a key that nobody knows."""
    own = call.head.read.get(credential.CLIENT_KEY)
    if own is not None:
        name = clients.name_of(own.strip())
        # Who sends the key twice has it forwarded neither time.
        return None if name is None else (name, frozenset(c for c, s in carriers if clients.name_of(s) is not None))
    for _, secret in carriers:
        name = clients.name_of(secret)
        if name is not None:
            return name, frozenset(c for c, s in carriers if clients.name_of(s) is not None)
    return None
