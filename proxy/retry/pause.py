"""Waiting between attempts: until time is over, the proxy drains, or the client leaves (which cancels the task)."""

from __future__ import annotations

import asyncio


class Pauses:
    """All waits of a process, so that a drain can end them together."""

    def __init__(self) -> None:
        self._waiting: set[asyncio.Future[bool]] = set()
        self._is_over = False

    def __len__(self) -> int:
        return len(self._waiting)

    async def wait(self, seconds: float) -> bool:
        """Whether all of it was waited; False where a drain cut it short."""
        if self._is_over:
            return False
        loop = asyncio.get_running_loop()
        waiting: asyncio.Future[bool] = loop.create_future()
        timer = loop.call_later(seconds, _end, waiting, True)
        self._waiting.add(waiting)
        try:
            return await waiting
        finally:
            timer.cancel()
            self._waiting.discard(waiting)

    def end(self) -> None:
        """The proxy drains: who waits is woken, and nobody waits any more."""
        self._is_over = True
        for waiting in self._waiting:
            _end(waiting, False)


def _end(waiting: asyncio.Future[bool], whole: bool) -> None:
    if not waiting.done():
        waiting.set_result(whole)
