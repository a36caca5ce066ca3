"""Real applications, as they are installed by their users: a script for each says what it saw through the proxy.

A good answer comes as it is; a failure that no retry mends costs one call of the provider; a stream that broke raises.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from proxy.demo.provider import Provider
from proxy.demo.shape import TEXT
from tests.apps.at_hand import QUIET, before, node_with, python_with

HERE = Path(__file__).parent

pytestmark = pytest.mark.timeout(120)


async def run(*command: str | Path) -> Mapping[str, Mapping[str, Any]]:
    """What a script told, by case."""
    process = await asyncio.create_subprocess_exec(
        *command, env=os.environ | QUIET, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    try:
        out, err = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    told = [json.loads(line) for line in out.decode().splitlines() if line.startswith("{")]
    assert process.returncode == 0, err.decode()[-2000:]
    return {seen["case"]: seen for seen in told}


def check(told: Mapping[str, Mapping[str, Any]], vendors: tuple[str, ...] = ("",)) -> None:
    """What holds for each application; a class is told where its exceptions let one see it."""
    assert len(told) == 5 * len(vendors)
    for vendor in vendors:
        seen = {case.removeprefix(vendor).lstrip(): told[case] for case in told if case.startswith(vendor)}
        for case in ("good", "good streamed"):
            assert (seen[case]["text"], seen[case]["error"]) == (TEXT, ""), seen[case]
        for case, cls in (
            ("fail-budget", "budget_exhausted"),
            ("fail-context", "context"),
            ("fail-midstream streamed", "network"),
        ):
            assert seen[case]["error"], seen[case]
            assert seen[case]["class"] in (cls, ""), seen[case]
        assert "ended before the answer was complete" in seen["fail-midstream streamed"]["message"]


def once_each(provider: Provider) -> None:
    calls = Counter((call.path.partition("?")[0], call.model) for call in provider.calls)
    assert {count for (_, model), count in calls.items() if model != "good"} == {1}, calls


async def test_langchain(provider: Provider) -> None:
    python = python_with("langchain_anthropic")
    async with before(provider.url) as service:
        told = await run(python, HERE / "langchain.py", service.data_url)
    check(told, ("openai", "anthropic"))
    assert all(seen["class"] for case, seen in told.items() if "fail" in case)
    once_each(provider)


async def test_litellms_sdk(provider: Provider) -> None:
    python = python_with("litellm")
    async with before(provider.url) as service:
        told = await run(python, HERE / "litellm_sdk.py", service.data_url)
    check(told, ("openai", "anthropic"))
    assert all(seen["class"] for case, seen in told.items() if "fail" in case and "stream" not in case)
    once_each(provider)


async def test_llm(provider: Provider) -> None:
    python = python_with("llm")
    async with before(provider.url) as service:
        check(await run(python, HERE / "llm_cli.py", service.data_url))
    once_each(provider)


async def test_the_vercel_ai_sdk(provider: Provider, tmp_path: Path) -> None:
    """It goes by the status alone: what keeps it from repeating an empty account's 429 is `budget_status`."""
    # A module is looked for from where the script lies.
    (tmp_path / "node_modules").symlink_to(node_with("@ai-sdk/anthropic") / "node_modules")
    shutil.copy(HERE / "vercel" / "ask.mjs", tmp_path)
    async with before(provider.url, compat={"budget_status": 402}) as service:
        check(await run("node", tmp_path / "ask.mjs", service.data_url), ("openai", "anthropic"))
    once_each(provider)


async def test_curl(provider: Provider) -> None:
    if shutil.which("curl") is None:
        pytest.skip("no curl at hand")
    async with before(provider.url) as service:
        told = await run("sh", HERE / "curl.sh", service.data_url)
    assert {case: (seen["status"], seen["class"]) for case, seen in told.items()} == {
        "good": (200, ""),
        "fail-budget": (429, "budget_exhausted"),
        "fail-context": (400, "context"),
        "fail-midstream streamed": (200, "network"),
    }
