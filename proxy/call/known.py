"""What is known of one call so far, and the small questions that every stage asks."""

from __future__ import annotations

import asyncio
import time

from aiohttp import web

from proxy.call.shared import Shared
from proxy.client import Reply
from proxy.config import Upstream
from proxy.dialects import dialect_of
from proxy.model import Dialect
from proxy.server import CLOSE, KEEP
from proxy.setup import Setup
from proxy.way import refuse
from proxy.way.accept import Call
from proxy.way.address import Route, Target
from proxy.way.amend import Thread
from proxy.way.body import Body
from proxy.way.endpoint import Endpoint
from proxy.way.gate import Gated
from proxy.way.heartbeat import Heartbeat
from proxy.way.judge import Look
from proxy.way.replay import Replay


class Known:
    """One request and how far it has come."""

    __slots__ = ("ask", "began", "body", "call", "call_id", "content", "gated", "heart", "http", "loop_time", "proxy", "read_at",
                 "replay", "route", "sent_at", "setup", "started_at", "stream_told", "target", "thread")  # fmt: skip

    trace_id: str = ""  # where calls are traced

    def __init__(self, proxy: Shared, setup: Setup, http: web.BaseRequest) -> None:
        self.proxy = proxy
        self.setup = setup
        self.http = http
        self.loop_time = asyncio.get_running_loop().time
        self.started_at = self.loop_time()
        self.read_at = time.monotonic()  # to measure by: uvloop's own clock counts milliseconds
        self.call: Call | None = None
        self.route: Route | None = None
        self.target: Target | None = None
        self.began = False  # an answer is on its way to the client
        self.body: Body | None = None
        self.call_id = ""
        self.stream_told = False
        self.content = ""  # names the request, where it was refused for what it is
        self.thread: Thread | None = None
        self.replay: Replay | None = None
        self.gated: Gated | None = None
        self.heart: Heartbeat | None = None
        self.sent_at = 0.0  # loop time of the first attempt

    def settings(self) -> Upstream:
        assert self.target is not None
        return self.target.route.settings

    def look(self) -> Look:
        """How closely this call's answers are looked at."""
        assert self.target is not None
        route, endpoint = self.target.route, self.target.endpoint
        return Look(
            provider=route.provider,
            familiar=self.setup.familiar,
            path=self.target.path,
            dialect=endpoint.dialect,
            generates=self.generates(),
            hold_s=0.0 if route.observes else route.settings.stream.hold,
            peek_bytes=route.settings.stream.peek_bytes,
            ends_at_eof=route.ends_at_eof,
            observes=route.observes,
        )

    def generates(self) -> bool:
        return self.target is not None and self.target.endpoint.generates and self.http.method == "POST"

    def dialect(self) -> Dialect | None:
        endpoint = self.endpoint()
        if self.route is not None and endpoint is not None:
            return endpoint.dialect or self.route.provider.dialect
        return None if self.call is None else dialect_of(self.call.path)

    def endpoint(self) -> Endpoint | None:
        """What kind of call it is, once its upstream is known."""
        if self.target is not None:
            return self.target.endpoint
        if self.route is None or self.call is None:
            return None
        return self.route.endpoints.of(self.call.path[len(self.route.prefix) :])

    def observes(self) -> bool:
        return self.route is not None and self.route.observes

    def keeps(self) -> bool:
        """Whether the client's connection can serve another request.

        After a chunked one it cannot: aiohttp's parser would carry its trailers into the next request's headers.
        """
        call, body = self.call, self.body
        if call is None or not self.http.keep_alive or self.proxy.draining or "transfer-encoding" in call.head.read:
            return False
        return body.is_complete if body is not None else not self.http.can_read_body

    def let_go(self) -> None:
        """The answer's first byte goes to the client: nothing is repeated from here on."""
        self.began = True
        if self.body is not None:
            self.body.let_go()

    def write(self, status: int, headers: list[tuple[str, str]], body: bytes) -> web.StreamResponse:
        http = self.http
        keep = self.keeps()
        is_head = http.method == "HEAD"
        self.send(refuse.answer(status, headers, body, minor=http.version.minor, is_head=is_head, keep=keep))
        return KEEP if keep else CLOSE

    def send(self, data: bytes) -> None:
        if self.http.transport is not None:
            self.http.transport.write(data)


def request_id(response: Reply) -> str:
    """The provider's own name for the call, bounded: it is shown in logs."""
    headers = response.headers
    return (headers.get("x-request-id") or headers.get("request-id") or "")[:128]
