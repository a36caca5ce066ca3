"""A real headless Chromium, and a real proxy for it to look at.

Screenshots are kept for a person under .cache/screenshots, or where SCREENSHOTS names a folder.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from proxy.app import Service, rules_of
from proxy.config import from_values

FLAGS = [
    "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update",
    "--disable-sync",
]  # fmt: skip
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.fixture
async def browser() -> AsyncIterator[Any]:
    playwright = pytest.importorskip("playwright.async_api", reason="needs the package playwright")
    if CHROMIUM is None:
        pytest.skip("needs Chromium: apt-get install chromium")
    async with playwright.async_playwright() as play:
        chromium = await play.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        await chromium.close()


class Console:
    """What a page wrote to its console as an error, and what its script threw."""

    def __init__(self, page: Any) -> None:
        self.errors: list[str] = []
        page.on("console", lambda said: self.errors.append(said.text) if said.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: self.errors.append(str(error)))


@pytest.fixture
def watch() -> Callable[[Any], Console]:
    return Console


class Proxy:
    """A proxy that can be restarted at the addresses it first had. Its upstreams cannot be reached."""

    def __init__(self, **changes: Any) -> None:
        upstreams = [
            {
                "name": name,
                "url": f"http://127.0.0.1:{port}",
                "prefix": f"/{name}",
                "provider": "openai",
                "require_credential": False,
            }
            for name, port in (("openai", 9), ("anthropic", 13))
        ]
        self._values: dict[str, Any] = {
            "listen": "127.0.0.1:0", "admin": "127.0.0.1:0", "upstreams": upstreams, "retry": {"max": 0}, **changes
        }  # fmt: skip
        self.service: Service | None = None

    async def start(self) -> None:
        config = from_values(self._values)
        service = Service(config, rules_of(config))
        await service.start()
        self.service, self.data, self.admin = service, service.data_url, service.admin_url
        self._values |= {"listen": self.data.removeprefix("http://"), "admin": self.admin.removeprefix("http://")}

    async def stop(self) -> None:
        if self.service is not None:
            await self.service.close()
            self.service = None

    async def fail(self, upstream: str = "openai") -> None:
        """A client's call to an upstream that refuses connections."""
        url = f"{self.data}/{upstream}/v1/chat/completions"
        async with aiohttp.ClientSession() as session, session.post(url, json={"model": "any"}) as answer:
            assert answer.headers["x-llm-error-class"] == "network"


@pytest.fixture
async def start_proxy() -> AsyncIterator[Callable[..., Awaitable[Proxy]]]:
    started: list[Proxy] = []

    async def start(**changes: Any) -> Proxy:
        proxy = Proxy(**changes)
        await proxy.start()
        started.append(proxy)
        return proxy

    yield start
    for proxy in started:
        await proxy.stop()


@pytest.fixture
def screenshots() -> Path:
    folder = Path(os.environ.get("SCREENSHOTS") or Path(__file__).parents[2] / ".cache" / "screenshots")
    folder.mkdir(parents=True, exist_ok=True)
    return folder
