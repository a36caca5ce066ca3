"""What a page of another origin may do with the proxy's answers (https://fetch.spec.whatwg.org/#http-cors-protocol). Pure.

An upstream's own CORS headers pass as they are; only the proxy's own answers need some.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

PREFLIGHT_S: Final = 600  # how long a browser may remember a preflight's answer


def is_preflight(method: str, read: Mapping[str, str]) -> bool:
    return method == "OPTIONS" and "origin" in read and "access-control-request-method" in read


def allows(origin: str | None, origins: Collection[str]) -> bool:
    return origin is not None and (origin in origins or "*" in origins)


def own_answer(origin: str | None, origins: Collection[str]) -> list[tuple[str, str]]:
    """Headers by which a page may read an answer that the proxy made itself."""
    if origin is None or not allows(origin, origins):
        return []
    return [("access-control-allow-origin", origin), ("vary", "Origin")]


def preflight_answer(read: Mapping[str, str]) -> list[tuple[str, str]]:
    """Allows what the browser asked for: which calls may be made is the upstream's and `allow`'s to say."""
    headers = own_answer(read["origin"], ("*",))
    headers.append(("access-control-allow-methods", read["access-control-request-method"]))
    asked = read.get("access-control-request-headers")
    if asked is not None:
        headers.append(("access-control-allow-headers", asked))
    headers.append(("access-control-max-age", str(PREFLIGHT_S)))
    return headers
