"""Where a read of a streamed JSON array may be cut: what is passed on ends at the end of one of its objects.

Gemini streams so where `alt=sse` is not asked for: https://ai.google.dev/api/generate-content#method:-models.streamgeneratecontent
Commas between the objects, and the closing bracket, wait with what follows them: before the array is known to be
whole, an error object can still be put in their place.
"""

from __future__ import annotations

import re
from typing import Final

from proxy.stream.sse import Event

# A whole string, or a quote whose string goes on in the next read, or a bracket.
_TOKEN: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+"|["{}\[\]]', re.DOTALL)
_STRING: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+"', re.DOTALL)
_REST_OF_STRING: Final = re.compile(rb'(?:[^"\\]++|\\.)*+(")?', re.DOTALL)
_BETWEEN: Final = b" \t\r\n,["


class ArrayBoundary:
    """Holds back what is not a whole object yet; the same interface as `EventBoundary`.

    A text whose outermost value is no array has no place to cut: it is an answer, or an error, in one piece.
    """

    __slots__ = ("_depth", "_escaped", "_held", "_in_string", "_is_array", "_most", "is_inside", "start", "stop")

    def __init__(self, most: int) -> None:
        self._most = most
        self._held = bytearray()
        self._depth = 0
        self._in_string = False
        self._escaped = False
        self._is_array = False
        self.is_inside = False
        self.start = self.stop = 0

    @property
    def held(self) -> bytes:
        return bytes(self._held)

    def feed(self, data: bytes) -> bytes:
        """What may be passed on now."""
        first, last = self._scan(data)
        if not self._held:
            return self._cut(data, first, last)
        before = len(self._held)
        self._held += data
        if last < 0 and len(self._held) <= self._most:
            self.start = self.stop = 0
            return b""
        text = self.release()
        return self._cut(text, first + before, last + before if last >= 0 else -1)

    def release(self) -> bytes:
        """Gives up what is held."""
        held, self._held = bytes(self._held), bytearray()
        return held

    @staticmethod
    def events(text: bytes) -> list[Event]:
        """The objects of a text that begins between two of them, as events without a name."""
        found: list[Event] = []
        depth = 0
        begin = 0
        text = text.lstrip(_BETWEEN)
        for token in _TOKEN.finditer(text):
            match token.group():
                case b"{" | b"[":
                    if not depth:
                        begin = token.start()
                    depth += 1
                case b"}" | b"]":
                    depth -= 1
                    if not depth:
                        raw = text[begin : token.end()]
                        found.append(Event(raw, data=raw))
                    elif depth < 0:
                        break
                case _:
                    pass
        return found

    def _cut(self, text: bytes, first: int, last: int) -> bytes:
        self.start = first if self.is_inside and last >= 0 else 0
        self.stop = max(last, 0)
        if last >= 0:
            self.is_inside = False
        if self.is_inside or len(text) - self.stop > self._most:
            if self.is_inside:
                self.start = self.stop = len(text)
            self.is_inside = True
            return text
        self._held += text[self.stop :]
        return text[: self.stop]

    def _scan(self, data: bytes) -> tuple[int, int]:
        """Behind the first and the last object's end in `data`; -1 where none ends in it."""
        last = self._end_of_whole(data)
        if last > 0:
            return last, last
        first = last = -1
        at = 0
        if self._in_string:
            at = 1 if self._escaped else 0
            rest = _REST_OF_STRING.match(data, at)
            assert rest is not None
            at = rest.end()
            if rest.group(1) is None:
                self._escaped = at < len(data)  # what is left is a single backslash
                return first, last
            self._in_string = self._escaped = False
        depth = self._depth
        for token in _TOKEN.finditer(data, at):
            match token.group():
                case b"{" | b"[" as bracket:
                    if not depth:
                        self._is_array = bracket == b"["
                    depth += 1
                case b"}" | b"]":
                    depth -= 1
                    if depth == 1 and self._is_array:
                        last = token.end()
                        first = last if first < 0 else first
                case b'"':
                    self._in_string = True
                    rest = _REST_OF_STRING.match(data, token.end())
                    assert rest is not None
                    self._escaped = rest.end() < len(data)
                    break
                case _:
                    pass
        self._depth = depth
        return first, last

    def _end_of_whole(self, data: bytes) -> int:
        """The quick way where a read ends behind an object, as it nearly always does; 0 where it does not."""
        end = data.rfind(b"}") + 1
        if self._depth != 1 or not self._is_array or self._in_string or self.is_inside or data[end:].strip(_BETWEEN):
            return 0
        bare = _STRING.sub(b"", data)
        if b'"' in bare:
            return 0
        count = bare.count
        return end if count(b"{") + count(b"[") == count(b"}") + count(b"]") else 0


def is_blank(text: bytes) -> bool:
    """Whether the text, which begins between two objects, holds no beginning of one."""
    return not text.strip(_BETWEEN + b"]")
