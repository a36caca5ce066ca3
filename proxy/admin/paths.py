"""What each path of the admin port answers."""

from __future__ import annotations

import asyncio
import json
from typing import Final

from aiohttp import web

from proxy.admin.guard import refuse
from proxy.admin.look import look
from proxy.admin.page import CONTENT_POLICY, document
from proxy.admin.problem import Handler, as_json, problem
from proxy.admin.state import STATE, NotAnAnswerError

MAX_BODY_BYTES: Final = 1 << 20


def guarded(handler: Handler) -> Handler:
    """Only for whom the guard lets through."""

    async def guarded_handler(request: web.Request) -> web.StreamResponse:
        refusal = refuse(
            request.app[STATE].settings(), request.headers.get("Host"), request.headers.get("Authorization")
        )
        if refusal is None:
            return await handler(request)
        headers = {"WWW-Authenticate": 'Basic realm="llm-triage", charset="UTF-8"'} if refusal.asks_for_token else None
        return problem(refusal.status, refusal.sentence, headers)

    return guarded_handler


async def metrics(request: web.Request) -> web.Response:
    state = request.app[STATE]
    await state.refresh()
    body, content_type = state.scrape(",".join(request.headers.getall("Accept", ())))
    return web.Response(body=body, headers={"Content-Type": content_type})


async def healthz(_: web.Request) -> web.Response:
    return web.Response(text="ok\n")


async def readyz(request: web.Request) -> web.Response:
    state = request.app[STATE]
    if state.is_draining():
        return web.Response(status=503, text="draining\n")
    if not state.is_ready():
        return web.Response(status=503, text="no connections are accepted\n")
    return web.Response(text="ready\n")


async def status_page(request: web.Request) -> web.Response:
    page = document(await look(request.app[STATE]))
    return web.Response(text=page, content_type="text/html", headers={"Content-Security-Policy": CONTENT_POLICY})


async def status_json(request: web.Request) -> web.Response:
    return as_json(await look(request.app[STATE]))


async def classify(request: web.Request) -> web.Response:
    state = request.app[STATE]
    explain = request.query.get("explain", "").lower() in {"1", "true", "yes"}
    body = await request.read()

    def judge() -> web.Response:
        try:
            answer = json.loads(body)
        except (ValueError, RecursionError):
            return problem(400, "The body is no JSON in UTF-8: send an object with status, headers and body.")
        try:
            return as_json(state.classify(answer, explain=explain))
        except NotAnAnswerError as mistake:
            return problem(400, str(mistake))

    # In a thread, because calls go through the same event loop and a large answer takes milliseconds to judge.
    return await asyncio.to_thread(judge)


async def release_turn(request: web.Request) -> web.Response:
    if await request.app[STATE].quarantine.release(request.match_info["id"]):
        return web.Response(status=204)
    return problem(404, "No turn with this id is in quarantine: it has aged out, or never was.")
