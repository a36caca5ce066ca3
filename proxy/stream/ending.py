"""How a stream's bytes ended, and what that makes of the answer. Values only."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from proxy.dialects.problem import Problem


class How(StrEnum):
    """What became of the bytes."""

    CLEAN = "clean"  # good HTTP framing
    BROKEN = "broken"  # reset, framing broken, shorter than announced
    IDLE = "idle"  # no event with data for too long


class End(StrEnum):
    """What the relay has to do."""

    WHOLE = "whole"  # end the answer
    TELL = "tell"  # write `Watch.error_event` and the comment, then end the answer
    BREAK_OFF = "break_off"  # close the client's connection without an end
    WAIT = "wait"  # not a stream that silence ends


@dataclass(frozen=True, slots=True)
class Ending:
    """The end of a stream. `rest` belongs to the answer and goes out first; `reason` is one of the proxy's own."""

    end: End
    rest: bytes = b""
    reason: str = ""  # "" where nothing failed


@dataclass(frozen=True, slots=True)
class Found:
    """An error that the upstream sent inside a stream."""

    text: bytes  # the event as it stood on the wire, at most `peek_bytes` of it
    is_first: bool  # no event with data came before it
    end: int  # behind the event, in what `feed` returned with it


def comment(problem: Problem, eol: bytes = b"\n") -> bytes:
    """The line that follows an error in an event stream.

    One line without a blank line after it: a blank line makes official SDKs dispatch an empty event.
    """
    verdict = problem.verdict
    text = (
        f": llm-error class={verdict.cls} reason={verdict.reason} "
        f"retry={'true' if problem.retry else 'false'} session={problem.action}"
    )
    return text.encode("ascii", "replace") + eol
