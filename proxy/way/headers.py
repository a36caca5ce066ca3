"""Which headers pass, by name, in both directions. Pure; what their values mean is other files' matter.

Header names repeat from call to call, so what is known of a name is looked up once and remembered: one dictionary
access a header is all that a good call pays.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from multidict import CIMultiDict, istr

RawHeaders = Sequence[tuple[bytes, bytes]]

# RFC 9110, 7.6.1, and what older peers still send.
HOP_BY_HOP: Final = frozenset(
    b"connection keep-alive proxy-connection te trailer transfer-encoding upgrade proxy-authorization".split()
)
# What tells the provider about the client's network, its browser or another trace's baggage.
CLIENT_INFO: Final = frozenset(b"forwarded x-real-ip via true-client-ip cf-connecting-ip baggage cookie".split())
OURS: Final = b"x-llm-"

# Headers that the proxy itself reads from a request.
READ_HERE: Final = frozenset(
    {
        "connection",
        "upgrade",
        "expect",
        "content-length",
        "transfer-encoding",
        "origin",
        "access-control-request-method",
        "access-control-request-headers",
        "authorization",
        "x-api-key",
        "api-key",
        "x-goog-api-key",
        "sec-websocket-protocol",
        "x-stainless-read-timeout",
        "x-stainless-timeout",
        "x-stainless-retry-count",
        "content-digest",
        "content-encoding",
        "content-type",
    }
)

MEMORY: Final = 4096  # names remembered; a client that invents names must not fill the memory


@dataclass(slots=True)
class RequestHead:
    """A request's headers, sorted: what passes upstream, and what the proxy acts on (lower-case names, last value).

    `Host` passes for its place alone, the first by custom: `address.py` writes the upstream's over it.
    """

    passed: CIMultiDict[str]
    read: dict[str, str]
    size: int  # bytes of names and values


class RequestFilter:
    """Sorts a request's headers. `forward_client` lets through what tells about the client."""

    def __init__(self, *, forward_client: bool) -> None:
        self._forward_client = forward_client
        self._known: dict[bytes, tuple[istr | None, str | None]] = {}

    def sort(self, raw: RawHeaders) -> RequestHead:
        """Raises UnicodeDecodeError for a value that is not UTF-8, which aiohttp would shorten in silence."""
        passed: CIMultiDict[str] = CIMultiDict()
        read: dict[str, str] = {}
        size = 0
        known = self._known
        add = passed.add
        for name, value in raw:
            size += len(name) + len(value)
            passes_as, read_as = known.get(name) or self._learn(name)
            text = value.decode()
            if passes_as is not None:
                add(passes_as, text)
            if read_as is not None:
                read[read_as] = text if read_as not in read else f"{read[read_as]}, {text}"
        connection = read.get("connection")
        if connection is not None:
            drop_named(passed, connection)
        return RequestHead(passed, read, size)

    def _learn(self, name: bytes) -> tuple[istr | None, str | None]:
        lower = name.lower()
        text = lower.decode("ascii")
        if lower in HOP_BY_HOP or lower == b"expect" or lower.startswith(OURS):
            passes = False
        elif lower in CLIENT_INFO or lower.startswith(b"x-forwarded-"):
            passes = self._forward_client
        else:
            passes = True
        entry = (istr(text) if passes else None, text if text in READ_HERE or lower.startswith(OURS) else None)
        if len(self._known) < MEMORY:
            self._known[bytes(name)] = entry
        return entry


def drop_named(headers: CIMultiDict[str], connection: str) -> None:
    """Removes what a `Connection` header names (RFC 9110, 7.6.1)."""
    if connection.lower() in ("keep-alive", "close"):
        return
    for token in connection.split(","):
        headers.popall(token.strip(), None)


@dataclass(slots=True)
class AnswerHead:
    """An answer's headers as they go to the client, and those that decide how its body is framed and watched."""

    lines: list[bytes]  # name, value and line end of each header that passes, flattened
    length: int | None  # Content-Length where the body has one
    content_type: bytes
    coding: bytes  # Content-Encoding; b"" where there is none


# Answers: the bytes "name: " to write, or None to drop; and what the proxy reads.
_ANSWER_HOP: Final = HOP_BY_HOP - {b"proxy-authorization"} | {b"proxy-authenticate"}
_ANSWER_READ: Final = frozenset((b"connection", b"content-length", b"content-type", b"content-encoding"))


class AnswerFilter:
    """Sorts an answer's headers. Values keep their bytes, names their spelling."""

    def __init__(self) -> None:
        self._known: dict[bytes, tuple[bytes | None, bytes | None]] = {}

    def sort(self, raw: RawHeaders, *, without: frozenset[bytes] = frozenset()) -> AnswerHead:
        """`without` names, in lower case, further headers to leave out: those that a tag replaces."""
        lines: list[bytes] = []
        read: dict[bytes, bytes] = {}
        known = self._known
        for name, value in raw:
            prefix, read_as = known.get(name) or self._learn(name)
            if read_as is not None:
                read[read_as] = value if read_as not in read else read[read_as] + b", " + value
            if prefix is not None and not (without and name.lower() in without):
                lines += (prefix, value, b"\r\n")
        length = None
        if read:
            connection = read.get(b"connection")
            if connection is not None and connection.lower() not in (b"keep-alive", b"close"):
                lines = _without_named(lines, connection)
            stated = read.get(b"content-length")
            if stated is not None and stated.isdigit():
                length = int(stated)
        return AnswerHead(lines, length, read.get(b"content-type", b""), read.get(b"content-encoding", b""))

    def _learn(self, name: bytes) -> tuple[bytes | None, bytes | None]:
        lower = name.lower()
        dropped = lower in _ANSWER_HOP or lower.startswith(OURS)
        entry = (None if dropped else bytes(name) + b": ", lower if lower in _ANSWER_READ else None)
        if len(self._known) < MEMORY:
            self._known[bytes(name)] = entry
        return entry


def _without_named(lines: list[bytes], connection: bytes) -> list[bytes]:
    named = {token.strip().lower() + b": " for token in connection.split(b",")} - {b"content-length: "}
    kept: list[bytes] = []
    for start in range(0, len(lines), 3):
        if lines[start].lower() not in named:
            kept += lines[start : start + 3]
    return kept


def lines_of(headers: Iterable[tuple[str, str]]) -> bytes:
    """Header lines for values of our own: ASCII by construction, checked all the same."""
    return "".join([f"{name}: {value}\r\n" for name, value in headers]).encode("ascii")
