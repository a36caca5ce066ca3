"""Whether calls are traced: where OpenTelemetry's own variables ask for it and the extra `llm-triage[otel]` is there.

https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/ — nothing is asked for by default, so
that a process without a collector does not knock at one. What a span says is `otel.py`'s.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from proxy.report.log import log

if TYPE_CHECKING:
    from proxy.report.otel import Tracing

_ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_PROTOCOLS: Final = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
_SPOKEN: Final = "http/protobuf"


def is_asked_for(environ: Mapping[str, str]) -> bool:
    if environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return False
    exporter = environ.get("OTEL_TRACES_EXPORTER", "").strip().lower()
    return exporter == "otlp" or (not exporter and any(environ.get(name) for name in _ENDPOINTS))


def open_tracing(environ: Mapping[str, str] = os.environ) -> Tracing | None:
    """None where calls are not traced. Tracing that cannot be had stops nobody."""
    if not is_asked_for(environ):
        return None
    protocol = next((environ[name] for name in _PROTOCOLS if environ.get(name)), _SPOKEN)
    if protocol != _SPOKEN:
        log.warning(f"calls are not traced: {_SPOKEN} is the only OTLP protocol that is spoken here")
        return None
    try:
        from proxy.report.otel import Tracing  # noqa: PLC0415 - an extra
    except ModuleNotFoundError:
        log.warning("calls are not traced, the extra is missing: pip install 'llm-triage[otel]'")
        return None
    return Tracing(environ)
