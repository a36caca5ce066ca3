"""`llm-triage serve` as a process: what it prints, what signals and changed files do, how it ends."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.wire import OK, Connection, Request, get, headers_of, read_all, request, status_of, upstream

LINE = re.compile(r"llm-triage listens on http://(\S+):(\d+), admin on http://(\S+):(\d+)\n")
ROOT = Path(__file__).parents[2]


@dataclass
class Served:
    process: asyncio.subprocess.Process
    data: int
    admin: int
    log: list[str] = field(default_factory=list)

    async def told(self, words: str) -> str:
        """Waits for a log line."""
        stream = self.process.stderr
        assert stream is not None
        async with asyncio.timeout(10):
            while not any(words in line for line in self.log):
                self.log.append((await stream.readline()).decode())
        return next(line for line in self.log if words in line)


async def started(*options: str, env: dict[str, str] | None = None) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "proxy", "serve", *options,
        cwd=ROOT, env=os.environ | (env or {}), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip


@contextlib.asynccontextmanager
async def serving(*options: str, env: dict[str, str] | None = None) -> AsyncIterator[Served]:
    process = await started(*options, env=env)
    assert process.stdout is not None
    try:
        async with asyncio.timeout(20):
            line = (await process.stdout.readline()).decode()
        found = LINE.fullmatch(line)
        assert found is not None, line or (await process.communicate())[1].decode()
        yield Served(process, int(found[2]), int(found[4]))
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def ask(port: int, data: bytes, host: str = "127.0.0.1") -> bytes:
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(data)
    try:
        return await read_all(reader)
    finally:
        writer.close()


async def test_the_environment_is_enough() -> None:
    async with upstream(OK) as up:
        env = {
            "LLM_TRIAGE_UPSTREAM": up.url,
            "LLM_TRIAGE_LISTEN": "127.0.0.1:0",
            "LLM_TRIAGE_ADMIN": "127.0.0.1:0",
        }
        async with serving(env=env) as served:
            assert status_of(await ask(served.data, get())) == 200
            assert status_of(await ask(served.admin, get("/readyz"))) == 200
            taken = await started("--listen", f"127.0.0.1:{served.data}", env=env)
            _, told = await taken.communicate()
            assert taken.returncode == 1
            assert told.startswith(b"cannot listen: ")
            assert b"Traceback" not in told


async def test_the_signal_to_end_is_obeyed_in_order(tmp_path: Path) -> None:
    gate = asyncio.Event()

    async def script(connection: Connection, asked: Request) -> None:
        if b"slow" in asked.target:
            await gate.wait()
        await connection.send(OK)

    async with upstream(script) as up:
        file = tmp_path / "proxy.yaml"
        file.write_text(
            f"{{listen: 127.0.0.1:0, admin: 127.0.0.1:0, lame_duck: 700ms, drain: 20s, upstreams: [{{url: {up.url}}}]}}"
        )
        async with serving("--config", str(file)) as served:
            running = asyncio.create_task(ask(served.data, get("/slow")))
            await up.received(1)
            served.process.send_signal(signal.SIGTERM)
            await asyncio.sleep(0.2)
            assert status_of(await ask(served.admin, get("/readyz"))) == 503
            assert status_of(await ask(served.data, get())) == 200
            await asyncio.sleep(0.7)
            refused = await ask(served.data, get())
            assert status_of(refused) == 503
            assert headers_of(refused)["x-llm-error-reason"] == "draining"
            assert headers_of(refused)["retry-after"]
            gate.set()
            assert status_of(await running) == 200
            assert await asyncio.wait_for(served.process.wait(), 5) == 0


async def test_a_changed_file_is_taken_over_and_a_bad_one_refused(tmp_path: Path) -> None:
    """The file is found by its content: a mounted one changes by a link."""
    async with upstream(OK) as up:
        base = f"listen: 127.0.0.1:0, admin: 127.0.0.1:0, upstreams: [{{url: {up.url}}}]"
        for name, more in (("v0", ""), ("v1", ", mode: sometimes"), ("v2", ", mode: observe")):
            (tmp_path / name).mkdir()
            (tmp_path / name / "proxy.yaml").write_text(f"{{{base}{more}}}")
        link = tmp_path / "now"
        link.symlink_to("v0")
        async with serving("--config", str(link / "proxy.yaml")) as served:
            reader, writer = await asyncio.open_connection("127.0.0.1", served.data)
            link.unlink()
            link.symlink_to("v1")
            assert "mode: expected one of act, observe" in await served.told("reload refused")
            link.unlink()
            link.symlink_to("v2")
            await served.told("reloaded")
            writer.write(get())  # the connection is older than the reload
            assert status_of(await read_all(reader)) == 200
            writer.close()
            (tmp_path / "v2" / "proxy.yaml").write_text(f"{{{base.replace('1:0', '1:1', 1)}}}")
            served.process.send_signal(signal.SIGHUP)
            assert "needs_restart=listen" in await served.told("needs a restart")
            served.log.clear()
            served.process.send_signal(signal.SIGHUP)
            assert "needs_restart=listen" in await served.told("needs a restart")  # it still is not in force
            scraped = await ask(served.admin, request("GET", "/metrics"))
            assert b'config_reloads_total{result="refused"} 1.0' in scraped
            assert b'config_reloads_total{result="ok"} 3.0' in scraped


async def test_five_lines_say_what_runs_and_ctrl_c_leaves_nothing_behind(tmp_path: Path) -> None:
    async def never(connection: Connection, _: Request) -> None:
        await connection.gone(30)

    async with upstream(never) as up:
        file = tmp_path / "proxy.yaml"
        file.write_text(
            f"{{listen: 127.0.0.1:0, admin: 127.0.0.1:0, workers: 2, drain: 300ms, upstreams: [{{url: {up.url}}}]}}"
        )
        async with serving("--config", str(file)) as served:
            assert served.process.stdout is not None
            told = [(await served.process.stdout.readline()).decode() for _ in range(4)]
            assert [line.split()[0] for line in told] == ["sends", "on", "off", "look"]
            children = children_of(served.process.pid)
            assert len(children) >= 2
            running = asyncio.create_task(ask(served.data, get()))
            await up.received(1)
            served.process.send_signal(signal.SIGINT)
            assert await asyncio.wait_for(served.process.wait(), 10) == 0
            await running
            assert await served.process.stdout.read() == b""
            assert not alive(children)
            for port in (served.data, served.admin):
                with pytest.raises(OSError, match=r"[Cc]onnect"):
                    await asyncio.open_connection("127.0.0.1", port)


def children_of(pid: int) -> list[int]:
    return [int(child) for tasks in Path(f"/proc/{pid}/task").glob("*/children") for child in tasks.read_text().split()]


def alive(pids: list[int]) -> list[int]:
    return [pid for pid in pids if Path(f"/proc/{pid}").exists()]
