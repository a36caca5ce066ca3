"""Everything that a configuration decides, made once when it is loaded; a reload makes a new one beside it."""

from __future__ import annotations

from dataclasses import dataclass

from yarl import URL

from proxy.classifier import Rules
from proxy.client import Client
from proxy.config import Config, Upstream
from proxy.model import Provider
from proxy.way.address import Route, Routes
from proxy.way.credential import Clients
from proxy.way.familiar import Familiar
from proxy.way.headers import AnswerFilter, RequestFilter

_NOBODY = Provider(name="")


@dataclass(slots=True)
class Setup:
    """A configuration in force. Calls that began under it keep it to their end."""

    config: Config
    familiar: Familiar
    routes: Routes
    clients: Clients
    requests: RequestFilter
    answers: AnswerFilter
    calls: int = 0  # under way
    retired: bool = False

    async def close_if_idle(self) -> None:
        """Lets the upstream connections of a retired setup go once its last call has ended."""
        if self.retired and self.calls == 0:
            for route in self.routes.all:
                await route.client.close()


def set_up(config: Config, rules: Rules) -> Setup:
    """Needs a running loop: it makes the upstreams' connection pools."""
    routes = Routes([Route(u, provider_of(u, rules), _client(u)) for u in config.upstreams])
    return Setup(
        config=config,
        familiar=Familiar(rules),
        routes=routes,
        clients=Clients([(client.name, client.sha256) for client in config.clients]),
        requests=RequestFilter(forward_client=config.forward_client),
        answers=AnswerFilter(),
    )


def provider_of(upstream: Upstream, rules: Rules) -> Provider:
    """What is known of an upstream's provider: as configured, else by its host, else nothing."""
    if upstream.provider:
        return rules.provider(upstream.provider) or Provider(name=upstream.provider)
    return rules.provider_of_host(upstream.host) or _NOBODY


def _client(upstream: Upstream) -> Client:
    return Client(URL(upstream.url), connect_s=upstream.timeouts.connect, ca=upstream.ca, proxy=upstream.proxy)
