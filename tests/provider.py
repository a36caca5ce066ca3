"""Both ends of a raw TCP connection, byte for byte, for tests of what really stands on the wire.

A provider that says exactly what a test tells it, and a client that sends exactly what a test gives it:

    async with provider(answering(reply(200, b"{}"), (b"HTTP/1.1 200 OK\\r\\n", RESET))) as upstream:
        async with dial(proxy_url) as client:
            await client.send(request("POST", "/v1/chat/completions", b"{}"))
            answer = await client.answer("POST")
        assert answer.status == 200
        assert upstream.requests[0].raw == b"POST ..."

A *script* plays one connection: any `async def script(wire)`; when it returns, the connection is closed. `answering`
makes one of *turns*, one a request in the order in which requests come, whatever connection they come on; the last turn
serves all later ones. A turn is bytes, or a tuple of acts: bytes are sent, a float waits so many seconds, an
`asyncio.Event` waits for it, `CLOSE` ends the connection (FIN), `HALF` ends our direction only, `RESET` breaks it
(RST), `HANG` says nothing more until the other side leaves. Ready-made scripts: `answering`, `stale` (idle connections
close as the next request arrives), `silent`, `hanging_up`.

`wire.received` is all that ever came, `wire.arrivals` when; nothing that arrives is lost because a script did not read.
Every read ends after `DEADLINE_S`. What a script raises fails the test when the provider is left.

What a well-behaved provider says in each dialect is `proxy.demo.provider`'s.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final, Literal, TypeAlias, TypeVar, cast
from urllib.parse import urlsplit

DEADLINE_S: Final = 10.0
LAST_CHUNK: Final = b"0\r\n\r\n"

T = TypeVar("T")


class End(Enum):
    """How a turn ends a connection."""

    CLOSE = auto()
    HALF = auto()
    RESET = auto()
    HANG = auto()


CLOSE, HALF, RESET, HANG = End.CLOSE, End.HALF, End.RESET, End.HANG

Act: TypeAlias = "bytes | float | asyncio.Event | End"
Turn: TypeAlias = "bytes | tuple[Act, ...]"
Script: TypeAlias = "Callable[[Wire], Awaitable[None]]"
Ending: TypeAlias = Literal["", "eof", "reset"]


class GoneError(Exception):
    """The other side left before what was waited for had come."""

    def __init__(self, ending: Ending, rest: bytes) -> None:
        super().__init__(f"{ending or 'closed by us'} after {rest[-200:]!r}")
        self.ending = ending
        self.rest = rest


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A request or an answer as it stood on the wire."""

    start: bytes  # the first line, without its end
    headers: tuple[tuple[bytes, bytes], ...]  # names as written, values without the white space around them
    body: bytes  # content; chunks are joined, `raw` has them as they were
    raw: bytes
    framing: Literal["none", "length", "chunked", "eof"]
    whole: bool  # as the framing says; a body that the end of the connection ends is whole after a clean end only
    trailers: tuple[tuple[bytes, bytes], ...] = ()

    @property
    def method(self) -> bytes:
        return self.start.split(b" ")[0]

    @property
    def target(self) -> bytes:
        return self.start.split(b" ")[1]

    @property
    def status(self) -> int:
        return int(self.start.split(b" ")[1])

    @property
    def head(self) -> bytes:
        return self.raw[: self.raw.index(b"\r\n\r\n") + 4]

    def all(self, name: str) -> list[bytes]:
        return [value for key, value in self.headers if key.lower() == name.lower().encode()]

    def get(self, name: str) -> bytes | None:
        """The value of a header that stands there once or not at all."""
        values = self.all(name)
        assert len(values) < 2, f"{name} stands {len(values)} times: {values}"
        return values[0] if values else None

    def text(self, name: str) -> str | None:
        value = self.get(name)
        return None if value is None else value.decode("latin-1")


class Wire(asyncio.Protocol):
    """One end of one connection. `taken` is how much of `received` the reads have handed out."""

    def __init__(self, log: list[Message] | None = None) -> None:
        self.received = bytearray()
        self.arrivals: list[tuple[float, int]] = []  # (loop time, length of `received` from then on)
        self.taken = 0
        self.ending: Ending = ""
        self.ended_at: float | None = None  # loop time at which the other side closed or broke its direction
        self.transport: asyncio.Transport
        self._log = log
        self._changed = asyncio.Event()
        self._writable = asyncio.Event()
        self._writable.set()
        self._lost = asyncio.Event()

    # -- asyncio's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop's is none by its type
        self.transport.set_write_buffer_limits(0)

    def data_received(self, data: bytes) -> None:
        self.received += data
        self.arrivals.append((asyncio.get_running_loop().time(), len(self.received)))
        self._changed.set()

    def eof_received(self) -> bool:
        self._ended("eof")
        return True  # our direction stays open: a half-closed peer is one of the cases

    def connection_lost(self, exc: Exception | None) -> None:
        self._ended("eof" if exc is None else "reset")
        self._writable.set()
        self._lost.set()

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def _ended(self, ending: Ending) -> None:
        if not self.ending or ending == "reset":
            self.ending = ending
            self.ended_at = self.ended_at or asyncio.get_running_loop().time()
        self._changed.set()

    # -- sending

    async def send(self, data: bytes) -> None:
        """Returns once the kernel has it all. What the other side does not want any more is lost in silence."""
        self.transport.write(data)
        async with asyncio.timeout(DEADLINE_S):
            await self._writable.wait()

    async def send_slowly(self, data: bytes, *, size: int = 1, pause_s: float = 0.0) -> None:
        for start in range(0, len(data), size):
            await self.send(data[start : start + size])
            await asyncio.sleep(pause_s)

    def half_close(self) -> None:
        self.transport.write_eof()

    def close(self) -> None:
        """FIN, once all is sent."""
        self.transport.close()

    def reset(self) -> None:
        """RST. `transport.abort()` alone would send FIN."""
        raw = self.transport.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()

    # -- reading

    async def some(self) -> bytes:
        """What has come since the last read, one byte at least."""
        return await self._until(lambda: len(self.received) - self.taken or None)

    async def exactly(self, size: int) -> bytes:
        return await self._until(lambda: size if len(self.received) - self.taken >= size else None)

    async def until(self, mark: bytes) -> bytes:
        """Up to and with `mark`."""

        def found() -> int | None:
            at = self.received.find(mark, self.taken)
            return None if at < 0 else at + len(mark) - self.taken

        return await self._until(found)

    async def rest(self) -> bytes:
        """All up to the end of the other side's direction; `ending` then tells how it ended."""
        await self.gone()
        rest = bytes(self.received[self.taken :])
        self.taken = len(self.received)
        return rest

    async def gone(self) -> Ending:
        """Waits for the other side to leave."""
        await self._wait(lambda: self.ending or None)
        return self.ending

    async def request(self) -> Message:
        """The next request, whole or as far as it came."""
        message = await self._message(lambda head: _framing_of_request(head))
        if self._log is not None:
            self._log.append(message)
        return message

    async def answer(self, method: str = "GET") -> Message:
        """The next answer to a `method` request; an interim one (1xx) is a message too."""
        return await self._message(lambda head: _framing_of_answer(head, method))

    async def _message(self, framing_of: Callable[[_Head], _Framing]) -> Message:
        parsed: Message | None = None

        def whole() -> int | None:
            nonlocal parsed
            parsed = _parse(bytes(self.received[self.taken :]), framing_of, self.ending)
            return None if parsed is None else len(parsed.raw)

        await self._until(whole)
        assert parsed is not None
        return parsed

    async def _until(self, ready: Callable[[], int | None]) -> bytes:
        size = await self._wait(ready)
        if size is None:
            raise GoneError(self.ending, bytes(self.received[self.taken :]))
        start, self.taken = self.taken, self.taken + size
        return bytes(self.received[start : self.taken])

    async def _wait(self, ready: Callable[[], T | None]) -> T | None:
        """None: the connection ended first."""
        async with asyncio.timeout(DEADLINE_S):
            while True:
                value = ready()
                if value is not None or self.ending:
                    return value
                self._changed.clear()
                await self._changed.wait()

    # -- a script's words

    async def act(self, act: Act) -> bool:
        """Whether the connection goes on."""
        match act:
            case bytes():
                await self.send(act)
            case float() | int():
                await asyncio.sleep(act)
            case asyncio.Event():
                async with asyncio.timeout(DEADLINE_S):
                    await act.wait()
            case End.CLOSE:
                self.close()
                return False
            case End.HALF:
                self.half_close()
                await self.gone()
                return False
            case End.RESET:
                self.reset()
                return False
            case End.HANG:
                await self.gone()
                return False
        return True

    async def shut(self) -> None:
        """Closes and waits until it is closed."""
        if not self._lost.is_set():
            self.close()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0.5):
                    await self._lost.wait()
            if not self._lost.is_set():
                self.transport.abort()


# -- the provider


@dataclass(slots=True)
class Upstream:
    """A raw provider that runs: where it listens, and all that it received."""

    port: int
    wires: list[Wire] = field(default_factory=list)  # every connection that was made, in order
    requests: list[Message] = field(default_factory=list)  # every request that a script has read, in order

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextlib.asynccontextmanager
async def provider(script: Script, *, port: int = 0) -> AsyncIterator[Upstream]:
    """Plays `script` on every connection to `url`."""
    upstream = Upstream(port)
    playing: set[asyncio.Task[None]] = set()
    failed: list[BaseException] = []

    async def play(wire: Wire) -> None:
        try:
            await script(wire)
        except GoneError:
            pass  # the client left; a test that minds looks at the wire
        except Exception as error:  # noqa: BLE001 - told to the test below
            failed.append(error)
        wire.close()

    class Accepted(Wire):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            super().connection_made(transport)
            upstream.wires.append(self)
            task = asyncio.get_running_loop().create_task(play(self))
            playing.add(task)
            task.add_done_callback(playing.discard)

    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Accepted(upstream.requests), "127.0.0.1", port, backlog=4096)
    upstream.port = server.sockets[0].getsockname()[1]
    try:
        yield upstream
    finally:
        server.close()
        for task in list(playing):
            task.cancel()
        await asyncio.gather(*playing, return_exceptions=True)
        await asyncio.gather(*(wire.shut() for wire in upstream.wires))
        await server.wait_closed()
    if failed:
        raise failed[0]


def answering(*turns: Turn) -> Script:
    """The n-th request of all gets the n-th turn, later ones the last."""
    shared = _Turns(turns)

    async def script(wire: Wire) -> None:
        while True:
            await wire.request()
            for act in shared.next():
                if not await wire.act(act):
                    return

    return script


def stale(*turns: Turn, served: int = 1, end: End = CLOSE) -> Script:
    """Each connection serves so many requests; then it ends as the next request's first bytes arrive, unanswered."""
    shared = _Turns(turns)

    async def script(wire: Wire) -> None:
        for _ in range(served):
            await wire.request()
            for act in shared.next():
                if not await wire.act(act):
                    return
        await wire.some()
        await wire.act(end)

    return script


async def silent(wire: Wire) -> None:
    """Reads and never answers."""
    await wire.gone()


def hanging_up(end: End = CLOSE) -> Script:
    """Ends every connection as soon as it is made."""

    async def script(wire: Wire) -> None:
        await wire.act(end)

    return script


class _Turns:
    def __init__(self, turns: Iterable[Turn]) -> None:
        self._turns = [(turn,) if isinstance(turn, bytes) else turn for turn in turns]
        assert self._turns, "a script needs a turn"
        self._next = 0

    def next(self) -> tuple[Act, ...]:
        turn = self._turns[min(self._next, len(self._turns) - 1)]
        self._next += 1
        return turn


@contextlib.contextmanager
def refusing_port() -> Iterator[int]:
    """A port on which connections are refused, and which nobody else gets meanwhile."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


# -- the client


@contextlib.asynccontextmanager
async def dial(url: str) -> AsyncIterator[Wire]:
    """A connection to a server, for exact bytes."""
    parts = urlsplit(url)
    assert parts.hostname
    assert parts.port
    _, wire = await asyncio.get_running_loop().create_connection(Wire, parts.hostname, parts.port)
    try:
        yield wire
    finally:
        await wire.shut()


async def exchange(url: str, data: bytes) -> Message:
    """One request on a connection of its own; interim answers are skipped."""
    async with dial(url) as client:
        await client.send(data)
        while True:
            answer = await client.answer(data.split(b" ", 1)[0].decode("latin-1"))
            if answer.status >= 200 or answer.status == 101:
                return answer


# -- words of HTTP/1.1

Headers: TypeAlias = "dict[str, str] | Iterable[tuple[str | bytes, str | bytes]]"


def request(method: str, target: str, body: bytes | None = None, headers: Headers = ()) -> bytes:
    """A request with `Host: proxy.test`, and a length where there is a body."""
    sized = [] if body is None else [("content-length", str(len(body)))]
    return _head(f"{method} {target} HTTP/1.1", [("host", "proxy.test"), *_pairs(headers), *sized]) + (body or b"")


def reply(status: int = 200, body: bytes = b"", headers: Headers = (), *, reason: str = "OK") -> bytes:
    """An answer with a length, as JSON unless the headers say otherwise."""
    pairs = list(_pairs(headers))
    if not any(_bytes(name).lower() == b"content-type" for name, _ in pairs):
        pairs.append(("content-type", "application/json"))
    return _head(f"HTTP/1.1 {status} {reason}", [*pairs, ("content-length", str(len(body)))]) + body


def head(status: int = 200, headers: Headers = (), *, reason: str = "OK") -> bytes:
    """An answer's head as it is given, nothing added."""
    return _head(f"HTTP/1.1 {status} {reason}", _pairs(headers))


def event_stream(headers: Headers = ()) -> bytes:
    """The head of a chunked event stream."""
    return head(headers=[("content-type", "text/event-stream"), ("transfer-encoding", "chunked"), *_pairs(headers)])


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def event(data: str, name: str = "") -> bytes:
    """One event of a stream."""
    return (f"event: {name}\n" if name else "").encode() + f"data: {data}\n\n".encode()


def _head(start: str, headers: Iterable[tuple[str | bytes, str | bytes]]) -> bytes:
    lines = [start.encode("latin-1"), *(_bytes(name) + b": " + _bytes(value) for name, value in headers)]
    return b"\r\n".join(lines) + b"\r\n\r\n"


def _pairs(headers: Headers) -> Iterable[tuple[str | bytes, str | bytes]]:
    return headers.items() if isinstance(headers, dict) else headers


def _bytes(value: str | bytes) -> bytes:
    return value if isinstance(value, bytes) else value.encode("latin-1")


# -- reading a message

_Framing: TypeAlias = "tuple[Literal['none', 'length', 'chunked', 'eof'], int]"


@dataclass(frozen=True, slots=True)
class _Head:
    start: bytes
    headers: tuple[tuple[bytes, bytes], ...]

    def get(self, name: bytes) -> bytes | None:
        return next((value for key, value in self.headers if key.lower() == name), None)


def _framing_of_request(head: _Head) -> _Framing:
    return _framing(head) or ("none", 0)


def _framing_of_answer(head: _Head, method: str) -> _Framing:
    status = int(head.start.split(b" ")[1])
    if method == "HEAD" or status < 200 or status in (204, 304):
        return "none", 0
    return _framing(head) or ("eof", 0)


def _framing(head: _Head) -> _Framing | None:
    if (head.get(b"transfer-encoding") or b"").lower().endswith(b"chunked"):
        return "chunked", 0
    length = head.get(b"content-length")
    return None if length is None else ("length", int(length))


def _parse(data: bytes, framing_of: Callable[[_Head], _Framing], ending: Ending) -> Message | None:
    """None: more is to come, or nothing that a message could be made of has come before the end."""
    split = data.find(b"\r\n\r\n")
    if split < 0:
        return None
    start, *lines = data[:split].split(b"\r\n")
    read = _Head(start, tuple(_field(line) for line in lines))
    framing, length = framing_of(read)
    body, end, trailers = b"", split + 4, b""
    whole = True
    match framing:
        case "none":
            pass
        case "length":
            end += length
            whole = len(data) >= end
            body = data[split + 4 : end]
        case "eof":
            whole = ending == "eof"
            body, end = data[end:], len(data)
        case "chunked":
            body, end, trailers, whole = _chunks(data, end)
    if not whole and not ending:
        return None
    return Message(
        start=start,
        headers=read.headers,
        body=body,
        raw=data[:end],
        framing=framing,
        whole=whole,
        trailers=tuple(_field(line) for line in trailers.split(b"\r\n") if line),
    )


def _chunks(data: bytes, at: int) -> tuple[bytes, int, bytes, bool]:
    """The chunks' content joined, where the message ends, the trailers, whether it came whole."""
    parts: list[bytes] = []
    while True:
        line = data.find(b"\r\n", at)
        if line < 0:
            return b"".join(parts), len(data), b"", False
        size = int(data[at:line].split(b";")[0], 16)
        if size == 0:
            end = data.find(b"\r\n\r\n", line)
            if end < 0:
                return b"".join(parts), len(data), b"", False
            return b"".join(parts), end + 4, data[line + 2 : end], True
        parts.append(data[line + 2 : line + 2 + size])
        at = line + 2 + size + 2
        if at > len(data):
            return b"".join(parts), len(data), b"", False


def _field(line: bytes) -> tuple[bytes, bytes]:
    name, _, value = line.partition(b":")
    return name, value.strip(b" \t")
