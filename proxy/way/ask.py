"""One attempt upstream: the answer's head with what is needed to judge it, or how the call broke.

Nothing here raises for what an upstream does: an upstream's failure is a value.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Any, Final

import aiohttp

from proxy.client import Broke, Progress, Reply
from proxy.model import Verdict
from proxy.retry.repeatable import Sent, may_repeat
from proxy.stream import CodedWatch, Watch
from proxy.way.address import Target
from proxy.way.body import Body
from proxy.way.refuse import Refusal

CLASSIFIED: Final = 64 * 1024  # bytes of a failure's body that are read before it is classified
_NOTHING: Final = b""


@dataclass(slots=True)
class Answered:
    """An answer whose head has come. `first` is what was read of its body so far; `ended`: that is all of it.

    `broke`: the body broke off while it was read here.
    """

    response: Reply
    first: bytes = b""
    ended: bool = False
    broke: bool = False
    came_at: float = 0.0  # time.monotonic() when what was waited for behind the head had come, or not
    watch: Watch | CodedWatch | None = None  # an event stream's; `first` is then what it lets pass
    verdict: Verdict | None = None  # None: a good answer
    is_cut: bool = False  # an event stream that ended before its first event
    is_peers: bool = False  # the verdict was taken over from another proxy of our kind
    seen: list[bytes] | None = None  # where a body that passes is looked at afterwards: its pieces,
    seen_bytes: int = 0  # if they are no more than so many
    is_early: bool = False  # only observed: an event stream whose head would have waited for its first event


@dataclass(slots=True)
class Attempt:
    """What came of asking once."""

    result: Answered | Broke | Refusal
    progress: Progress
    head_at: float  # time.monotonic() when the head (or the break) had come
    verdict: Verdict | None = None  # None: a good answer


@dataclass(slots=True)
class Ask:
    """What every attempt of a call sends."""

    method: str
    target: Target
    body: Body | None
    first_byte_s: float = 0.0
    deadline: float | None = None  # loop time
    is_upgrade: bool = False
    attempts: int = 0

    def __post_init__(self) -> None:
        if self.is_upgrade:
            self.target.headers.update({"connection": "Upgrade", "upgrade": "websocket"})

    async def once(self) -> Attempt:
        """One attempt. A reused connection that breaks before any byte of an answer is replaced at once, by a new one."""
        attempt = await self._once(Progress())
        broke = attempt.result
        if isinstance(broke, Broke) and broke.is_stale and broke.reason == "reset" and self.may_repeat(None):
            # Another idle connection may be as stale as the first.
            attempt = await self._once(Progress(is_fresh=True))
        return attempt

    def may_repeat(self, status: int | None, *, was_connected: bool = True, states_wait: bool = False) -> bool:
        """Whether the call can be sent again after an answer of this status (None: no whole answer came)."""
        body = self.body
        is_whole = body is None or body.is_complete  # else the provider cannot have begun
        sent = Sent(
            method=self.method,
            generates=self.target.endpoint.generates,
            is_held=body is None or body.can_repeat,
            was_connected=was_connected,
            status=status,
            states_wait=states_wait,
        )
        is_coded = "content-encoding" in self.target.headers
        return may_repeat(
            sent,
            _NOTHING if body is None or not is_whole else None if is_coded else body.kept(),
            resend_after_send=not is_whole or self.target.route.settings.retry.resend_after_send,
        )

    async def _once(self, progress: Progress) -> Attempt:
        loop = asyncio.get_running_loop()
        self.attempts += 1
        data = None if self.body is None else self.body.source()
        target = self.target
        asking = target.route.client.request(self.method, target.sent, target.headers, data, progress)
        result: Any
        limit_s, late = self._limit(loop.time())
        if limit_s is None:
            result = await asking
        else:
            try:
                async with asyncio.timeout(limit_s):
                    result = await asking
            except TimeoutError:
                result = Broke(late if progress.connected else "connect", progress.connected)
        if isinstance(result, Broke):
            if self.body is not None and self.body.fault is not None:
                result = Refusal(self.body.fault)
        elif result.status == 101 and not self.is_upgrade:
            result.close()
            result = Broke("bad_answer", connected=True)
        else:
            result = Answered(result)
        return Attempt(result, progress, time.monotonic())

    def _limit(self, now: float) -> tuple[float | None, str]:
        """How long the head may take, and what it is called when that was too long."""
        left = None if self.deadline is None else max(0.0, self.deadline - now)
        if self.first_byte_s and (left is None or self.first_byte_s < left):
            return self.first_byte_s, "first_byte"
        return left, "total"


async def read_head(answered: Answered, *, most: int, hold_s: float, until: Any = None) -> None:
    """Reads the body's beginning: until it ends, `most` bytes are there, `until(first)` says enough, or time is over."""
    content = answered.response.content
    if content.is_eof() and not answered.first and content.exception() is None:
        answered.first = content.read_nowait(-1)
        answered.came_at = time.monotonic()
        answered.ended = True
        return
    pieces = [answered.first] if answered.first else []
    size = len(answered.first)
    try:
        async with asyncio.timeout(hold_s or None):
            while size < most:
                data = await content.readany()
                answered.came_at = time.monotonic()
                if not data:
                    answered.ended = True
                    break
                pieces.append(data)
                size += len(data)
                if until is not None and until(data):
                    break
    except TimeoutError:
        answered.came_at = time.monotonic()
    except (aiohttp.ClientError, OSError):
        pieces.append(rest_of(content))
        answered.broke = True
    answered.first = pieces[0] if len(pieces) == 1 else b"".join(pieces)
    if not answered.ended and not answered.broke and content.at_eof():
        answered.ended = True


def rest_of(content: aiohttp.StreamReader) -> bytes:
    """What had arrived before a body broke. aiohttp raises first and would forget it."""
    exc = content.exception()
    if exc is None:
        return content.read_nowait(-1)
    content.set_exception(None)  # type: ignore[arg-type]  # lets read_nowait give what is there
    data = content.read_nowait(-1)
    content.set_exception(exc)
    return data
