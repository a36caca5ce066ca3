"""What an open stream holds is bounded, however long its events are and however slowly its client reads."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.way.test_streams import DONE, HEAD, LAST, chunk, delta
from tests.wire import Connection, Request, post, upstream

EVENT_BYTES = 10 * 2**20
STREAMS = 12
# Read, held, unsent and what the allocator keeps, all of it at most a few times `peek_bytes`.
MOST_BYTES = 2**20

pytestmark = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads /proc")


@contextlib.asynccontextmanager
async def serving(url: str) -> AsyncIterator[tuple[int, int]]:
    """The proxy as a process of its own: its port and process id."""
    words = ["serve", "--upstream", url, "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "proxy", *words, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
        env={name: value for name, value in os.environ.items() if not name.startswith("LLM_TRIAGE")},
    )  # fmt: skip
    assert process.stdout is not None
    try:
        line = (await asyncio.wait_for(process.stdout.readline(), 20)).decode()
        port = line.split("127.0.0.1:")[1].split(",")[0].split()[0]
        yield int("".join(c for c in port if c.isdigit())), process.pid
    finally:
        process.kill()
        await process.wait()


def resident(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return 1024 * int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1])


async def long_event(connection: Connection, _: Request) -> None:
    event = delta("x" * EVENT_BYTES)
    pieces = (event[at : at + 50_000] for at in range(0, len(event), 50_000))
    with contextlib.suppress(ConnectionError):
        await connection.send(HEAD, chunk(delta("first")), *map(chunk, pieces))
        await connection.send(chunk(delta("", "stop") + DONE), LAST)


async def test_ten_megabytes_in_one_event_to_clients_that_do_not_read() -> None:
    async with upstream(long_event) as up, serving(up.url) as (port, pid):
        clients = []
        # What the process needs once is there before it is measured.
        for _ in range(2):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(post())
            await read_all(reader)
            writer.close()
        before = resident(pid)
        for _ in range(STREAMS):
            reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**16)
            writer.write(post())
            clients.append((reader, writer))
        for reader, _ in clients:
            await asyncio.wait_for(reader.readexactly(1000), 10)
        await asyncio.sleep(0.5)
        assert resident(pid) - before < STREAMS * MOST_BYTES
        sizes = await asyncio.gather(*(read_all(reader) for reader, _ in clients))
        assert resident(pid) - before < STREAMS * MOST_BYTES
        assert all(size > EVENT_BYTES for size in sizes)
        for _, writer in clients:
            writer.close()


async def read_all(reader: asyncio.StreamReader) -> int:
    size, tail = 0, b""
    while not tail.endswith(LAST):
        data = await asyncio.wait_for(reader.read(2**16), 10)
        assert data
        size += len(data)
        tail = (tail + data)[-100:]
    return size
