"""A failure's body of any size passes, while no more than its beginning is held."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.wire import Connection, Request, headers_of, port_of, post, proxied

PIECE = b"x" * 2**20
PIECES = 100
STATM = Path("/proc/self/statm")


def resident_bytes() -> int:
    return int(STATM.read_text().split()[1]) * 4096


@pytest.mark.skipif(not STATM.exists(), reason="memory is read from /proc")
async def test_a_hundred_megabytes_of_error_pass_without_being_held() -> None:
    async def script(connection: Connection, _: Request) -> None:
        length = b"Content-Length: %d\r\n\r\n" % (PIECES * len(PIECE))
        await connection.send(b"HTTP/1.1 500 X\r\nContent-Type: text/plain\r\n" + length)
        for _piece in range(PIECES):
            await connection.send(PIECE)

    async with proxied(script, retry={"max": 0}) as (service, _):
        before = most = resident_bytes()
        reader, writer = await asyncio.open_connection("127.0.0.1", port_of(service))
        writer.write(post())
        async with asyncio.timeout(30):
            head = await reader.readuntil(b"\r\n\r\n")
            received = 0
            while received < PIECES * len(PIECE):
                received += len(await reader.read(2**20))
                most = max(most, resident_bytes())
        writer.close()
    assert headers_of(head)["x-llm-error-class"] == "provider_error"
    assert most - before < 40 * 2**20
