"""The text of a body: content coding undone with bounded output, then decoded. Leaves all meaning to others."""

from __future__ import annotations

import zlib
from importlib import import_module
from typing import Any, Final


def _optional(name: str) -> Any:
    """The codings beyond zlib's are an optional install; without it their bodies stay unread."""
    try:
        return import_module(name)
    except ImportError:
        return None


brotli: Final = _optional("brotli")
zstandard: Final = _optional("zstandard")

MAX_TEXT: Final = 256 * 1024
_PLAIN_STARTS: Final = (b"{", b"[", b"<")
_GZIP_OR_ZLIB: Final = 47
_RAW_DEFLATE: Final = -15


def text_of(body: bytes, coding: str) -> str:
    """At most `MAX_TEXT` characters of a body; what cannot be decoded is replaced, never refused."""
    if not coding and len(body) <= MAX_TEXT and body[:1] in _PLAIN_STARTS:
        return body.decode("utf-8", "replace")
    for name in reversed([part.strip().lower() for part in coding.split(",") if part.strip()][:4]):
        body = _undo(name, body)
    body = body[:MAX_TEXT]
    if body.startswith((b"\xff\xfe", b"\xfe\xff")):
        return body.decode("utf-16", "replace")
    return body.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "replace")


def _undo(coding: str, body: bytes) -> bytes:
    """A broken or unknown coding gives what could be read of it: a head cut off is the usual case."""
    match coding:
        case "gzip" | "x-gzip":
            return _inflate(body, _GZIP_OR_ZLIB)
        case "deflate":
            # Some servers send raw deflate under this name (RFC 9110, 8.4.1.2).
            return _inflate(body, _GZIP_OR_ZLIB) or _inflate(body, _RAW_DEFLATE)
        case "br":
            return _brotli(body)
        case "zstd":
            return _zstd(body)
        case _:
            return body


def _inflate(body: bytes, window_bits: int) -> bytes:
    if window_bits == _GZIP_OR_ZLIB and body[:1] not in (b"\x1f", b"\x78", b"\x58", b"\x38", b"\x18"):
        return b"" if body[:1] not in (b"{", b"[", b"<") else body  # says it is compressed, and is not
    try:
        return zlib.decompressobj(window_bits).decompress(body, MAX_TEXT)
    except zlib.error:
        return b""


def _brotli(body: bytes) -> bytes:
    if brotli is None:
        return b""
    decoder: Any = brotli.Decompressor()
    out = b""
    try:
        # Fed in pieces: older releases cannot bound their output, and a bomb must stop early.
        for start in range(0, len(body), 64):
            out += decoder.process(body[start : start + 64])
            if len(out) >= MAX_TEXT:
                break
    except brotli.error:
        pass
    return out


def _zstd(body: bytes) -> bytes:
    if zstandard is None:
        return b""
    try:
        with zstandard.ZstdDecompressor(max_window_size=8 * 1024 * 1024).stream_reader(body) as reader:
            return bytes(reader.read(MAX_TEXT))
    except zstandard.ZstdError:
        return b""
