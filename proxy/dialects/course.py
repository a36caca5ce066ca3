"""How far an answer's stream has come, in the four dialects: begun, open, finished. Told by the events themselves.

A `Course` reads whole events that somebody else has cut out, and says which reads need no reading at all.
"""

from __future__ import annotations

from typing import Any, Final, Protocol, assert_never

from proxy.dialects.anthropic.stream import AnthropicCourse
from proxy.dialects.gemini.stream import GeminiCourse
from proxy.dialects.openai_chat.stream import ChatCourse
from proxy.dialects.problem import Problem
from proxy.dialects.responses.stream import ResponsesCourse
from proxy.model import Dialect


class Course(Protocol):
    """What is known of one answer while it streams."""

    @property
    def is_steady(self) -> bool:
        """Whether `is_dull` can be relied on from here."""

    @property
    def is_open(self) -> bool:
        """Part of an answer has come, and not its end."""

    @property
    def is_done(self) -> bool:
        """Every part of the answer has said that it is finished; something about it may still follow."""

    @property
    def is_over(self) -> bool:
        """The protocol's end has come: nothing follows."""

    @property
    def reads_lines(self) -> bool:
        """Whether the dialect's own clients read lines and not events: one that lacks its blank line is read too."""

    @staticmethod
    def begins(body: dict[str, Any]) -> bool:
        """Whether an event tells this dialect."""

    def is_dull(self, data: bytes) -> bool:
        """A quick look at a read that begins with an event: True only where it ends with one, brings data of an answer
        that is open, and neither an error nor an end."""

    def read(self, body: dict[str, Any]) -> bool:
        """Takes note of an event; whether it is an error that only this dialect knows."""

    def skim(self, text: bytes) -> bool:
        """The same for a piece of an event that is too long to be read whole."""

    def error_object(self, problem: Problem) -> dict[str, Any]:
        """An error as JSON, which the official SDKs raise from a stream. It never looks like an end."""

    def error_event(self, problem: Problem, last: bytes) -> bytes:
        """The same as an event; `last` is the last read that was passed on."""


_COURSES: Final[tuple[type[Course], ...]] = (ChatCourse, AnthropicCourse, ResponsesCourse, GeminiCourse)


def course_told_by(body: dict[str, Any]) -> Course | None:
    """The course of the dialect that an event tells; None where it is none of the four's."""
    return next((course() for course in _COURSES if course.begins(body)), None)


def course_of(dialect: Dialect) -> Course:
    """A course of which nothing has come yet."""
    match dialect:
        case Dialect.OPENAI_CHAT:
            return ChatCourse()
        case Dialect.RESPONSES:
            return ResponsesCourse()
        case Dialect.ANTHROPIC:
            return AnthropicCourse()
        case Dialect.GEMINI:
            return GeminiCourse()
        case _:
            assert_never(dialect)
