"""The built-in provider: a server on loopback that fails as the model's name says, in the wire shape of the path.

    async with start_provider() as provider:
        ...  # provider.url, and provider.calls: what it received

It speaks each dialect as the real providers do, and knows nothing of the proxy.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import itertools
import json
import re
from collections import Counter, deque
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, assert_never

from aiohttp import web
from multidict import CIMultiDictProxy

from proxy.demo import faults
from proxy.demo.anthropic import Anthropic
from proxy.demo.embeddings import Embeddings
from proxy.demo.gemini import Gemini, as_array
from proxy.demo.openai_chat import OpenAIChat
from proxy.demo.resources import Resources
from proxy.demo.responses import Responses
from proxy.demo.scenario import GOOD, How, Scenario, Wish, wish
from proxy.demo.shape import Document, Refusal, Reply, Shape, dump

KEPT_CALLS: Final = 10_000

_SHAPES: Final[Mapping[str, Shape]] = MappingProxyType(
    {"chat/completions": OpenAIChat(), "responses": Responses(), "messages": Anthropic(), "embeddings": Embeddings()}
)
_GEMINI: Final = Gemini()
_PATH: Final = re.compile(r".*/(?P<shape>chat/completions|responses|messages|embeddings)")
_GEMINI_PATH: Final = re.compile(r".*/models/(?P<model>[^/]+):(?P<streams>stream)?[gG]enerateContent")
_DEPLOYMENT: Final = re.compile(r".*/deployments/(?P<model>[^/]+)/")


@dataclass(frozen=True, slots=True)
class Received:
    """A call as it reached the provider."""

    method: str
    path: str  # with its query, as sent
    headers: CIMultiDictProxy[str]
    body: bytes
    model: str

    @property
    def document(self) -> Any:
        """The body's JSON."""
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class _Call:
    """A generation call, read."""

    http: web.Request
    shape: Shape
    document: Document
    reply: Reply
    streams: bool
    as_array: bool  # Gemini's stream where `alt=sse` was not asked for


class Provider:
    """`wait_s` is the wait that its rate limit states, `slow_s` how late `fail-timeout` answers, `pace_s` the time
    between a stream's events.
    """

    def __init__(self, *, wait_s: float = 7.0, slow_s: float = 30.0, pace_s: float = 0.0) -> None:
        self.wait_s = wait_s
        self.slow_s = slow_s
        self.pace_s = pace_s
        self.url = ""
        self.calls: deque[Received] = deque(maxlen=KEPT_CALLS)
        self._serials = itertools.count(1)
        self.resources = Resources(self._serials)
        self._failures: Counter[bytes] = Counter()
        self._runner: web.AppRunner | None = None

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> str:
        """Listens; returns the base URL, which ends in no slash."""
        app = web.Application(client_max_size=0)
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(
            app, access_log=None, handle_signals=False, handler_cancellation=True, shutdown_timeout=0.1
        )
        await self._runner.setup()
        await web.TCPSite(self._runner, host, port, backlog=4096).start()
        self.url = f"http://{host}:{self._runner.addresses[0][1]}"
        return self.url

    async def close(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    def calls_of(self, model: str) -> list[Received]:
        return [call for call in self.calls if call.model == model]

    # -- one call

    async def _handle(self, http: web.Request) -> web.StreamResponse:
        body = await http.read()
        document = _object(body)
        model, shape, streams, as_array = _read(http, document)
        self.calls.append(Received(http.method, http.raw_path, http.headers, body, model))
        serial = next(self._serials)
        if shape is None:
            status, answer = self.resources.answer(http.method, http.path, len(body))
            return web.json_response(answer, status=status, headers={"x-request-id": f"req_{serial}"})
        call = _Call(http, shape, document, Reply(model, serial), streams, as_array)
        if refusal := shape.stale(document, self.resources.responses):
            return self._refuse(call, refusal)
        wanted = wish(model)
        return await self._play(call, wanted.scenario if self._fails(wanted, http, body) else GOOD)

    def _fails(self, wanted: Wish, http: web.Request, body: bytes) -> bool:
        """Whether this try of a conversation is one that fails; after the good one the count begins anew."""
        if wanted.failures is None:
            return True
        key = hashlib.sha256(http.raw_path.encode() + b"\n" + body).digest()
        if self._failures[key] >= wanted.failures:
            del self._failures[key]
            return False
        self._failures[key] += 1
        return True

    async def _play(self, call: _Call, scenario: Scenario) -> web.StreamResponse:
        """Does what the scenario says."""
        how = scenario.how
        refusal = call.shape.refusals(call.reply.model, self.wait_s).get(scenario.says)
        match how:
            case How.ANSWER | How.BREAK | How.END_EARLY | How.STALL:
                return await self._answer(call, how)
            case How.SLOW:
                await asyncio.sleep(self.slow_s)
                return await self._answer(call, How.ANSWER)
            case How.REFUSE_ORDER:
                fault = call.shape.out_of_order(call.document)
                return await self._answer(call, How.ANSWER) if fault is None else self._refuse(call, fault)
            case How.HANG_UP:
                return faults.hang_up(call.http)
            case How.PAGE:
                return faults.page()
            case How.REFUSE | How.REFUSE_IMAGES | How.REFUSE_IN_200 | How.EVENT_FIRST | How.EVENT_LATER:
                assert refusal is not None, scenario
                return await self._say(call, how, refusal)
            case _:
                assert_never(how)

    async def _say(self, call: _Call, how: How, refusal: Refusal) -> web.StreamResponse:
        if how is How.REFUSE_IMAGES and not call.shape.has_image(call.document):
            return await self._answer(call, How.ANSWER)
        if how is How.REFUSE_IN_200:
            return self._refuse(call, Refusal(200, refusal.body))
        if how in (How.EVENT_FIRST, How.EVENT_LATER) and call.streams:
            good = call.shape.stream(call.reply)
            error = call.shape.error_event(refusal)
            return await self._send(call, [*(good[: len(good) // 2] if how is How.EVENT_LATER else []), error])
        return self._refuse(call, refusal)

    def _refuse(self, call: _Call, refusal: Refusal) -> web.StreamResponse:
        headers = {**dict(refusal.headers), call.shape.request_id: f"req_{call.reply.serial}"}
        return web.Response(
            status=refusal.status, body=dump(refusal.body), content_type="application/json", headers=headers
        )

    async def _answer(self, call: _Call, how: How) -> web.StreamResponse:
        answer = call.shape.answer(call.reply)
        if isinstance(call.shape, Responses) and call.document.get("store") is not False:
            self.resources.store(answer)
        if call.streams:
            return await self._send(call, call.shape.stream(call.reply), how)
        body = dump(answer)
        headers = {"content-type": "application/json", call.shape.request_id: f"req_{call.reply.serial}"}
        halves = [body[: len(body) // 2], body[len(body) // 2 :]]
        # A body whose length was told cannot end early in good order.
        broken = How.BREAK if how is How.END_EARLY else how
        return await faults.send(call.http, halves, headers, how=broken, sized=True)

    async def _send(self, call: _Call, events: Sequence[bytes], how: How = How.ANSWER) -> web.StreamResponse:
        kind = "application/json" if call.as_array else "text/event-stream; charset=utf-8"
        pieces = as_array(events) if call.as_array else events
        headers = {"content-type": kind, call.shape.request_id: f"req_{call.reply.serial}"}
        return await faults.send(call.http, pieces, headers, how=how, pace_s=self.pace_s)


@contextlib.asynccontextmanager
async def start_provider(*, wait_s: float = 7.0, slow_s: float = 30.0, pace_s: float = 0.0) -> AsyncIterator[Provider]:
    """A provider on a free port of loopback."""
    provider = Provider(wait_s=wait_s, slow_s=slow_s, pace_s=pace_s)
    await provider.start()
    try:
        yield provider
    finally:
        await provider.close()


def _read(http: web.Request, document: Document) -> tuple[str, Shape | None, bool, bool]:
    """The model, the shape of a generation call, whether it streams, whether as one JSON array."""
    path = http.path
    if http.method == "POST" and (found := _GEMINI_PATH.fullmatch(path)):
        streams = found["streams"] is not None
        return found["model"], _GEMINI, streams, streams and http.query.get("alt") != "sse"
    deployment = _DEPLOYMENT.match(path)
    model = document.get("model", deployment["model"] if deployment else "")
    found = _PATH.fullmatch(path) if http.method == "POST" else None
    shape = None if found is None else _SHAPES[found["shape"]]
    return str(model), shape, document.get("stream") is True, False


def _object(body: bytes) -> Document:
    try:
        document = json.loads(body)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}
