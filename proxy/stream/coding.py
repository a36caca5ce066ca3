"""Compressed streams, decoded as they come, to be looked at: what goes to the client stays as the provider coded it.

br and zstd are there where their libraries are (extra `codings`). What one read may inflate to is bounded: beyond it, and
on bytes that are none of the coding's, the decoder gives up and the stream passes unseen.
"""

from __future__ import annotations

import importlib
import zlib
from collections.abc import Callable
from typing import Any, Final, Protocol

_MOST: Final = 1024 * 1024  # bytes that one read may inflate to


class GivenUp(Exception):  # noqa: N818 - no error: the stream is watched no further
    """The bytes cannot be, or are not worth being, decoded."""


class Decoder(Protocol):
    """Bytes in, what they decode to so far out."""

    def decode(self, data: bytes) -> bytes: ...


class _Zlib:
    """gzip, also of several members, and deflate with or without zlib's own header."""

    __slots__ = ("_bits", "_inflate")

    def __init__(self, bits: int) -> None:
        self._bits = bits
        self._inflate = zlib.decompressobj(bits)

    def decode(self, data: bytes) -> bytes:
        try:
            plain = self._pieces(data)
        except zlib.error:
            if self._bits != zlib.MAX_WBITS:
                raise GivenUp from None
            # "deflate" is zlib's format by RFC 9110, 8.4.1.2, which many servers get wrong.
            self._bits = -zlib.MAX_WBITS
            self._inflate = zlib.decompressobj(self._bits)
            try:
                plain = self._pieces(data)
            except zlib.error:
                raise GivenUp from None
        return plain

    def _pieces(self, data: bytes) -> bytes:
        plain = b""
        while True:
            plain += self._inflate.decompress(data, _MOST - len(plain) + 1)
            if self._inflate.unconsumed_tail or len(plain) > _MOST:
                raise GivenUp
            data = self._inflate.unused_data
            if not data:
                return plain
            self._inflate = zlib.decompressobj(self._bits)


class _Library:
    """A decompressor of another library."""

    __slots__ = ("_decompress", "_error")

    def __init__(self, decompress: Callable[[bytes], bytes], error: type[Exception]) -> None:
        self._decompress = decompress
        self._error = error

    def decode(self, data: bytes) -> bytes:
        try:
            plain = self._decompress(data)
        except self._error:
            raise GivenUp from None
        if len(plain) > _MOST:
            raise GivenUp
        return plain


def _brotli() -> Decoder | None:
    library = _library("brotli")
    if library is None:
        return None
    decompressor = library.Decompressor()

    def decompress(data: bytes) -> bytes:
        plain: bytes = decompressor.process(data, output_buffer_limit=_MOST)
        if not decompressor.can_accept_more_data():
            raise GivenUp
        return plain

    return _Library(decompress, library.error)


def _zstd() -> Decoder | None:
    library = _library("zstandard")
    if library is None:
        return None
    # 8 MiB is what RFC 9659 lets a sender ask for.
    decompressor = library.ZstdDecompressor(max_window_size=8 * 1024 * 1024).decompressobj(read_across_frames=True)
    return _Library(decompressor.decompress, library.ZstdError)


def _library(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


_DECODERS: Final[dict[str, Callable[[], Decoder | None]]] = {
    "gzip": lambda: _Zlib(16 + zlib.MAX_WBITS),
    "x-gzip": lambda: _Zlib(16 + zlib.MAX_WBITS),
    "deflate": lambda: _Zlib(zlib.MAX_WBITS),
    "br": _brotli,
    "zstd": _zstd,
}


def decoder_of(coding: str) -> Decoder | None:
    """A decoder for a Content-Encoding; None for several at once, and where nothing here knows it."""
    make = _DECODERS.get(coding.strip().lower())
    return make() if make is not None else None
