"""The built-in provider, whose stated wait is short."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from proxy.demo.provider import Provider, start_provider


@pytest.fixture
async def provider() -> AsyncIterator[Provider]:
    async with start_provider(wait_s=0.01) as provider:
        yield provider
