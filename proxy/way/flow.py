"""What comes of an event stream goes on within the same turn of the loop, as long as nothing is to be said or waited for.

No task is woken for a plain piece, no timer set: the upstream connection calls, the piece is looked at and written. The
task that delivers the stream (`watched.py`) is woken where something is: an error event, the end, a client that does not
read, a silence.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Final

from proxy.report.streams import OpenStream
from proxy.stream import CodedWatch, How, Watch
from proxy.way.ask import Answered, rest_of
from proxy.way.sink import Sink

_GRACE_S: Final = 0.02


class Flow:
    """One stream on its way. `ended` says how it ended, once it has; `since` is when the upstream's silence began."""

    __slots__ = (
        "_beat", "_content", "_data", "_has_more", "_is_passing", "_observes", "_opened", "_sink", "_stopped", "_watch", "ended", "read_at", "since",
    )  # fmt: skip

    def __init__(
        self,
        sink: Sink,
        answered: Answered,
        watch: Watch | CodedWatch,
        *,
        observes: bool,
        opened: OpenStream,
        beat: Callable[[bytes], None],
    ) -> None:
        """`beat` takes the comments that fill silences."""
        self._sink = sink
        self._content = answered.response.content
        self._watch = watch
        self._observes = observes  # nothing is held back
        self._opened = opened
        self._beat = beat
        self._data = answered.first
        self._stopped: asyncio.Future[None] | None = None
        self.ended: How | None = How.BROKEN if answered.broke else How.CLEAN if answered.ended else None
        self.since = self.read_at = time.monotonic()  # the last event with data; the last byte
        self._has_more = True
        self._is_passing = False
        answered.response.listen(self._arrived)

    def take(self) -> bytes:
        """What was read and has not gone out."""
        data, self._data = self._data, b""
        return data

    def resume(self) -> None:
        """Nothing was read while the client was slow: that was no silence."""
        self.since = self.read_at = time.monotonic()

    async def run(self, idle_s: float, heartbeat_s: float) -> bool:
        """Lets the stream pass until there is something to do; False: no data has come for `idle_s` (0: never asked).

        Comments fill silences of `heartbeat_s` (0: none).
        """
        quiet_s = self._quiet_s(idle_s, heartbeat_s)
        is_late = False
        while not (self._pass() or await self._stops_within(quiet_s) or self._pass()):
            now = time.monotonic()
            # A process that was held up runs its timers before it reads: what has come already was no silence.
            was_late, is_late = is_late, bool(idle_s) and now >= self.since + idle_s
            if was_late and is_late:
                return False
            if heartbeat_s and not is_late and now >= self.read_at + heartbeat_s:
                self._beat(self._watch.heartbeat())
                self.read_at = now
            quiet_s = _GRACE_S if is_late else self._quiet_s(idle_s, heartbeat_s)
        return True

    async def _stops_within(self, seconds: float | None) -> bool:
        stopped = self._stopped = asyncio.get_running_loop().create_future()
        try:
            if seconds is None:
                await stopped
            else:
                async with asyncio.timeout(seconds):
                    await stopped
        except TimeoutError:
            if stopped.cancelled():
                return False
            stopped.result()  # in the turn in which time was over, something came all the same
        finally:
            self._stopped = None
        return True

    def _quiet_s(self, idle_s: float, heartbeat_s: float) -> float | None:
        """How long nothing need be done if nothing comes."""
        times = [since + limit for since, limit in ((self.since, idle_s), (self.read_at, heartbeat_s)) if limit]
        return max(0.0, min(times) - time.monotonic()) if times else None

    def _arrived(self) -> None:
        """Called by the connection. A reader that had been paused calls it while it is read."""
        self._has_more = True
        stopped = self._stopped
        if stopped is None or stopped.done() or self._is_passing:
            return
        try:
            if self._pass():
                stopped.set_result(None)
        except Exception as fault:  # noqa: BLE001 - a bug of ours is the delivering task's, not the connection's
            stopped.set_exception(fault)

    def _pass(self) -> bool:
        """Passes on what has come: whether the delivering task has something to do with it."""
        self._is_passing = True
        try:
            while self._has_more:
                self._has_more = False
                if self._pass_piece():
                    return True
        finally:
            self._is_passing = False
        return False

    def _pass_piece(self) -> bool:
        content = self._content
        if content.exception() is not None:
            read = rest_of(content)
            self.ended = How.BROKEN
        else:
            read = content.read_nowait(-1)
            if content.at_eof():
                self.ended = How.CLEAN
        if not read:
            return self.ended is not None
        watch = self._watch
        beats = watch.beats
        data = watch.feed(read)
        if self._observes:
            data = read
        self.read_at = time.monotonic()
        if watch.beats != beats:
            self._opened.fed_s = self.since = self.read_at
        if self.ended is not None or watch.found is not None:
            self._data = data
            self._has_more = self.ended is None
            return True
        sink = self._sink
        if data:
            sink.write(data)
        self._has_more |= sink.is_full
        return sink.is_full
