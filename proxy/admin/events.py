"""The live status: server-sent events, each a whole snapshot, so that a page that comes late or back needs no history.

A watcher looks at one number a second; nothing on a call's way knows that anybody watches. Programs get an event
`status`, the same as /status.json; with `?view=page` the page gets an event `page`, its parts drawn anew.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from aiohttp import web

from proxy.admin.look import look
from proxy.admin.page import event
from proxy.admin.problem import problem
from proxy.admin.state import STATE

MAX_WATCHERS: Final = 32
LOOK_S: Final = 1.0
TELL_ANYWAY_LOOKS: Final = 5  # calls in flight change without a new revision; a quiet stream would also be dropped


@dataclass(slots=True)
class Watchers:
    """The open event streams of this application, and how they learn that it stops."""

    closing: asyncio.Event = field(default_factory=asyncio.Event)
    count: int = 0


WATCHERS = web.AppKey("watchers", Watchers)


async def close(app: web.Application) -> None:
    app[WATCHERS].closing.set()


async def watch(request: web.Request) -> web.StreamResponse:
    watchers = request.app[WATCHERS]
    if watchers.count >= MAX_WATCHERS:
        return problem(503, "Too many pages watch the status: close one, or read /status.json.", {"Retry-After": "30"})
    watchers.count += 1
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "X-Accel-Buffering": "no"})
    try:
        with suppress(ConnectionError):  # the page was closed
            await response.prepare(request)
            await response.write(b"retry: 1000\n")
            await _tell(request, response, watchers.closing)
    finally:
        watchers.count -= 1
    return response


async def _tell(request: web.Request, response: web.StreamResponse, closing: asyncio.Event) -> None:
    state = request.app[STATE]
    is_page = request.query.get("view") == "page"
    told = looks = 0
    while not closing.is_set():
        if looks == 0 or state.revision() != told:
            looks = TELL_ANYWAY_LOOKS
            told = state.revision()
            now = await look(state)
            data = json.dumps(event(now) if is_page else now, separators=(",", ":"))
            await response.write(f"event: {'page' if is_page else 'status'}\ndata: {data}\n\n".encode())
        looks -= 1
        with suppress(TimeoutError):
            await asyncio.wait_for(closing.wait(), LOOK_S)
