"""What a misbehaving server does before all is well, and when: the scripts of what clients meet directly and through the proxy."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any, Final, TypeAlias

from proxy.demo.anthropic import Anthropic
from proxy.demo.openai_chat import OpenAIChat
from proxy.demo.shape import TEXT, Reply, Shape
from tests.provider import CLOSE, LAST_CHUNK, RESET, Script, Turn, Wire, chunk, head, reply

Trouble: TypeAlias = "Callable[[int, float], Turn | None]"
"""The turn of the n-th request (from 0), which came so many seconds after the first one; None: a good answer."""

STREAM: Final = head(200, {"content-type": "text/event-stream", "transfer-encoding": "chunked"})
DOWN: Final = reply(503, b"upstream connect error", {"content-type": "text/plain"}, reason="Service Unavailable")


def good(form: str) -> bytes:
    """A whole answer, as the form of the call wants it."""
    told = Reply(model="m", text=TEXT, serial=1)
    shape: Shape = Anthropic() if form.startswith("anthropic") else OpenAIChat()
    if not form.endswith("stream"):
        return reply(200, json.dumps(shape.answer(told)).encode())
    return STREAM + b"".join(map(chunk, shape.stream(told))) + LAST_CHUNK


def limited(headers: dict[str, str] | None = None, **error: Any) -> bytes:
    body = {"error": {"message": "Rate limit reached", "type": "requests", "code": "rate_limit_exceeded"} | error}
    return reply(429, json.dumps(body).encode(), headers or {})


def failed(status: int, headers: dict[str, str] | None = None) -> bytes:
    return reply(status, b'{"error": {"message": "Something is wrong"}}', headers or {})


def overloaded_event(form: str) -> bytes:
    """A stream whose first event is an error, as the form's provider words it."""
    if form.startswith("anthropic"):
        event = b'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}\n\n'
    else:
        event = b'data: {"error":{"message":"The server is overloaded","code":"server_is_overloaded"}}\n\n'
    return STREAM + chunk(event) + LAST_CHUNK


def half(form: str) -> Turn:
    """An answer that breaks after its beginning."""
    whole = good(form)
    return whole[: len(whole) // 2], 0.02, RESET


def broken_behind_the_head(form: str) -> Turn:
    start = (
        STREAM if form.endswith("stream") else head(200, {"content-type": "application/json", "content-length": "90"})
    )
    return start, 0.02, RESET


CLOSED: Final[Turn] = (CLOSE,)
BROKEN: Final[Turn] = (RESET,)
CUT_HEAD: Final = b"HTTP/1.1 200 OK\r\nContent-Type: applica"
NO_HTTP: Final[Turn] = (b"220 smtp.example ESMTP\r\n\r\n", CLOSE)


def first(*turns: Turn) -> Trouble:
    """These, and from then on all is well."""
    return lambda n, _: turns[n] if n < len(turns) else None


def always(turn: Turn) -> Trouble:
    return lambda _, __: turn


def until(seconds: float, turn: Turn) -> Trouble:
    """All is well so many seconds after the first request."""
    return lambda _, since_s: turn if since_s < seconds else None


class Troubled:
    """A server's script, and when each request came (on `time.monotonic()`)."""

    def __init__(self, trouble: Trouble, form: str) -> None:
        self.times: list[float] = []
        self._trouble = trouble
        self._good = good(form)

    @property
    def script(self) -> Script:
        return self._play

    async def _play(self, wire: Wire) -> None:
        while True:
            await wire.request()
            self.times.append(time.monotonic())
            turn = self._trouble(len(self.times) - 1, self.times[-1] - self.times[0])
            turn = self._good if turn is None else turn
            for act in (turn,) if isinstance(turn, bytes) else turn:
                if not await wire.act(act):
                    return
