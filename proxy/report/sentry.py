"""Errors go to Sentry too, where SENTRY_DSN names one: one event for an outage or a fault, with the facts of its line.

What is an error, and that an outage is one, is up to `reporter.py`. The SDK's own integrations stay off: they collect
local variables, headers and the lines before, in which prompts and keys may stand. An extra: `llm-triage[sentry]`.
"""

from __future__ import annotations

import atexit
import logging
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from sentry_sdk.transport import Transport

DSN: Final = "SENTRY_DSN"
_FLUSH_S: Final = 2.0  # what the end of the process may wait for the last event

# What makes two errors one issue beside the line's name; all of it from closed or configured sets.
_SAME: Final = ("upstream", "class", "reason", "type", "place")


class SentryHandler(logging.Handler):
    """Sends our own records from error on, each as one event."""

    def __init__(self, dsn: str, transport: type[Transport] | None = None) -> None:
        """Raises ModuleNotFoundError without the extra, ValueError for a DSN that is none."""
        from sentry_sdk import Client  # noqa: PLC0415 - an extra

        super().__init__(logging.ERROR)
        self.client: Any = Client(
            dsn=dsn,
            transport=transport,
            default_integrations=False,
            auto_enabling_integrations=False,
            include_local_variables=False,
            include_source_context=False,
            max_breadcrumbs=0,
            auto_session_tracking=False,
            send_client_reports=False,
        )

    def emit(self, record: logging.LogRecord) -> None:
        facts: Mapping[str, object] = getattr(record, "facts", {})
        event = record.getMessage()
        same = [str(facts[name]) for name in _SAME if name in facts]
        kind = record.exc_info[0].__qualname__ if record.exc_info and record.exc_info[0] else ""
        self.client.capture_event(
            {
                "message": event,
                "level": record.levelname.lower(),
                "logger": record.name,
                "fingerprint": [event, *same, *([kind] if kind else [])],
                "tags": {name: str(facts[name]) for name in _SAME if name in facts},
                "extra": dict(facts) | ({"exception": kind} if kind else {}),
            }
        )

    def close(self) -> None:
        self.client.close(timeout=_FLUSH_S)
        super().close()


def attach(log: logging.Logger, environ: Mapping[str, str] = os.environ) -> None:
    """Once a process, where it is asked for. A reporter of errors that cannot be had stops nobody."""
    dsn = environ.get(DSN)
    if not dsn or any(isinstance(handler, SentryHandler) for handler in log.handlers):
        return
    try:
        handler = SentryHandler(dsn)
    except ModuleNotFoundError:
        log.warning("SENTRY_DSN is set, but the extra is missing: pip install 'llm-triage[sentry]'")
    except ValueError:
        log.warning("SENTRY_DSN is no DSN: nothing is sent to Sentry")
    else:
        log.addHandler(handler)
        atexit.register(handler.close)
