"""An event stream goes to the client event by event, watched: its errors are told, its end is judged."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from proxy.dialects import Problem
from proxy.report.event import Would
from proxy.report.streams import OpenStream
from proxy.stream import CodedWatch, End, Ending, Found, How, Watch
from proxy.way.ask import Answered
from proxy.way.flow import Flow
from proxy.way.sink import Sink


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A failure inside a stream: what the upstream said (`found`), or how the stream ended (`reason`)."""

    found: Found | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Watching:
    """How one stream is watched. `explain` words a failure for the client and has it reported.

    `would` is told what is left undone where it is only observed.
    """

    idle_s: float
    heartbeat_s: float
    observes: bool  # nothing is held back or written
    explain: Callable[[Told], Problem]
    would: Callable[[Would], None]
    opened: OpenStream


async def deliver_watched(sink: Sink, answered: Answered, watch: Watch | CodedWatch, how: Watching) -> bool:
    """Whether the answer came whole. Raises CancelledError where the client leaves.

    `answered.first` is what of the stream was read and may go out already.
    """

    def beat(comment: bytes) -> None:
        if not how.observes:
            sink.write(comment)
        elif comment:
            how.would(Would.HEARTBEAT)

    flow = Flow(sink, answered, watch, observes=how.observes, opened=how.opened, beat=beat)
    idle_s = how.idle_s
    while True:
        data = flow.take()
        if watch.found is not None:
            data = _told(data, watch, how)
        if flow.ended is not None:
            return _end(sink, data, watch, flow.ended, watch.end(flow.ended), how)
        if data or not sink.head_written_at:
            sink.write(data)
        if sink.is_full:
            await sink.drain()
            flow.resume()
        if await flow.run(idle_s, how.heartbeat_s):
            continue
        idle_s = 0.0  # what is not ended now is not asked again
        if how.observes and not watch.beats:
            continue
        ending = watch.end(How.IDLE)
        if ending.end is End.WAIT:  # another kind of stream, that silence does not end
            continue
        if not how.observes:
            return _end(sink, b"", watch, How.IDLE, ending, how)
        how.would(Would.END_STREAM)


def _told(data: bytes, watch: Watch | CodedWatch, how: Watching) -> bytes:
    """The upstream's error event passes as it is; a comment behind it says what it means."""
    found = watch.found
    assert found is not None
    watch.found = None
    problem = how.explain(Told(found=found))
    comment = watch.comment(problem)
    if not comment or not found.end or found.end > len(data):
        return data
    if how.observes:
        how.would(Would.COMMENT)
        return data
    return data[: found.end] + comment + data[found.end :]


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
