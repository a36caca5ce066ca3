"""Where a read of an event stream may be cut: what is passed on ends at an event's end.

The beginning of an unfinished event is held until its rest comes. One that grows beyond a limit passes as it comes, so
that memory stays bounded; then `is_inside` says that half an event has gone out. Reads nothing but line ends.
"""

from __future__ import annotations

from typing import Final

from proxy.stream.sse import Event, events

# A line's end and a blank line. "\n\r" is missing: it may be the beginning of "\n\r\n".
ENDS: Final = (b"\n\n", b"\n\r\n", b"\r\r", b"\r\r\n")

_OVERLAP: Final = 2  # bytes of what came before that may belong to an end


class EventBoundary:
    """Holds back the beginning of an unfinished event.

    After `feed`, whole events stand in what it returned from `start` to `stop`; what is outside belongs to a longer one.
    """

    __slots__ = ("_held", "_most", "_tail", "is_inside", "start", "stop")

    def __init__(self, most: int) -> None:
        self._most = most
        self._held = bytearray()
        self._tail = b""  # of a long event: its last bytes
        self.is_inside = False
        self.start = self.stop = 0

    @property
    def held(self) -> bytes:
        return bytes(self._held)

    def feed(self, data: bytes) -> bytes:
        """What may be passed on now; `data` itself, uncopied, where it ends at an event's end."""
        if self.is_inside:
            return self._leave(data)
        if not self._held:
            return self._cut(data, _last_end(data, 0))
        held = self._held
        searched = max(0, len(held) - _OVERLAP)
        held += data
        end = _last_end(held, searched)
        if end < 0 and len(held) <= self._most:
            self.start = self.stop = 0
            return b""
        self._held = bytearray()
        return self._cut(bytes(held), end)

    def release(self) -> bytes:
        """Gives up what is held."""
        held, self._held = bytes(self._held), bytearray()
        return held

    @staticmethod
    def events(text: bytes) -> list[Event]:
        return events(text)

    def _cut(self, text: bytes, end: int) -> bytes:
        """`text` begins where an event begins; `end` is behind the last end in it."""
        self.start, self.stop = 0, max(end, 0)
        if len(text) - self.stop > self._most:
            self.is_inside = True
            self._tail = text[-_OVERLAP:]
            return text
        if self.stop == len(text):
            return text
        self._held += text[self.stop :]
        return text[: self.stop]

    def _leave(self, data: bytes) -> bytes:
        """Half an event has gone out: looks for its end."""
        text = self._tail + data
        before = len(self._tail)
        first = _first_end(text) - before
        if first < 0:
            self._tail = text[-_OVERLAP:]
            self.start = self.stop = len(data)
            return data
        self.is_inside = False
        end = _last_end(data, first)
        passed = self._cut(data, max(first, end))
        self.start = first
        return passed


def _last_end(text: bytes | bytearray, start: int) -> int:
    """Behind the last event's end at or after `start`; -1 where there is none."""
    if text.endswith(ENDS) and len(text) - start >= _OVERLAP:
        return len(text)
    end = -1
    for mark in ENDS:
        at = text.rfind(mark, start)
        if at >= 0:
            end = max(end, at + len(mark))
    return end


def _first_end(text: bytes) -> int:
    ends = [at + len(mark) for mark in ENDS if (at := text.find(mark)) >= 0]
    if not ends:
        return -1
    end = min(ends)
    return end + 1 if text[end - 2 : end + 1] == b"\r\r\n" else end
