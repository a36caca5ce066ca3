"""LiteLLM's proxy between ours and the provider: what the provider said is found inside what LiteLLM made of it."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from proxy.app import Service
from proxy.demo.provider import Provider
from tests.apps.at_hand import QUIET, before, python_with

CLASSES = {
    "fail-budget": "budget_exhausted",
    "fail-rate-limit": "rate_limited",
    "fail-overloaded": "overloaded",
    "fail-auth": "auth",
    "fail-model": "model",
    "fail-context": "context",
    "fail-content-filter": "content_filter",
    "fail-bad-request": "bad_request",
    "fail-server-error": "provider_error",
}
KEY = f"sk-{secrets.token_hex(32)}"  # it refuses to start with a weak one
ASKED = {"messages": [{"role": "user", "content": "Good day?"}], "max_tokens": 9}

pytestmark = pytest.mark.timeout(150)


@pytest.fixture
async def litellm(provider: Provider, tmp_path: Path) -> AsyncIterator[Service]:
    """Ours, before LiteLLM's, before the built-in provider."""
    python = python_with("litellm_proxy_extras")
    models = [
        {
            "model_name": f"{vendor}-{name}",
            "litellm_params": {"model": f"{vendor}/{name}", "api_base": provider.url + base, "api_key": "sk-of-nobody"},
        }
        for vendor, base in (("openai", "/v1"), ("anthropic", ""))
        for name in ("good", *CLASSES)
    ]
    # LiteLLM's own retries and cool-downs would hide what the provider says.
    router = {"num_retries": 0, "disable_cooldowns": True}
    settings: dict[str, object] = {
        "model_list": models,
        "router_settings": router,
        "litellm_settings": {"num_retries": 0},
    }
    settings["general_settings"] = {"master_key": KEY}
    (tmp_path / "config.yaml").write_text(json.dumps(settings))
    port = free_port()
    command = [python, "-m", "litellm.proxy.proxy_cli", "--config", "config.yaml", "--host", "127.0.0.1"]
    with (tmp_path / "told").open("wb") as told:
        process = await asyncio.create_subprocess_exec(
            *command, "--port", str(port), cwd=tmp_path, env=os.environ | QUIET, stdout=told, stderr=told
        )
    try:
        assert await accepts(process, port), (tmp_path / "told").read_text()[-2000:]
        async with before(f"http://127.0.0.1:{port}", provider="litellm", retry={"max": 0}) as service:
            yield service
    finally:
        if process.returncode is None:
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), 10)
        except TimeoutError:
            process.kill()
            await process.wait()


async def test_its_errors_are_unwrapped(litellm: Service) -> None:
    told = {}
    async with aiohttp.ClientSession(headers={"authorization": f"Bearer {KEY}"}) as session:
        for vendor in ("openai", "anthropic"):
            for model in ("good", *CLASSES):
                asked = {"model": f"{vendor}-{model}", **ASKED}
                async with session.post(f"{litellm.data_url}/v1/chat/completions", json=asked) as answer:
                    told[vendor, model] = answer.headers.get("x-llm-error-class")
    assert told == {
        (vendor, model): CLASSES.get(model) for vendor in ("openai", "anthropic") for model in ("good", *CLASSES)
    }


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


async def accepts(process: asyncio.subprocess.Process, port: int) -> bool:
    async with asyncio.timeout(90):
        while process.returncode is None:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.2)
            else:
                writer.close()
                return True
    return False
