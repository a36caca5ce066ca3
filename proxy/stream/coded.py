"""Watches a compressed stream through a decoder: its bytes pass as they come, and nothing can be written into it."""

from __future__ import annotations

from proxy.dialects.problem import Problem
from proxy.stream.coding import Decoder, GivenUp
from proxy.stream.ending import End, Ending, Found, How
from proxy.stream.watch import Watch


class CodedWatch:
    """The same interface as `Watch`. What ends in the middle of an answer is broken off."""

    __slots__ = ("_decoder", "_watch")

    def __init__(self, watch: Watch, decoder: Decoder) -> None:
        self._watch = watch
        self._decoder: Decoder | None = decoder

    @property
    def found(self) -> Found | None:
        return self._watch.found

    @found.setter
    def found(self, value: None) -> None:
        self._watch.found = value

    @property
    def beats(self) -> int:
        return self._watch.beats

    @property
    def is_decided(self) -> bool:
        return self._decoder is None or self._watch.is_decided

    @property
    def dialect_told(self) -> bool:
        return self._decoder is not None and self._watch.dialect_told

    def feed(self, data: bytes) -> bytes:
        if self._decoder is None:
            self._watch.beats += 1
            return data
        try:
            plain = self._decoder.decode(data)
        except GivenUp:
            self._decoder = None
            self._watch.beats += 1
            return data
        if plain:
            self._watch.feed(plain)
        return data

    def end(self, how: How) -> Ending:
        if self._decoder is None:
            match how:
                case How.CLEAN:
                    return Ending(End.WHOLE)
                case How.BROKEN:
                    return Ending(End.BREAK_OFF, reason="truncated_body")
                case How.IDLE:
                    return Ending(End.WAIT)
        ending = self._watch.end(how)
        return Ending(End.BREAK_OFF if ending.end is End.TELL else ending.end, reason=ending.reason)

    def error_event(self, problem: Problem) -> bytes:
        return b""

    def comment(self, problem: Problem) -> bytes:
        return b""

    def heartbeat(self, text: bytes = b"") -> bytes:
        return b""
