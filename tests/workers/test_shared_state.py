"""What workers know together: all of it with a shared store, and each its own with a memory of its own."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import orjson
import pytest

from tests.store.test_store import Server, needs_redis
from tests.wire import Connection, Request, Upstream, upstream
from tests.workers.conftest import Start, until, write


@pytest.fixture(params=["memory", pytest.param("redis", marks=needs_redis)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "memory":
        yield "memory://"
        return
    server = Server(tmp_path)
    yield f"{server.url}?socket_timeout=10&socket_connect_timeout=10"  # a busy machine is no lost store
    server.process.kill()
    server.process.wait()


@pytest.mark.parametrize("workers", [1, 2])
def test_a_store_that_cannot_be_had_ends_the_start_with_a_sentence(tmp_path: Path, workers: int) -> None:
    pytest.importorskip("redis")
    config = tmp_path / "proxy.yaml"
    write(config, "http://127.0.0.1:9", workers=workers, store="redis://127.0.0.1:1/0?nonsense=1")
    words = [sys.executable, "-m", "proxy", "serve", "--config", str(config)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "store: the URL has an option" in done.stderr
    assert "Traceback" not in done.stderr


@contextlib.asynccontextmanager
async def refusing(status: int, code: str, message: str) -> AsyncIterator[Upstream]:
    body = orjson.dumps({"error": {"message": message, "type": "error", "code": code}})
    head = b"HTTP/1.1 %d X\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % (status, len(body))

    async def script(connection: Connection, request: Request) -> None:
        await connection.send(head + body)

    async with upstream(script) as server:
        yield server


async def test_an_outage_is_told_once_for_all_that_share_a_store_else_once_by_each(start: Start, store: str) -> None:
    async with (
        refusing(500, "server_error", "The server had an error.") as server,
        start(server.url, store=store, retry={"max": 0}) as proxy,
    ):
        await asyncio.gather(*(proxy.call() for _ in range(50)))
        expected = 2 if store == "memory://" else 1

        async def told() -> bool:
            return sum("outage began" in line for line in proxy.lines) >= expected

        await until(told)
        [upstream] = (await proxy.status())["upstreams"]
        assert not upstream["up"]
        assert upstream["failures"] == 50
        assert await proxy.metric("upstream_up", upstream="up") == 0
        assert sum("outage began" in line for line in proxy.lines) == expected


async def test_a_turn_in_quarantine_is_listed_once_and_let_go_by_all(start: Start, store: str) -> None:
    async with (
        refusing(400, "content_filter", "The prompt triggered our content management policy.") as server,
        start(server.url, store=store) as proxy,
    ):
        await proxy.call()
        if store != "memory://":
            known = await asyncio.gather(*(proxy.call(header="x-llm-history") for _ in range(20)))
            assert known == [(400, "known=0-0")] * 20
        await asyncio.gather(*(proxy.call() for _ in range(20)))
        [turn] = (await proxy.status())["quarantine"]
        assert turn["upstream"] == "up"
        async with proxy.http.delete(f"{proxy.admin}/quarantine/{turn['id']}") as released:
            assert released.status == 204
        assert (await proxy.status())["quarantine"] == []
        async with proxy.http.delete(f"{proxy.admin}/quarantine/{turn['id']}") as released:
            assert released.status == 404
