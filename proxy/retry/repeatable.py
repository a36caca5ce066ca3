"""Which calls may be sent a second time. Pure.

Money and state are at stake: a generation is paid each time, a file is uploaded each time. `decide.py` asks this first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import orjson

# A call with these makes state that outlives it: a turn in a stored conversation, a run in the background. Sent twice, it
# is there twice (https://platform.openai.com/docs/api-reference/responses/create).
_MAKES_STATE: Final = ("conversation", "background")
_NEEDLES: Final = tuple(f'"{name}"'.encode() for name in _MAKES_STATE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A call as it was sent, and how far it came."""

    method: str
    generates: bool  # a generation or embedding path
    is_held: bool  # all of the body is still at hand (or there is none)
    was_connected: bool  # a connection was made, so the provider may have seen the request
    status: int | None  # of the answer; None where none came whole
    states_wait: bool = False  # the answer says when to come back
    has_begun: bool = False  # a byte of an answer went to the client


def may_repeat(sent: Sent, body: bytes | None, *, resend_after_send: bool) -> bool:
    """Whether the call can be sent again without doing twice what was asked once.

    `body` is looked at only where it decides: the provider may have begun, and no answer came. None: it cannot be read.
    """
    if sent.has_begun or not sent.is_held:
        return False
    if not sent.was_connected or sent.method in ("GET", "HEAD"):
        return True
    if not (sent.method == "POST" and sent.generates):
        return sent.status in (429, 503) and sent.states_wait  # refused before it was begun
    return sent.status is not None or (resend_after_send and body is not None and not makes_state(body))


def makes_state(body: bytes) -> bool:
    """Whether a request body names a conversation or asks for the background.

    The words stand in many prompts, so what the search finds is parsed; what cannot be parsed is taken at its word.
    """
    if not any(needle in body for needle in _NEEDLES):
        return False
    try:
        request = orjson.loads(body)
    except orjson.JSONDecodeError:
        return True
    return isinstance(request, dict) and any(request.get(name) not in (None, False) for name in _MAKES_STATE)
