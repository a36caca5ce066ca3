"""The built-in provider, and the proxy before it with its default settings but for shorter waits."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import anthropic._base_client
import openai._base_client
import pytest

from proxy.app import Service
from proxy.classifier import load_rules
from proxy.config import from_values
from proxy.demo.provider import Provider, start_provider

RULES = load_rules([])
QUICK_RETRIES = {"base": "20ms", "cap": "40ms"}


@contextlib.asynccontextmanager
async def start_proxy(upstream: str, **settings: Any) -> AsyncIterator[Service]:
    config = from_values(
        {
            "listen": "127.0.0.1:0",
            "admin": "127.0.0.1:0",
            "upstreams": [{"name": "provider", "url": upstream}],
            "retry": QUICK_RETRIES,
            **settings,
        }
    )
    service = Service(config, RULES)
    await service.start()
    try:
        yield service
    finally:
        await service.close()


@pytest.fixture(autouse=True)
def _clients_do_not_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clients' own retries stay on; only their pauses are short."""
    for client in (openai._base_client, anthropic._base_client):
        monkeypatch.setattr(client, "INITIAL_RETRY_DELAY", 0.01)
        monkeypatch.setattr(client, "MAX_RETRY_DELAY", 0.02)


@pytest.fixture
async def provider() -> AsyncIterator[Provider]:
    async with start_provider(wait_s=0.05, slow_s=0.2) as provider:
        yield provider


@pytest.fixture
async def proxy(provider: Provider) -> AsyncIterator[Service]:
    async with start_proxy(provider.url) as service:
        yield service


@pytest.fixture
def proxied() -> Callable[..., AbstractAsyncContextManager[Service]]:
    """`async with proxied(upstream, **settings)` where a test needs settings of its own."""
    return start_proxy
