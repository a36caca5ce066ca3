"""A call with a span: what `handler.py` does, watched. Made instead of a plain exchange where calls are traced.

An untraced call pays nothing for this. A traced one has its request parsed for the model's name, if it is sampled.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from typing import Final

import orjson
from aiohttp import web
from opentelemetry.trace import Span, Status, StatusCode, format_trace_id

from proxy.handler import Exchange, Proxy
from proxy.model import Verdict
from proxy.report.event import CallReport
from proxy.report.otel import Tracing, failure, operation_of, provider_of
from proxy.setup import Setup
from proxy.way.amend import is_signed
from proxy.way.ask import Answered, Ask, Attempt
from proxy.way.persist import model_of
from proxy.way.tag import Facts

READ: Final = 1024 * 1024  # bytes of a request that are parsed for its model's name: some 2 ms


def traced(tracing: Tracing) -> Callable[[Proxy, Setup, web.BaseRequest], Exchange]:
    """What begins a call, in the place of `Exchange`."""

    def begin(proxy: Proxy, setup: Setup, http: web.BaseRequest) -> Exchange:
        return TracedExchange(tracing, proxy, setup, http)

    return begin


class TracedExchange(Exchange):
    __slots__ = ("_attempts", "_began_ns", "_span", "_tracing", "trace_id")

    def __init__(self, tracing: Tracing, proxy: Proxy, setup: Setup, http: web.BaseRequest) -> None:
        super().__init__(proxy, setup, http)
        self.trace_id = ""
        self._tracing = tracing
        self._began_ns = time.time_ns()
        self._span: Span | None = None  # begins once it is known where the call goes: samplers look at that
        self._attempts = 0

    async def run(self) -> web.StreamResponse:
        try:
            return await super().run()
        except asyncio.CancelledError:
            self.span().set_attribute("llm_triage.outcome", "canceled")
            raise

    async def attempt(self, ask: Ask) -> Attempt:
        span = self.span()
        # A signature may cover them, and in observe mode nothing is changed.
        if not self._attempts and not ask.target.route.observes and not is_signed(ask.target.headers):
            self._tracing.pass_on(span, ask.target.headers)
        self._attempts += 1
        attempt = await super().attempt(ask)
        if span.is_recording():
            if self._attempts == 1:
                self._name_model(span, ask)  # an upload is whole by now
            facts: dict[str, str | float] = {"llm_triage.attempt": self._attempts}
            if isinstance(attempt.result, Answered):
                facts["http.response.status_code"] = attempt.result.response.status
                span.set_attribute("http.response.status_code", attempt.result.response.status)
            span.add_event("attempt", facts | (failure(attempt.verdict) if attempt.verdict is not None else {}))
        return attempt

    def report(self, facts: Facts, status: int | None, verdict: Verdict | None, provider_request_id: str) -> CallReport:
        report = super().report(facts, status, verdict, provider_request_id)
        span = self.span()
        if span.is_recording():
            span.set_attribute("llm_triage.call_id", facts.call_id)
            if status is not None:
                span.set_attribute("http.response.status_code", status)
            if verdict is not None:
                span.set_attributes(failure(verdict) | {"llm_triage.session_action": str(facts.session.action)})
                span.set_status(Status(StatusCode.ERROR, verdict.reason))
        return report._replace(trace_id=self.trace_id)

    def end(self) -> None:
        super().end()
        span = self.span()
        if self._attempts > 1:
            span.set_attribute("llm_triage.retries", self._attempts - 1)
        span.end()

    def span(self) -> Span:
        if self._span is None:
            self._span = span = self._begin()
            if span.is_recording():
                self.trace_id = format_trace_id(span.get_span_context().trace_id)
        return self._span

    def _begin(self) -> Span:
        method, (upstream, endpoint) = self.http.method, self.labels()
        name = f"{method} {endpoint}"
        facts: dict[str, str | int] = {"http.request.method": method, "llm_triage.upstream": upstream}
        target = self.target
        if target is not None:
            operation = operation_of(endpoint, generates=self.generates())
            if operation:
                name = facts["gen_ai.operation.name"] = operation
                facts["gen_ai.provider.name"] = provider_of(target.route.provider, target.endpoint.dialect)
            facts |= {"server.address": target.route.origin.host or "", "server.port": target.route.origin.port or 0}
        headers = None if self.call is None else self.call.head.passed
        return self._tracing.begin(name, self._began_ns, headers, facts)

    def _name_model(self, span: Span, ask: Ask) -> None:
        operation = operation_of(ask.target.endpoint.label, generates=self.generates())
        if not operation:
            return
        model, streams = asked_of(None if ask.body is None else ask.body.kept(), ask.target.path)
        if model:
            span.update_name(f"{operation} {model}")
            span.set_attribute("gen_ai.request.model", model)
        if streams:
            span.set_attribute("gen_ai.request.stream", True)


def asked_of(body: bytes | None, path: str) -> tuple[str, bool]:
    """The model that a call names, and whether it asks for a stream, as far as that is cheaply known."""
    model, request = model_of(None, path), None
    if body and len(body) <= READ:
        with contextlib.suppress(orjson.JSONDecodeError):
            request = orjson.loads(body)
    if not isinstance(request, dict):
        return model, ":stream" in path
    named = request.get("model")
    return named[:200] if named and isinstance(named, str) else model, request.get(
        "stream"
    ) is True or ":stream" in path
