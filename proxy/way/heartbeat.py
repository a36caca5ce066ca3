"""Keeps a streaming client's connection alive while its call waits for a retry: comments in a stream that began early.

Only where `stream.heartbeat` asks for it: the head is then out as 200 before anybody knows how the call ends, so a failure
can only be told as an error event in the caller's dialect.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from math import ceil
from typing import Final

import orjson

from proxy.dialects import Problem
from proxy.model import Dialect
from proxy.stream import How, Watch
from proxy.way.headers import AnswerHead
from proxy.way.sink import Sink

# As providers send it; buffering would keep the comments from the client (https://nginx.org/en/docs/http/ngx_http_proxy_module.html).
HEAD: Final = (
    b"Content-Type: text/event-stream; charset=utf-8\r\n",
    b"Cache-Control: no-cache\r\n",
    b"X-Accel-Buffering: no\r\n",
)


def asks_for_stream(body: bytes | None) -> bool:
    """Whether a request wants its answer as an event stream. What cannot be read does not."""
    if not body or b'"stream"' not in body:
        return False
    try:
        request = orjson.loads(body)
    except orjson.JSONDecodeError:
        return False
    return isinstance(request, dict) and request.get("stream") is True


def early_head() -> AnswerHead:
    """The head of an answer that nobody has given yet."""
    return AnswerHead(lines=list(HEAD), length=None, content_type=b"text/event-stream", coding=b"")


class Heartbeat:
    """One call's. `sink` is its answer once that has begun; until then the call can end like any other."""

    def __init__(
        self, every_s: float, *, started_at: float, clock: Callable[[], float], begin: Callable[[], Sink]
    ) -> None:
        self.sink: Sink | None = None
        self._every_s = every_s
        self._due = started_at + every_s  # the client has heard nothing since it asked
        self._clock = clock
        self._begin = begin

    def is_due_in(self, seconds: float) -> bool:
        """Whether a wait of so long would not pass in silence."""
        return self._due < self._clock() + seconds

    async def wait(self, seconds: float, pause: Callable[[float], Awaitable[bool]], told: str) -> bool:
        """Waits with a comment every so often; `told` is what it says beside the seconds left. False: woken early."""
        until = self._clock() + seconds
        while self._due < until:
            if not await pause(max(0.0, self._due - self._clock())):
                return False
            self._beat(f"{told} wait={ceil(max(0.0, until - self._clock()))}s")
        return await pause(max(0.0, until - self._clock()))

    def _beat(self, text: str) -> None:
        if self.sink is None:
            self.sink = self._begin()
        self.sink.write(b": llm-retry %b\n" % text.encode("ascii"))
        self._due = self._clock() + self._every_s


def error_frame(dialect: Dialect, problem: Problem) -> bytes:
    """How a stream ends that has brought nothing but comments."""
    watch = Watch(dialect)
    watch.end(How.BROKEN)
    return watch.error_event(problem)
