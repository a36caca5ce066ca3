"""A request's body on its way upstream: sent on as it arrives, and kept beside for a repeat while limits allow."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from typing import Any

from aiohttp import StreamReader, web
from aiohttp.web import PayloadAccessError, RequestPayloadError


@dataclass(slots=True)
class Held:
    """How many bytes of request bodies all calls keep together, against what they may."""

    limit: int
    bytes: int = 0

    def take(self, size: int) -> bool:
        """Whether `size` more bytes may be kept; they are counted if so."""
        if self.limit and self.bytes + size > self.limit:
            return False
        self.bytes += size
        return True

    def give_back(self, size: int) -> None:
        self.bytes -= size


class Body:
    """One request's body.

    `fault` is the reason why the upload failed on the client's side ("upload_idle", "body_too_large", "malformed"), for
    whoever sees the upstream call fail in consequence.
    """

    __slots__ = (
        "_ahead",
        "_content",
        "_held",
        "_idle_s",
        "_kept",
        "_max",
        "_observes",
        "_pieces",
        "_replay",
        "_sender",
        "_size",
        "fault",
        "is_complete",
    )

    def __init__(
        self, content: StreamReader, held: Held, *, replay: int, max_bytes: int, idle_s: float, observes: bool = False
    ) -> None:
        self._content = content
        self._held = held
        self._replay = replay
        self._max = max_bytes
        self._idle_s = idle_s
        self._observes = observes  # no size is refused
        self._pieces: list[bytes] = []
        self._ahead: list[bytes] = []  # read, not kept, not sent yet
        self._kept = True
        self._size = 0
        self._sender: asyncio.Task[Any] | None = None
        self.fault: str | None = None
        self.is_complete = False

    @property
    def has_begun(self) -> bool:
        """Whether any of it was read."""
        return self._size > 0 or self.is_complete

    @property
    def is_over(self) -> bool:
        """Whether it has grown beyond the limit all the same."""
        return self._max > 0 and self._size > self._max

    @property
    def can_repeat(self) -> bool:
        """Whether all that was read so far is still at hand."""
        return self._kept

    def kept(self) -> bytes | None:
        """The whole body, or None where it is not (or no longer) at hand."""
        if not (self._kept and self.is_complete):
            return None
        if len(self._pieces) > 1:
            self._pieces[:] = [b"".join(self._pieces)]
        return self._pieces[0] if self._pieces else b""

    def take_arrived(self) -> None:
        """Reads what is there already, without waiting: most bodies arrive with their head."""
        if self._content.is_eof():
            data = self._content.read_nowait(-1)
            if data:
                self._keep(data)
                if not self._kept:
                    self._ahead = [data]  # too long to be held, and nobody has sent it yet
            self.is_complete = True

    async def read_whole(self) -> bytes | None:
        """All of it, where it can be held; `fault` is set where the upload failed.

        Of a longer one, what was read waits to be sent: the rest streams behind it.
        """
        read: list[bytes] = []
        try:
            async with contextlib.aclosing(self._arriving()) as arriving:
                async for piece in arriving:
                    read.append(piece)
                    if not self._kept:
                        self._ahead = read
                        return None
        except (TimeoutError, RequestPayloadError, PayloadAccessError):
            return None
        return self.kept()

    def replace(self, body: bytes) -> None:
        """What is sent from here on. Only of a body that was held whole."""
        self._held.give_back(sum(map(len, self._pieces)))
        self._held.bytes += len(body)
        self._pieces[:] = [body]

    def source(self) -> bytes | AsyncIterator[bytes]:
        """What to send upstream: the bytes where all are at hand, else the pieces as they come."""
        whole = self.kept()
        return whole if whole is not None else self._sending()

    async def _sending(self) -> AsyncIterator[bytes]:
        # An attempt that broke may still wait for the client: it must not read what this one is to send.
        former, self._sender = self._sender, asyncio.current_task()
        if former is not None and not former.done():
            former.cancel()
            await asyncio.wait((former,))
        async for piece in self._arriving():
            yield piece

    async def _arriving(self) -> AsyncGenerator[bytes, None]:
        for piece in tuple(self._pieces):
            yield piece
        ahead, self._ahead = self._ahead, []
        for piece in ahead:
            yield piece
        while not self.is_complete:
            try:
                async with asyncio.timeout(self._idle_s or None):
                    data = await self._content.readany()
            except TimeoutError:
                self.fault = "upload_idle"
                raise
            except (RequestPayloadError, PayloadAccessError):
                self.fault = "malformed"
                raise
            if not data:
                self.is_complete = True
                return
            if self._max and self._size + len(data) > self._max and not self._observes:
                self.fault = "body_too_large"
                raise web.RequestPayloadError("too large")
            self._keep(data)
            yield data

    def _keep(self, data: bytes) -> None:
        self._size += len(data)
        if not self._kept:
            return
        if (self._replay and self._size > self._replay) or not self._held.take(len(data)):
            self.let_go()
            return
        self._pieces.append(data)

    def let_go(self) -> None:
        """Forgets what was kept: from here on the call cannot be repeated."""
        if self._kept:
            self._kept = False
            self._held.give_back(sum(map(len, self._pieces)))
            self._pieces.clear()
