"""How the admin port says no: JSON with a sentence that tells what to do, and headers that fit every answer."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from aiohttp import web

from proxy.report.log import log

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

SECURITY_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
}
NO_CONTENT_POLICY: Final = "default-src 'none'; frame-ancestors 'none'"


def as_json(value: Mapping[str, object], status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    return web.Response(
        text=json.dumps(value, default=str) + "\n", status=status, content_type="application/json", headers=headers
    )


def problem(status: int, sentence: str, headers: Mapping[str, str] | None = None) -> web.Response:
    return as_json({"error": {"status": status, "message": sentence}}, status, headers)


async def harden(_: web.Request, response: web.StreamResponse) -> None:
    """To be called by on_response_prepare."""
    for name, value in SECURITY_HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers.setdefault("Content-Security-Policy", NO_CONTENT_POLICY)
    # The version of an HTTP library is of use to an attacker only.
    response.headers["Server"] = "llm-triage"


@web.middleware
async def explain_refusals(request: web.Request, handler: Handler) -> web.StreamResponse:
    """What the framework refuses, and our own faults, in the same words and shape as the rest."""
    try:
        return await handler(request)
    except web.HTTPMethodNotAllowed as refused:
        allowed = ", ".join(sorted(refused.allowed_methods))
        return problem(405, f"This path takes {allowed}.", {"Allow": allowed})
    except web.HTTPNotFound:
        paths = sorted({resource.canonical for resource in request.app.router.resources()})
        return problem(404, f"No such path. There are {', '.join(paths)}.")
    except web.HTTPRequestEntityTooLarge:
        return problem(413, "The body is too large: send the answer's head, 1 MiB at most.")
    except web.HTTPException as refused:
        return problem(refused.status, refused.reason)
    except Exception:  # noqa: BLE001 - a bug here must not show a page with its text
        log.exception("admin request failed", extra={"facts": {"path": _route(request)}})
        return problem(500, "The admin port failed on this request; its log says where.")


def _route(request: web.Request) -> str:
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else ""
