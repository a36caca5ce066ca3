"""The admin port: metrics and health for machines, the status for people, and verdicts on answers from elsewhere.

Never on the data port. `build` makes the application from `AdminState` alone; whoever serves it owns the socket.
"""

from __future__ import annotations

from aiohttp import web

from proxy.admin import events, paths
from proxy.admin.problem import explain_refusals, harden
from proxy.admin.state import (
    STATE,
    AdminSettings,
    AdminState,
    Classifier,
    NotAnAnswerError,
    Quarantine,
    QuarantinedTurn,
)

__all__ = [
    "AdminSettings", "AdminState", "Classifier", "NotAnAnswerError", "Quarantine", "QuarantinedTurn", "build",
]  # fmt: skip


def build(state: AdminState) -> web.Application:
    app = web.Application(middlewares=[explain_refusals], client_max_size=paths.MAX_BODY_BYTES)
    app[STATE] = state
    app[events.WATCHERS] = events.Watchers()
    app.on_response_prepare.append(harden)
    app.on_shutdown.append(events.close)
    app.add_routes(
        [
            web.get("/metrics", paths.metrics),
            web.get("/healthz", paths.healthz),
            web.get("/readyz", paths.readyz),
            web.get("/status", paths.guarded(paths.status_page)),
            web.get("/status.json", paths.guarded(paths.status_json)),
            web.get("/status/events", paths.guarded(events.watch), allow_head=False),
            web.post("/classify", paths.guarded(paths.classify)),
            web.delete("/quarantine/{id}", paths.guarded(paths.release_turn)),
        ]
    )
    return app
