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

    __slots__ = ("_bits", "_head", "_inflate")

    def __init__(self, bits: int | None) -> None:
        """`bits`: zlib's word for the format; None: whichever deflate the first two bytes tell."""
        self._bits = bits
        self._head = b""
        self._inflate = zlib.decompressobj(bits or zlib.MAX_WBITS)

    def decode(self, data: bytes) -> bytes:
        if self._bits is None:
            data = self._head + data
            if len(data) < 2:
                self._head = data
                return b""
            # "deflate" is zlib's format by RFC 9110, 8.4.1.2, which many servers get wrong. RFC 1950, 2.2: its header.
            is_zlib = data[0] & 15 == 8 and int.from_bytes(data[:2], "big") % 31 == 0
            self._bits = zlib.MAX_WBITS if is_zlib else -zlib.MAX_WBITS
            self._inflate = zlib.decompressobj(self._bits)
        try:
            return self._pieces(data, self._bits)
        except zlib.error:
            raise GivenUp from None

    def _pieces(self, data: bytes, bits: int) -> bytes:
        plain = b""
        while True:
            plain += self._inflate.decompress(data, _MOST - len(plain) + 1)
            if self._inflate.unconsumed_tail or len(plain) > _MOST:
                raise GivenUp
            data = self._inflate.unused_data
            if not data:
                return plain
            self._inflate = zlib.decompressobj(bits)


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
    "deflate": lambda: _Zlib(None),
    "br": _brotli,
    "zstd": _zstd,
}


def decoder_of(coding: str) -> Decoder | None:
    """A decoder for a Content-Encoding; None for several at once, and where nothing here knows it."""
    make = _DECODERS.get(coding.strip().lower())
    return make() if make is not None else None
