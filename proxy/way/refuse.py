"""What the proxy answers itself: which status a reason has, and the bytes of the answer. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from types import MappingProxyType
from typing import Final

# The status of each failure that the proxy answers itself, by its reason.
STATUS: Final[Mapping[str, int]] = MappingProxyType(
    {
        "dns": 502,
        "refused": 502,
        "tls": 502,
        "reset": 502,
        "bad_answer": 502,
        "truncated_stream": 502,
        "connect": 504,
        "first_byte": 504,
        "total": 504,
        "head": 408,
        "upload_idle": 408,
        "method_not_allowed": 405,
        "malformed": 400,
        "head_too_large": 431,
        "missing_credential": 401,
        "body_too_large": 413,
        "proxy_busy": 503,
        "draining": 503,
        "unknown_client": 401,
        "not_allowed": 403,
        "no_upstream": 404,
        "proxy_fault": 500,
    }
)

# How long a client should stay away from a proxy that is busy or about to stop.
RETRY_AFTER_S: Final[Mapping[str, int]] = MappingProxyType({"proxy_busy": 1, "draining": 1})


@dataclass(frozen=True, slots=True)
class Refusal:
    """The proxy does not pass the call on: a reason of its own table."""

    reason: str

    @property
    def status(self) -> int:
        return STATUS[self.reason]


def answer(
    status: int, headers: Sequence[tuple[str, str]], body: bytes, *, minor: int = 1, is_head: bool = False, keep: bool
) -> bytes:
    """An answer of the proxy's own, whole. `minor` is the client's HTTP/1 version; HEAD gets no body."""
    lines = [f"HTTP/1.{minor} {status} {HTTPStatus(status).phrase}"]
    lines += [f"{name}: {value}" for name, value in headers]
    if status != HTTPStatus.NO_CONTENT:
        lines += ["content-type: application/json", f"content-length: {len(body)}"]
    if not keep:
        lines.append("connection: close")
    elif minor == 0:
        lines.append("connection: keep-alive")
    # What a browser's preflight asked for is repeated, and need not be ASCII.
    head = "\r\n".join(lines).encode() + b"\r\n\r\n"
    return head if is_head else head + body
