"""An event stream goes to the client event by event, watched: its errors are told, its end is judged."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import aiohttp

from proxy.dialects import Problem
from proxy.report.streams import OpenStream
from proxy.stream import CodedWatch, End, Ending, Found, How, Watch
from proxy.way.ask import Answered, rest_of
from proxy.way.sink import Sink

_GRACE_S: Final = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A failure inside a stream: what the upstream said (`found`), or how the stream ended (`reason`)."""

    found: Found | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Watching:
    """How one stream is watched. `explain` words a failure for the client and has it reported.

    `silent`: only observed, and it would have been ended for its silence.
    """

    idle_s: float
    heartbeat_s: float
    observes: bool  # nothing is held back or written
    explain: Callable[[Told], Problem]
    silent: Callable[[], None]
    opened: OpenStream


async def deliver_watched(sink: Sink, answered: Answered, watch: Watch | CodedWatch, how: Watching) -> bool:
    """Whether the answer came whole. Raises CancelledError where the client leaves.

    `answered.first` is what of the stream was read and may go out already.
    """
    content = answered.response.content
    data, ended, broke = answered.first, answered.ended, answered.broke
    clock = time.monotonic
    idle_s = how.idle_s
    since = clock()  # of the silence that is the upstream's
    while True:
        if watch.found is not None:
            data = _told(data, watch, how)
        if ended or broke:
            ended_how = How.BROKEN if broke else How.CLEAN
            return _end(sink, data, watch, ended_how, watch.end(ended_how), how)
        if data or not sink.head_written_at:
            sink.write(data)
            if sink.is_full:
                await sink.drain()
                since = clock()  # nothing was read while the client was slow
        beats = watch.beats
        try:
            if idle_s or how.heartbeat_s:
                read = await _read_in_time(sink, content, watch, since + idle_s if idle_s else 0.0, how.heartbeat_s)
                if read is None:
                    data, idle_s = b"", 0.0  # what is not ended now is not asked again
                    if how.observes and not watch.beats:
                        continue
                    ending = watch.end(How.IDLE)
                    if ending.end is End.WAIT:  # another kind of stream, that silence does not end
                        continue
                    if how.observes:
                        how.silent()
                        continue
                    return _end(sink, b"", watch, How.IDLE, ending, how)
            else:
                read = await content.readany()
            ended = not read
        except (aiohttp.ClientError, OSError):
            read = rest_of(content)
            broke = True
        data = watch.feed(read) if read else b""
        if how.observes:
            data = read
        if watch.beats != beats:
            how.opened.fed_s = since = clock()


def _told(data: bytes, watch: Watch | CodedWatch, how: Watching) -> bytes:
    """The upstream's error event passes as it is; a comment behind it says what it means."""
    found = watch.found
    assert found is not None
    watch.found = None
    problem = how.explain(Told(found=found))
    if how.observes or not found.end or found.end > len(data):
        return data
    return data[: found.end] + watch.comment(problem) + data[found.end :]


def _end(sink: Sink, data: bytes, watch: Watch | CodedWatch, ended: How, ending: Ending, how: Watching) -> bool:
    """Ends the answer as it was judged. What looks whole to the client is whole, or says that it is not."""
    rest = b"" if how.observes else ending.rest
    if watch.found is not None:
        rest = _told(rest, watch, how)
    if ending.end is End.WHOLE:
        if ended is How.CLEAN or sink.can_add:
            sink.write(data + rest, last=True)
        else:  # the answer is whole, yet shorter than its head announced
            sink.write(data + rest)
            sink.break_off()
        return True
    problem = how.explain(Told(reason=ending.reason))
    if ending.end is End.TELL and sink.can_add and not how.observes:
        sink.write(data + rest + watch.error_event(problem), last=True)
    elif how.observes and ended is How.CLEAN:
        sink.write(data, last=True)
    else:
        sink.write(data + rest)
        sink.break_off()
    return False


async def _read_in_time(
    sink: Sink, content: aiohttp.StreamReader, watch: Watch | CodedWatch, latest: float, heartbeat_s: float
) -> bytes | None:
    """What comes next; None where nothing has come until `latest` (0: never). Comments fill shorter silences."""
    while True:
        left_s = latest - time.monotonic()
        if latest and left_s <= 0:
            try:
                # What has come already was no silence: a process that was held up runs its timers before it reads.
                async with asyncio.timeout(_GRACE_S):
                    return await content.readany()
            except TimeoutError:
                return None
        wait_s = min(left_s, heartbeat_s) if latest and heartbeat_s else left_s if latest else heartbeat_s
        try:
            async with asyncio.timeout(wait_s):
                return await content.readany()
        except TimeoutError:
            if heartbeat_s and wait_s == heartbeat_s:
                sink.write(watch.heartbeat())
