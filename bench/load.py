"""load.c's stand-in where no compiler is: the same options, the same figures, slower. `python -m bench.load -u URL -m MODEL …`."""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from dataclasses import dataclass, field
from urllib.parse import urlsplit


@dataclass(slots=True)
class Seen:
    """What the clients have seen, times in µs."""

    done: int = 0
    status: int = 0
    connect: int = 0
    cut: int = 0
    latency: list[float] = field(default_factory=list)
    delay: list[float] = field(default_factory=list)


class Client:
    """One connection, one request after the other."""

    def __init__(self, args: argparse.Namespace, seen: Seen) -> None:
        self._seen = seen
        self._good = args.s
        self._url = urlsplit(args.u)
        self._is_stream = args.m.startswith("stream-")
        self._request = request(args, self._url.netloc, self._url.path, is_stream=self._is_stream)
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def once(self) -> None:
        """One request. What fails is counted, and begins a new connection."""
        seen, begun = self._seen, time.monotonic_ns()
        try:
            if self._streams is None:
                self._streams = await asyncio.open_connection(self._url.hostname, self._url.port, limit=1 << 21)
        except OSError:
            seen.connect += 1
            await asyncio.sleep(0.01)
            return
        reader, writer = self._streams
        try:
            writer.write(self._request)
            await writer.drain()
            status, closes, is_whole = await self._answer(reader, begun)
        except (asyncio.IncompleteReadError, ConnectionError):
            seen.cut += 1
            self.close()
            return
        if status != self._good:
            seen.status += 1
        elif not is_whole:
            seen.cut += 1
        else:
            seen.done += 1
            if not self._is_stream:
                seen.latency.append((time.monotonic_ns() - begun) / 1000)
        if closes:
            self.close()

    async def _answer(self, reader: asyncio.StreamReader, begun: int) -> tuple[int, bool, bool]:
        """Status, whether the connection closes, whether the answer came to its end."""
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        status, closes = int(head[9:12]), b"\r\nconnection: close" in head
        _, stated, length = head.partition(b"\r\ncontent-length:")
        if stated:
            await reader.readexactly(int(length.partition(b"\r\n")[0]))
            return status, closes, not self._is_stream or status != 200
        is_whole, is_first = not self._is_stream, True
        while size := int((await reader.readuntil(b"\r\n")).strip(), 16):
            chunk = (await reader.readexactly(size + 2))[:-2]
            if is_first and self._is_stream:
                self._seen.latency.append((time.monotonic_ns() - begun) / 1000)
                is_first = False
            for part in chunk.split(b'"t=')[1:]:
                self._seen.delay.append((time.monotonic_ns() - int(part[:19])) / 1000)
            is_whole = is_whole or b"data: [DONE]" in chunk
        await reader.readuntil(b"\r\n")
        return status, closes, is_whole

    def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


def request(args: argparse.Namespace, host: str, path: str, *, is_stream: bool) -> bytes:
    prompt = ("a wise man once said that " * (args.b // 26 + 1))[: args.b]
    body = {
        "model": args.m,
        **({"stream": True} if is_stream else {}),
        "messages": [{"role": "user", "content": prompt}],
    }
    data = json.dumps(body, separators=(",", ":")).encode()
    lines = [
        f"POST {path} HTTP/1.1",
        f"Host: {host}",
        "Authorization: Bearer sk-bench",
        "Content-Type: application/json",
        f"Accept: {'text/event-stream' if is_stream else 'application/json'}",
        "User-Agent: bench",
        *args.H,
        f"Content-Length: {len(data)}",
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + data


async def run(args: argparse.Namespace) -> dict[str, object]:
    seen = Seen()
    clients = [Client(args, seen) for _ in range(args.c)]
    begun = time.monotonic()

    async def keep(client: Client, place: int) -> None:
        await asyncio.sleep(args.r * place / args.c)
        while True:
            await client.once()

    async def bursts() -> None:
        while True:
            await asyncio.gather(*(client.once() for client in clients))
            for client in clients:
                client.close()

    work = [bursts()] if args.n else [keep(client, place) for place, client in enumerate(clients)]
    tasks = [asyncio.create_task(each) for each in work]
    await asyncio.wait(tasks, timeout=args.d)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    for client in clients:
        client.close()
    return {
        "seconds": time.monotonic() - begun,
        "requests": seen.done,
        "failed": {"status": seen.status, "connect": seen.connect, "cut": seen.cut},
        "latency_us": _figures(seen.latency),
        "delay_us": _figures(seen.delay),
    }


def _figures(values: list[float]) -> dict[str, float]:
    values.sort()
    last = len(values) - 1
    return {
        "count": len(values),
        "p50": values[last // 2] if values else 0.0,
        "p99": values[last * 99 // 100] if values else 0.0,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-u", default="http://127.0.0.1:9100/v1/chat/completions")
    parser.add_argument("-m", default="json-1024")
    parser.add_argument("-b", type=int, default=800)
    parser.add_argument("-c", type=int, default=1)
    parser.add_argument("-d", type=float, default=2)
    parser.add_argument("-r", type=float, default=0)
    parser.add_argument("-s", type=int, default=200)
    parser.add_argument("-H", action="append", default=[])
    parser.add_argument("-n", action="store_true")
    print(json.dumps(asyncio.run(run(parser.parse_args()))))


if __name__ == "__main__":
    main()
