"""Watches one stream on its way: passes whole events on, notices errors and the protocol's end, judges how it ended.

The relay feeds it what it reads and writes what it gets back. Where nothing is to be noticed that costs a look at the
tail and a few searches; events are parsed only where a search hits. Nothing is classified, timed or written here.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final, Protocol

import orjson

from proxy.dialects.course import Course, course_of, course_told_by
from proxy.dialects.problem import Problem
from proxy.model import Dialect
from proxy.stream import array, sse
from proxy.stream.array import ArrayBoundary
from proxy.stream.boundary import ENDS, EventBoundary
from proxy.stream.ending import End, Ending, Found, How, comment
from proxy.stream.fault import is_error
from proxy.stream.sse import Event

_TRIES: Final = 8  # events with data after which a stream that told no dialect is another kind of stream
_OVERLAP: Final = 64  # bytes of a long event that are seen again with its next piece: a key is no longer
_PINGS: Final = frozenset(("ping", "keepalive"))

# What an event that is too long to be parsed tells by its beginning; only keys, never the text of a string.
_NAME: Final = re.compile(rb"^event: ?([^\r\n]{1,64})[\r\n]", re.MULTILINE)
_GIST: Final = re.compile(rb'(?<!\\)"(type|choices|candidates)"\s*:\s*("[a-z_.]{1,64}"|\[)')


class Boundary(Protocol):
    """Where reads may be cut; see `EventBoundary`."""

    is_inside: bool
    start: int
    stop: int

    @property
    def held(self) -> bytes: ...
    def feed(self, data: bytes) -> bytes: ...
    def release(self) -> bytes: ...
    def events(self, text: bytes) -> list[Event]: ...


class Watch:
    """One stream.

    `found`: the error that the last `feed` met, which whoever takes it sets back to None. `beats`: how many reads brought
    an event with data; comments and pings do not count. `is_decided`: the first event with data has come whole, or is
    too long to wait for.
    """

    __slots__ = (
        "_boundary",
        "_business_codes",
        "_course",
        "_ends_at_eof",
        "_expected",
        "_has_done",
        "_has_failed",
        "_has_passed",
        "_is_array",
        "_is_dull",
        "_is_plain",
        "_is_rest_whole",
        "_last",
        "_long",
        "_tries",
        "beats",
        "found",
        "is_decided",
    )

    def __init__(
        self,
        expected: Dialect | None = None,
        *,
        peek_bytes: int = 64 * 1024,
        is_array: bool = False,
        ends_at_eof: bool = False,
        business_codes: tuple[str, ...] = (),
    ) -> None:
        """`expected`: the dialect of the path, for a stream that breaks before it told its own."""
        self._boundary: Boundary = ArrayBoundary(peek_bytes) if is_array else EventBoundary(peek_bytes)
        self._is_array = is_array
        self._expected = expected
        self._ends_at_eof = ends_at_eof
        self._business_codes = business_codes
        self._course: Course | None = None
        self._is_dull: Callable[[bytes], bool] = _never  # a dull read says nothing new; only where nothing is held
        self._is_plain = False
        self._has_passed = False
        self._has_done = False
        self._has_failed = False
        self._last = b""
        self._long = b""
        self._tries = 0
        self._is_rest_whole: bool | None = None
        self.beats = 0
        self.found: Found | None = None
        self.is_decided = False

    @property
    def dialect_told(self) -> bool:
        """Whether the events have told one of the four dialects."""
        return self._course is not None

    def feed(self, data: bytes) -> bytes:
        """What may go to the client now; b"" where all of it waits for its rest."""
        if self._is_dull(data):
            self.beats += 1
            self._last = data
            return data
        return self._look(data)

    def end(self, how: How) -> Ending:
        """What the end of the bytes, or their silence, makes of the answer."""
        held = self._boundary.held
        is_cut = self._is_cut(held)
        if how is not How.IDLE and is_cut and not self._boundary.is_inside:
            if self._is_rest_whole is None:  # asked twice, the rest is read once
                self._is_rest_whole = self._read_unfinished(held)
            is_cut = not self._is_rest_whole
        course = self._course
        if course is None and not self.beats and self._expected is not None and not self._is_plain:
            course = self._course = course_of(self._expected)
            is_whole = how is How.CLEAN and not is_cut and (self._ends_at_eof or self._is_array)
        elif course is None or self._is_plain:
            return self._end_of_another(how, held)
        else:
            is_whole = self._is_whole(course, how, is_cut=is_cut)
        if is_whole or self._has_done or self._has_failed:
            return Ending(End.WHOLE, held)
        reason = "stream_idle" if how is How.IDLE else "truncated_stream"
        return Ending(End.BREAK_OFF if self._boundary.is_inside else End.TELL, reason=reason)

    def error_event(self, problem: Problem) -> bytes:
        """What `End.TELL` asks to be written: an error that the official SDKs raise, and the comment."""
        course = self._course
        assert course is not None
        if self._is_array:
            return (b",\r\n" if self._has_passed else b"[") + orjson.dumps(course.error_object(problem))
        return course.error_event(problem, self._last) + self.comment(problem)

    def comment(self, problem: Problem) -> bytes:
        """The line that goes behind an error event of the upstream; b"" where the format knows no comments."""
        return b"" if self._is_array else comment(problem, self._eol())

    def heartbeat(self, text: bytes = b"") -> bytes:
        """A comment that can go out between two reads; b"" where none can: inside an event, in an array, to Gemini's clients.

        Google's own take every line without `data: ` for JSON and fail on it:
        https://github.com/googleapis/python-genai/blob/main/google/genai/_api_client.py
        """
        course = self._course
        is_gemini = course.reads_lines if course is not None else self._expected is Dialect.GEMINI
        if self._is_array or self._boundary.is_inside or is_gemini:
            return b""
        return b": %b%b" % (text, self._eol()) if text else b":" + self._eol()

    def _eol(self) -> bytes:
        # A carriage return may be half of CRLF: ours takes its place, else the other half would be a blank line.
        return b"\r" if self._last.endswith(b"\r") else b"\n"

    def _look(self, data: bytes) -> bytes:
        boundary = self._boundary
        passed = boundary.feed(data)
        if not self._has_passed and not self._is_plain:
            # JSON that came as an event stream, or an object where an array was expected: an answer in one piece.
            first = (passed or boundary.held).lstrip()[:1]
            self._is_plain = first == b"{" or (first == b"[" and not self._is_array)
        if passed:
            if not self._is_plain:
                self._read(passed, boundary.start, boundary.stop)
            elif boundary.is_inside:
                self._beat()
            self._has_passed = True
            self._last = passed
        course = self._course
        if self._is_array or boundary.is_inside or boundary.held or self._is_plain:
            self._is_dull = _never
        elif course is not None:
            self._is_dull = course.is_dull if course.is_steady else _never
        elif self._tries >= _TRIES:
            self._is_dull = _is_dull_anywhere
        return passed

    def _read(self, passed: bytes, start: int, stop: int) -> None:
        """Whole events from `start` to `stop`, pieces of longer ones around them."""
        before = self.beats
        if start:
            self._skim(self._long + passed[:start])
        text = passed[start:stop]
        if self._is_array and self._course is not None and self._course.is_dull(text + b"\n\n"):
            self._beat()  # an object is as dull as the event that it would be
            text = b""
        at = len(sse.BOM) if not self._has_passed and text.startswith(sse.BOM) else 0
        for event in self._boundary.events(text[at:]):
            at = text.index(event.raw, at) + len(event.raw)
            self._take(event, start + at)
        if stop < len(passed):
            self._begin_long(passed[stop:])
        self._long = passed[-_OVERLAP:] if self._boundary.is_inside else b""
        self.beats = min(self.beats, before + 1)

    def _take(self, event: Event, end: int) -> None:
        if event.data is None or event.is_ping:
            return
        if event.data.startswith(b"[DONE]"):
            self._has_done = True
            self._beat()
            return
        body = _json(event.data)
        if isinstance(body, dict) and body.get("type") in _PINGS:
            return
        is_first = not self.is_decided
        self._beat()
        is_fault = is_error(event, body, self._business_codes)
        if self._course is None:
            self._tell(body if isinstance(body, dict) else {})
        if self._course is not None and isinstance(body, dict):
            is_fault |= self._course.read(body)
        if is_fault:
            self._has_failed = True
            self.found = self.found or Found(event.raw, is_first, end)

    def _beat(self) -> None:
        self.beats += 1
        self.is_decided = True

    def _tell(self, body: dict[str, Any]) -> None:
        if self._tries >= _TRIES:
            return
        self._tries += 1
        self._course = course_told_by(body)

    def _begin_long(self, head: bytes) -> None:
        """The beginning of an event that is too long to be parsed."""
        is_first = not self.is_decided
        name, body = _gist(head)
        if self._course is None:
            self._tell(body)
        is_fault = name == b"error"
        if self._course is not None:
            is_fault |= self._course.read(body)
        if is_fault:
            self._has_failed = True
            self.found = self.found or Found(head, is_first, 0)
        self._skim(head)

    def _skim(self, piece: bytes) -> None:
        self._beat()
        if self._course is not None:
            self._course.skim(piece)

    def _read_unfinished(self, held: bytes) -> bool:
        """What is left when the upstream has ended: whether it is whole as it stands.

        It may be an event without its blank line, or an error that is no event.
        """
        # Vertex ends a cancelled event stream with a JSON object on lines of its own.
        if held.lstrip()[:1] in (b"{", b"["):
            body = _json(held)
            if isinstance(body, list) and body:
                body = body[0]
            if is_error(Event(held), body, self._business_codes):
                self._has_failed = True
                self.found = self.found or Found(held, not self.is_decided, len(held))
            return body is not None
        if self._is_array:
            return False
        course = self._course
        taken = False
        for event in sse.events(held, unfinished=True):
            if event.data is None:
                continue
            if event.data.rstrip() == b"[DONE]":
                self._has_done = taken = True
                continue
            body = _json(event.data)
            if not isinstance(body, dict):
                continue
            if course is None or course.reads_lines or body.get("type") == "message_stop":
                self._take(event, len(held))
                taken = self._course is None or self._course.reads_lines
        return taken

    def _is_whole(self, course: Course, how: How, *, is_cut: bool) -> bool:
        # Clients that need an event's blank line never see half an event that follows the end.
        if course.is_over and not (is_cut and course.reads_lines):
            return True
        if is_cut:
            return False
        match how:
            case How.CLEAN:
                return self._ends_at_eof or not course.is_open
            case How.BROKEN:
                return self._ends_at_eof and course.is_done
            case How.IDLE:
                return course.is_done

    def _is_cut(self, held: bytes) -> bool:
        """Whether something was begun and not ended."""
        if self._boundary.is_inside:
            return True
        if self._is_array:
            return not (array.is_blank(held) and held.rstrip().endswith(b"]"))
        return not sse.is_blank(held)

    def _end_of_another(self, how: How, held: bytes) -> Ending:
        """A stream of another kind: whole where its framing is, broken where that is."""
        match how:
            case How.CLEAN:
                return Ending(End.WHOLE, held)
            case How.BROKEN:
                return Ending(End.BREAK_OFF, held, "truncated_body")
            case How.IDLE:
                return Ending(End.WAIT)


def _never(_: bytes) -> bool:
    return False


def _is_dull_anywhere(data: bytes) -> bool:
    """The quick look at a stream of no known dialect."""
    return (
        data.endswith(ENDS)
        and (data.startswith(b"data:") or data.find(b"\ndata:") >= 0)
        and data.find(b"error") < 0
        and data.find(b"ping") < 0
        and data.find(b"[DONE]") < 0
    )


def _json(data: bytes) -> Any:
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        return None


def _gist(head: bytes) -> tuple[bytes, dict[str, Any]]:
    name = _NAME.search(head)
    body: dict[str, Any] = {}
    for key, value in _GIST.findall(head):
        body.setdefault(key.decode(), [] if value == b"[" else value[1:-1].decode())
    told = name.group(1) if name else b""
    if told.startswith(b"response."):
        body["type"] = told.decode("latin-1")
    return told, body
