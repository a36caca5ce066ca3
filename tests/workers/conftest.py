"""A real parent with two children before an upstream made of bytes; everything is waited for, nothing slept through."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml

DEADLINE_S = 30.0
ASKED = {"model": "m", "messages": [{"role": "user", "content": "Hello"}]}


async def until(look: Callable[[], Awaitable[Any]], deadline_s: float = DEADLINE_S) -> Any:
    """The first answer that is true."""
    async with asyncio.timeout(deadline_s):
        while not (found := await look()):  # noqa: ASYNC110 - another process does not set an event here
            await asyncio.sleep(0.02)
    return found


def lives(pid: int) -> bool:
    """Whether a process is there, and more than an entry that nobody has read yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def children(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


@dataclass
class Proxy:
    process: asyncio.subprocess.Process
    http: aiohttp.ClientSession
    config: Path
    url: str = ""
    admin: str = ""
    lines: list[str] = field(default_factory=list)  # of its log

    @property
    def pid(self) -> int:
        return self.process.pid

    def signal(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)  # asyncio's own would reap a process that has ended, and lose its exit code

    async def call(self, path: str = "/v1/chat/completions", header: str = "x-llm-error-reason") -> tuple[int, str]:
        """One call on a connection of its own: status, and what stands in a header."""
        async with self.http.post(
            self.url + path, json=ASKED, headers={"authorization": "Bearer k", "connection": "close"}
        ) as answer:
            await answer.read()
            return answer.status, answer.headers.get(header, "")

    async def get(self, path: str) -> tuple[int, str]:
        async with self.http.get(self.admin + path) as answer:
            return answer.status, await answer.text()

    async def status(self) -> dict[str, Any]:
        status: dict[str, Any] = json.loads((await self.get("/status.json"))[1])
        return status

    async def workers(self) -> list[dict[str, Any]]:
        workers: list[dict[str, Any]] = (await self.status())["workers"]
        return workers

    async def metric(self, name: str, **labels: str) -> float:
        """The sum of the series that have these labels."""
        _, text = await self.get("/metrics")
        found = re.findall(rf"^llm_triage_{name}(?:{{(.*)}})? (\S+)$", text, re.MULTILINE)
        return sum(
            float(value) for given, value in found if all(f'{key}="{word}"' in given for key, word in labels.items())
        )

    async def said(self, words: str) -> str:
        async def look() -> str | None:
            return next((line for line in self.lines if words in line), None)

        line: str = await until(look)
        return line

    async def ended(self) -> int:
        return await asyncio.wait_for(self.process.wait(), DEADLINE_S)


Start = Callable[..., AbstractAsyncContextManager[Proxy]]


@pytest.fixture
def start(tmp_path: Path) -> Start:
    """`async with start(upstream.url, **settings) as proxy`: accepts connections from then on.

    `first` is code that the parent runs before all else, to be less patient than it is.
    """

    @contextlib.asynccontextmanager
    async def start(url: str, *, first: str = "", **settings: Any) -> AsyncIterator[Proxy]:
        config = tmp_path / "proxy.yaml"
        write(config, url, **settings)
        env = {key: value for key, value in os.environ.items() if not key.startswith(("LLM_TRIAGE_", "PROMETHEUS_"))}
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", f"{first}\nfrom proxy.cli import main\nraise SystemExit(main())"),
            *("serve", "--config", str(config)),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=env,
        )
        assert process.stdout
        assert process.stderr
        timeout = aiohttp.ClientTimeout(total=DEADLINE_S)
        async with aiohttp.ClientSession(timeout=timeout) as http:
            proxy = Proxy(process, http, config)
            reading = asyncio.create_task(read(process.stderr, proxy.lines))
            try:
                line = (await asyncio.wait_for(process.stdout.readline(), DEADLINE_S)).decode()
                match = re.fullmatch(r"llm-triage listens on (http://\S+), admin on (http://\S+)\n", line)
                assert match, proxy.lines
                proxy.url, proxy.admin = match.groups()
                yield proxy
            finally:
                left = children(process.pid)
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process.pid, signal.SIGKILL)
                for pid in left:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGCONT)
                # Both end with the last process that holds them: no child may outlive its parent for long.
                async with asyncio.timeout(DEADLINE_S):
                    await asyncio.gather(process.wait(), process.stdout.read(), reading)

    return start


async def read(stream: asyncio.StreamReader, lines: list[str]) -> None:
    while line := await stream.readline():
        lines.append(line.decode().rstrip())


def write(config: Path, url: str, **settings: Any) -> None:
    up = {"name": "up", "url": url, "provider": "openai"}
    values = {"listen": "127.0.0.1:0", "admin": "127.0.0.1:0", "workers": 2, "upstreams": [up], **settings}
    config.write_text(yaml.safe_dump(values))
