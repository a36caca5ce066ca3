"""Ten thousand calls before a provider that closes idle connections as requests arrive: none fails, none is a retry."""

from __future__ import annotations

import asyncio
from typing import cast

from proxy.app import Service
from tests.wire import OK, config, port_of, post, running

CALLS = 10_000
AT_ONCE = 50
CALL = post(b'{"model":"m","messages":[]}')


class Provider(asyncio.Protocol):
    """Each connection answers two requests, and closes when the third has begun to arrive."""

    connections = 0

    def __init__(self) -> None:
        Provider.connections += 1
        self.left = 2
        self.received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        if not self.left:
            self.transport.close()
            return
        self.received += data
        if self.received.endswith(b'"messages":[]}'):
            self.received = b""
            self.left -= 1
            self.transport.write(OK)


async def calls(service: Service, count: int) -> int:
    """How many of so many calls on one connection had a good answer without any tag."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port_of(service))
    good = 0
    for _ in range(count):
        writer.write(CALL)
        head = await reader.readuntil(b"\r\n\r\n")
        good += head + await reader.readexactly(2) == OK
    writer.close()
    return good


def counted(metrics: str, name: str) -> float:
    rows = [row for row in metrics.splitlines() if row.startswith(f"llm_triage_{name}{{")]
    return sum(float(row.rpartition(" ")[2]) for row in rows)


async def test_ten_thousand() -> None:
    Provider.connections = 0
    server = await asyncio.get_running_loop().create_server(Provider, "127.0.0.1", 0)
    async with running(config(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")) as service:
        good = await asyncio.gather(*(calls(service, CALLS // AT_ONCE) for _ in range(AT_ONCE)))
        metrics = service.reporter.scrape("")[0].decode()
    server.close()
    assert sum(good) == CALLS
    assert Provider.connections >= CALLS // 3
    assert counted(metrics, "requests_total") == CALLS
    assert counted(metrics, "retries_total") == counted(metrics, "errors_total") == 0
