"""One span a call, by OpenTelemetry's conventions for generative AI, sent as OTLP over HTTP.

https://github.com/open-telemetry/semantic-conventions-genai/blob/main/docs/gen-ai/client-inference.md — the span covers
the call with all its attempts, which are events; `error.type` is the class. Endpoint, sampling, batches and service name
are the environment's (OTEL_*). No text of a request or an answer, no path, header or address of a caller is recorded.
When a span begins and ends is up to `proxy/traced.py`.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from multidict import CIMultiDict
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.propagators.textmap import Getter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import Span, SpanKind, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from proxy.model import Dialect, Provider, Verdict
from proxy.report.log import log
from proxy.version import VERSION

CONTEXT: Final = ("traceparent", "tracestate")  # https://www.w3.org/TR/trace-context/
_CLOSE_S: Final = 3.0  # what the end of the process may wait for the last spans

_OPERATIONS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "chat_completions": "chat",
        "completions": "text_completion",
        "responses": "chat",
        "messages": "chat",
        "embeddings": "embeddings",
        "gemini_generate": "generate_content",
        "vertex_predict": "generate_content",
        "bedrock_invoke": "chat",
        "bedrock_converse": "chat",
        "ollama_chat": "chat",
        "ollama_generate": "text_completion",
        "chat": "chat",
    }
)
# Where the convention's word is another than ours.
_PROVIDERS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "azure": "azure.ai.openai",
        "bedrock": "aws.bedrock",
        "gemini": "gcp.gemini",
        "mistral": "mistral_ai",
        "moonshot": "moonshot_ai",
        "vertex": "gcp.vertex_ai",
        "xai": "x_ai",
    }
)
_FLAVOURS: Final[Mapping[Dialect | None, str]] = MappingProxyType(
    {Dialect.ANTHROPIC: "anthropic", Dialect.GEMINI: "gcp.gen_ai"}
)


class Tracing:
    """Of one process."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        # Its lines hold other people's exceptions and come with every batch; `_Sent` tells what matters of them.
        logging.getLogger("opentelemetry.exporter").setLevel(logging.CRITICAL + 1)
        self._provider = TracerProvider(resource=Resource.create(_names(environ)), shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(_Sent(OTLPSpanExporter())))
        self._tracer = self._provider.get_tracer("llm-triage", VERSION)
        self._w3c = TraceContextTextMapPropagator()

    def begin(
        self, name: str, began_ns: int, headers: CIMultiDict[str] | None, attributes: Mapping[str, str | int | bool]
    ) -> Span:
        """A span below the one that the request's headers name, if they name one."""
        parent = Context() if headers is None else self._w3c.extract(headers, Context(), _GETTER)
        return self._tracer.start_span(
            name, parent, kind=SpanKind.CLIENT, attributes=attributes, start_time=began_ns, record_exception=False
        )

    def pass_on(self, span: Span, headers: CIMultiDict[str]) -> None:
        """What goes upstream is below our span."""
        for name in CONTEXT:
            headers.popall(name, None)
        self._w3c.inject(headers, set_span_in_context(span, Context()))

    async def close(self) -> None:
        """Sends what is left, for a while: a collector that does not answer must not keep the process."""
        ending = threading.Thread(target=self._provider.shutdown, daemon=True)
        ending.start()
        async with asyncio.timeout(_CLOSE_S + 1.0):
            await asyncio.to_thread(ending.join, _CLOSE_S)


class _Sent(SpanExporter):
    """Tells once that spans are not taken, and once that they are again."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter
        self._fails = False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        result = self._exporter.export(spans)
        fails = result is not SpanExportResult.SUCCESS
        if fails is not self._fails:
            self._fails = fails
            if fails:
                log.warning("spans are lost: nobody takes them at OTEL_EXPORTER_OTLP_ENDPOINT")
            else:
                log.info("spans are taken again")
        return result

    def shutdown(self) -> None:
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        return self._exporter.force_flush(timeout_millis)


class _Headers(Getter[CIMultiDict[str]]):
    def get(self, carrier: CIMultiDict[str], key: str) -> list[str] | None:
        return carrier.getall(key, None)

    def keys(self, carrier: CIMultiDict[str]) -> list[str]:
        return list(carrier)


_GETTER: Final = _Headers()


def operation_of(endpoint: str, *, generates: bool) -> str:
    """The convention's word for a call that generates or embeds; "" for any other, and for a kind it has no word for."""
    return _OPERATIONS.get(endpoint, "") if generates else ""


def provider_of(provider: Provider, dialect: Dialect | None) -> str:
    """The convention's word for a provider; of an unknown one, for the manner in which it is spoken to."""
    return _PROVIDERS.get(provider.name, provider.name) or _FLAVOURS.get(dialect, "openai")


def failure(verdict: Verdict) -> dict[str, str | float]:
    """What is said of a failure, on a span and on an attempt."""
    facts: dict[str, str | float] = {
        "error.type": str(verdict.cls),
        "llm_triage.reason": verdict.reason,
        "llm_triage.source": str(verdict.source),
        "llm_triage.rule": verdict.rule,
    }
    if verdict.wait is not None:
        facts["llm_triage.wait_s"] = round(verdict.wait.seconds, 3)
    return facts


def _names(environ: Mapping[str, str]) -> dict[str, str]:
    """What the environment says of the service outranks this."""
    is_named = environ.get("OTEL_SERVICE_NAME") or "service.name=" in environ.get("OTEL_RESOURCE_ATTRIBUTES", "")
    return {"service.version": VERSION} | ({} if is_named else {"service.name": "llm-triage"})
