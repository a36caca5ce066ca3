"""Spans as a collector receives them: a real OTLP receiver, the real SDK, calls through the whole proxy."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Iterable
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from proxy.demo.provider import Provider, start_provider
from proxy.report.log import log
from proxy.report.tracing import is_asked_for, open_tracing
from tests.wire import config, running

SECRET, PROMPT = "sk-secret-of-somebody", "the prompt that nobody may read"
TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
CONTEXT = {"traceparent": f"00-{TRACE}-{PARENT}-01", "tracestate": "vendor=of-the-client"}
CHAT = "/v1/chat/completions"


class Collector:
    """Takes what an OTLP exporter posts to /v1/traces."""

    def __init__(self) -> None:
        self.requests: list[ExportTraceServiceRequest] = []
        self.url = ""

    @contextlib.asynccontextmanager
    async def listen(self) -> AsyncIterator[Collector]:
        app = web.Application()
        app.router.add_post("/v1/traces", self._take)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        try:
            yield self
        finally:
            await runner.cleanup()

    async def _take(self, request: web.Request) -> web.Response:
        assert request.content_type == "application/x-protobuf"
        self.requests.append(ExportTraceServiceRequest.FromString(await request.read()))
        return web.Response(
            body=ExportTraceServiceResponse().SerializeToString(), content_type="application/x-protobuf"
        )

    @property
    def spans(self) -> list[Span]:
        return [s for r in self.requests for rs in r.resource_spans for ss in rs.scope_spans for s in ss.spans]

    @property
    def service(self) -> dict[str, Any]:
        return attributes(self.requests[0].resource_spans[0].resource.attributes)


def attributes(pairs: Iterable[KeyValue]) -> dict[str, Any]:
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value") or "") for pair in pairs}


@pytest.fixture
async def collector(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Collector]:
    async with Collector().listen() as collector:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
        yield collector


@pytest.fixture
async def provider() -> AsyncIterator[Provider]:
    async with start_provider(wait_s=0.05) as provider:
        yield provider


async def ask(url: str, model: str, path: str = CHAT, **headers: str) -> str:
    """The answer, read to its end or to where it broke."""
    asked = {"model": model, "messages": [{"role": "user", "content": PROMPT}], "contents": [], "stream": True}
    headers["authorization"] = f"Bearer {SECRET}"
    async with aiohttp.ClientSession() as session:
        text = ""
        with contextlib.suppress(aiohttp.ClientPayloadError):
            async with session.post(url + path, json=asked, headers=headers) as answer:
                async for piece in answer.content.iter_any():
                    text += piece.decode()
        return text


async def call(provider: Provider, model: str, path: str = CHAT, settings: Any = None, **headers: str) -> bytes:
    """One call through a proxy that is closed afterwards, which sends its spans; the metrics before that."""
    quick = {"retry": {"base": "1ms", "cap": "2ms", "max": 2}}
    async with running(config(provider.url, **quick | (settings or {}))) as service:
        await ask(service.data_url, model, path, **headers)
        return service.reporter.scrape("application/openmetrics-text")[0]


async def test_a_good_call_is_a_span_by_the_conventions(collector: Collector, provider: Provider) -> None:
    await call(provider, "gpt-9")
    [span] = collector.spans
    assert (span.name, span.kind) == ("chat gpt-9", Span.SPAN_KIND_CLIENT)
    assert attributes(span.attributes) == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-9",
        "gen_ai.request.stream": True,
        "http.request.method": "POST",
        "http.response.status_code": 200,
        "llm_triage.upstream": "up",
        "server.address": "127.0.0.1",
        "server.port": int(provider.url.rpartition(":")[2]),
    }
    assert span.status.code == Status.STATUS_CODE_UNSET
    assert [event.name for event in span.events] == ["attempt"]
    assert span.end_time_unix_nano > span.start_time_unix_nano
    assert collector.service["service.name"] == "llm-triage"


async def test_every_attempt_is_an_event_and_the_class_is_the_error_type(
    collector: Collector, provider: Provider
) -> None:
    await call(provider, "fail-overloaded")
    [span] = collector.spans
    said = attributes(span.attributes)
    assert (said["error.type"], said["llm_triage.retries"]) == ("overloaded", 2)
    assert said["llm_triage.call_id"]
    assert span.status.code == Status.STATUS_CODE_ERROR
    attempts = [attributes(event.attributes) for event in span.events]
    assert [(a["llm_triage.attempt"], a["error.type"], a["http.response.status_code"]) for a in attempts] == [
        (n, "overloaded", 503) for n in (1, 2, 3)
    ]


async def test_a_retry_that_helped_leaves_a_good_span(collector: Collector, provider: Provider) -> None:
    await call(provider, "fail-then-good-1")
    [span] = collector.spans
    assert ["error.type" in attributes(event.attributes) for event in span.events] == [True, False]
    assert "error.type" not in attributes(span.attributes)


@pytest.mark.parametrize(
    ("model", "path", "name", "cls"),
    [
        ("fail-midstream", CHAT, "chat fail-midstream", "network"),
        ("fail-stream-error-later", "/v1/messages", "chat fail-stream-error-later", "overloaded"),
        ("", "/v1beta/models/fail-budget:generateContent", "generate_content fail-budget", "budget_exhausted"),
        ("", "/v1/files/fail", "POST files", "bad_request"),
    ],
)
async def test_other_kinds_of_calls(
    collector: Collector, provider: Provider, model: str, path: str, name: str, cls: str
) -> None:
    await call(provider, model, path)
    [span] = collector.spans
    assert (span.name, attributes(span.attributes).get("error.type")) == (name, cls)


async def test_a_call_that_the_proxy_refuses_has_a_span(collector: Collector, provider: Provider) -> None:
    await call(provider, "good", settings={"limits": {"body_bytes": 10}}, **CONTEXT)
    [span] = collector.spans
    assert attributes(span.attributes)["llm_triage.reason"] == "body_too_large"
    assert (span.trace_id.hex(), len(span.events)) == (TRACE, 0)


async def test_a_client_that_leaves_ends_its_span(collector: Collector, provider: Provider) -> None:
    async with running(config(provider.url)) as service:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(ask(service.data_url, "fail-stall"), 0.3)
        await asyncio.sleep(0.05)
    [span] = collector.spans
    assert attributes(span.attributes)["llm_triage.outcome"] == "canceled"


async def test_the_clients_trace_goes_on_upstream_through_our_span(collector: Collector, provider: Provider) -> None:
    await call(provider, "fail-then-good-1", **CONTEXT)
    [span] = collector.spans
    assert (span.trace_id.hex(), span.parent_span_id.hex()) == (TRACE, PARENT)
    for received in provider.calls:
        assert received.headers.getall("traceparent") == [f"00-{TRACE}-{span.span_id.hex()}-01"]
        assert received.headers.getall("tracestate") == ["vendor=of-the-client"]


async def test_without_a_clients_trace_one_begins(collector: Collector, provider: Provider) -> None:
    await call(provider, "good", traceparent="nonsense", tracestate="of=nobody")
    [span] = collector.spans
    [received] = provider.calls
    [sent] = received.headers.getall("traceparent")
    assert sent.startswith(f"00-{span.trace_id.hex()}-{span.span_id.hex()}-")
    assert "tracestate" not in received.headers


@pytest.mark.parametrize(
    ("settings", "headers"),
    [({"mode": "observe"}, {}), ({}, {"content-digest": "sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:"})],
    ids=["observed", "signed"],
)
async def test_what_must_not_be_changed_passes_with_the_clients_context(
    collector: Collector, provider: Provider, settings: Any, headers: dict[str, str]
) -> None:
    await call(provider, "good", settings=settings, **CONTEXT, **headers)
    [received] = provider.calls
    assert {name: received.headers[name] for name in CONTEXT} == CONTEXT
    assert len(collector.spans) == 1


async def test_untraced_calls_pass_the_context_on(provider: Provider) -> None:
    await call(provider, "good", **CONTEXT)
    [received] = provider.calls
    assert {name: received.headers[name] for name in CONTEXT} == CONTEXT


@pytest.mark.parametrize("model", ["good", "fail-budget"])
async def test_metrics_lead_to_the_trace(collector: Collector, provider: Provider, model: str) -> None:
    metrics = await call(provider, model, **CONTEXT)
    assert f'# {{trace_id="{TRACE}"}}'.encode() in metrics


async def test_a_trace_that_is_not_sampled_is_passed_on_and_not_sent(collector: Collector, provider: Provider) -> None:
    metrics = await call(provider, "good", traceparent=f"00-{TRACE}-{PARENT}-00")
    assert collector.spans == []
    assert TRACE.encode() not in metrics
    assert provider.calls[0].headers["traceparent"].startswith(f"00-{TRACE}-")
    assert provider.calls[0].headers["traceparent"].endswith("-00")


async def test_neither_prompt_nor_key_is_in_a_span(collector: Collector, provider: Provider) -> None:
    for model in ("good", "fail-auth", "fail-bad-request", "fail-orphan-tool-call"):
        await call(provider, model, f"{CHAT}?api_key={SECRET}")
    sent = b"".join(request.SerializeToString() for request in collector.requests)
    assert len(collector.spans) == 4
    assert SECRET.encode() not in sent
    assert PROMPT.encode() not in sent


async def test_the_environment_names_the_service(
    collector: Collector, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_SERVICE_NAME", "triage-of-team-a")
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test")
    await call(provider, "good")
    assert collector.service["service.name"] == "triage-of-team-a"
    assert collector.service["deployment.environment.name"] == "test"


async def test_a_collector_that_is_away_is_told_once_and_stops_nobody(
    provider: Provider, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1")
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "50")
    caplog.set_level(logging.INFO)
    async with running(config(provider.url)) as service:
        for _ in range(3):
            assert "chat.completion" in await ask(service.data_url, "good")
            await asyncio.sleep(0.1)
    told = [record.getMessage() for record in caplog.records if "spans" in record.getMessage()]
    assert told == ["spans are lost: nobody takes them at OTEL_EXPORTER_OTLP_ENDPOINT"]
    assert "refused" not in caplog.text


@pytest.mark.parametrize(
    ("environ", "asked"),
    [
        ({}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://collector:4318/v1/traces"}, True),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, True),
        ({"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}, False),
        ({"OTEL_SDK_DISABLED": "true", "OTEL_TRACES_EXPORTER": "otlp"}, False),
    ],
)
def test_only_the_environment_asks_for_it(environ: dict[str, str], asked: bool) -> None:
    assert is_asked_for(environ) is asked


def test_what_cannot_be_had_is_told(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, log.name)
    environ = {"OTEL_TRACES_EXPORTER": "otlp"}
    assert open_tracing(environ | {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}) is None
    assert "http/protobuf" in caplog.text
    monkeypatch.setitem(__import__("sys").modules, "proxy.report.otel", None)
    assert open_tracing(environ) is None
    assert "pip install 'llm-triage[otel]'" in caplog.text
