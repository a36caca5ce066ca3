"""Raw sockets on both sides of a real proxy: a test says which bytes go out and looks at which came in.

`Upstream` is a server that answers each request as a script says; `talk` is a client that sends bytes as they are.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from proxy.app import Service, rules_of
from proxy.config import Config, from_values

OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"


@dataclass
class Connection:
    """One connection of the upstream, as a script sees it."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    number: int  # from 0, in the order of acceptance
    requests: int = 0  # served on it before this one

    async def send(self, *pieces: bytes, pause_s: float = 0.0) -> None:
        for piece in pieces:
            self.writer.write(piece)
            await self.writer.drain()
            if pause_s:
                await asyncio.sleep(pause_s)

    def close(self) -> None:
        self.writer.close()

    def reset(self) -> None:
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    async def gone(self, timeout_s: float = 2.0) -> bool:
        """Whether the peer closes within the time."""
        try:
            return await asyncio.wait_for(self.reader.read(65536), timeout_s) == b""
        except TimeoutError:
            return False
        except ConnectionError:
            return True


Script = Callable[[Connection, "Request"], Awaitable[None]]


@dataclass
class Request:
    """What the upstream received, byte for byte."""

    head: bytes
    body: bytes

    @property
    def line(self) -> bytes:
        return self.head.split(b"\r\n", 1)[0]

    @property
    def target(self) -> bytes:
        return self.line.split(b" ")[1]

    def values(self, name: str) -> list[bytes]:
        """The values of a header, in order."""
        lines = self.head.split(b"\r\n")[1:]
        return [v.strip() for n, _, v in (line.partition(b":") for line in lines) if n.lower() == name.lower().encode()]


@dataclass
class Upstream:
    """A provider made of bytes."""

    script: Script
    reads_bodies: bool = True  # before the script runs
    requests: list[Request] = field(default_factory=list)
    connections: list[Connection] = field(default_factory=list)
    port: int = 0
    url: str = ""
    _arrived: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def received(self, count: int) -> None:
        """Waits until so many requests have come."""
        async with asyncio.timeout(10):
            async with self._arrived:
                await self._arrived.wait_for(lambda: len(self.requests) >= count)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = Connection(reader, writer, len(self.connections))
        self.connections.append(connection)
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while not writer.is_closing():
                head = await reader.readuntil(b"\r\n\r\n")
                request = Request(head, b"")
                self.requests.append(request)
                async with self._arrived:
                    self._arrived.notify_all()
                if self.reads_bodies:
                    request.body = await body_of(reader, head)
                await self.script(connection, request)
                connection.requests += 1
        writer.close()


async def body_of(reader: asyncio.StreamReader, head: bytes) -> bytes:
    """A message's body by its framing."""
    request = Request(head, b"")
    if request.values("transfer-encoding"):
        body = b""
        while True:
            size = int((await reader.readuntil(b"\r\n")).split(b";")[0], 16)
            body += (await reader.readexactly(size + 2))[:-2]
            if not size:
                return body
    length = request.values("content-length")
    return await reader.readexactly(int(length[0])) if length else b""


def always(*pieces: bytes) -> Script:
    async def script(connection: Connection, request: Request) -> None:
        await connection.send(*pieces)

    return script


@contextlib.asynccontextmanager
async def upstream(script: Script | bytes, *, reads_bodies: bool = True) -> AsyncIterator[Upstream]:
    server = Upstream(always(script) if isinstance(script, bytes) else script, reads_bodies)
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0, limit=2**22)
    server.port = listening.sockets[0].getsockname()[1]
    server.url = f"http://127.0.0.1:{server.port}"
    try:
        yield server
    finally:
        listening.close()
        for connection in server.connections:
            connection.writer.transport.abort()
        await asyncio.sleep(0)  # lets the transports go before the loop does


def config(url: str, **settings: Any) -> Config:
    """A configuration on free ports; `up` holds further settings of the upstream."""
    up = {"name": "up", "url": url, **settings.pop("up", {})}
    others = settings.pop("others", [])
    return from_values({"listen": "127.0.0.1:0", "admin": "127.0.0.1:0", "upstreams": [up, *others], **settings})


@contextlib.asynccontextmanager
async def running(config: Config) -> AsyncIterator[Service]:
    service = Service(config, rules_of(config))
    await service.start()
    try:
        yield service
    finally:
        await service.close()


@contextlib.asynccontextmanager
async def proxied(script: Script | bytes, **settings: Any) -> AsyncIterator[tuple[Service, Upstream]]:
    """A proxy before an upstream that follows a script."""
    async with upstream(script) as server, running(config(server.url, **settings)) as service:
        yield service, server


def port_of(service: Service) -> int:
    return int(service.data_url.rpartition(":")[2])


async def talk(
    service: Service, *pieces: bytes, pause_s: float = 0.0, timeout_s: float = 5.0, quiet_s: float = 0.12
) -> bytes:
    """Sends bytes and returns all that comes back until the proxy closes, or nothing more comes for a while."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port_of(service))
    try:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            if pause_s:
                await asyncio.sleep(pause_s)
        return await read_all(reader, timeout_s, quiet_s)
    finally:
        writer.close()


async def read_all(reader: asyncio.StreamReader, timeout_s: float = 5.0, quiet_s: float = 0.12) -> bytes:
    received = b""
    while True:
        try:
            data = await asyncio.wait_for(reader.read(65536), quiet_s if received else timeout_s)
        except TimeoutError:
            return received
        except ConnectionError:
            return received + b"<RST>"
        if not data:
            return received
        received += data


def get(target: str = "/v1/models", *headers: str, version: str = "1.1") -> bytes:
    return request("GET", target, *headers, version=version)


def post(body: bytes = b"{}", target: str = "/v1/chat/completions", *headers: str) -> bytes:
    return request("POST", target, f"Content-Length: {len(body)}", *headers) + body


def request(method: str, target: str, *headers: str, version: str = "1.1") -> bytes:
    lines = [f"{method} {target} HTTP/{version}", "Host: proxy", *headers]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"


def headers_of(answer: bytes) -> dict[str, str]:
    lines = answer.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")[1:]
    return {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}


def status_of(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


def body_part(answer: bytes) -> bytes:
    return answer.partition(b"\r\n\r\n")[2]
