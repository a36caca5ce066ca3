"""Compressed streams are decoded as they come, in bounds, or not at all."""

from __future__ import annotations

import gzip
import zlib

import brotli
import pytest
import zstandard

from proxy.stream.coding import GivenUp, decoder_of

TEXT = b"".join(b'data: {"choices":[{"index":0,"delta":{"content":"%d"}}]}\n\n' % n for n in range(50))


def raw_deflate(data: bytes) -> bytes:
    squeeze = zlib.compressobj(wbits=-15)
    return squeeze.compress(data) + squeeze.flush()


CODED = {
    "gzip": gzip.compress(TEXT),
    "x-gzip": gzip.compress(TEXT[:100]) + gzip.compress(TEXT[100:]),
    "deflate": zlib.compress(TEXT),
    "Deflate": raw_deflate(TEXT),
    "br": brotli.compress(TEXT),
    "zstd": zstandard.compress(TEXT),
}


@pytest.mark.parametrize("coding", CODED)
@pytest.mark.parametrize("size", [1, 7, 100_000])
def test_cut_anywhere(coding, size):
    decoder = decoder_of(coding)
    assert decoder is not None
    coded = CODED[coding]
    assert b"".join(decoder.decode(coded[at : at + size]) for at in range(0, len(coded), size)) == TEXT


def test_what_was_flushed_is_there_at_once():
    squeeze = zlib.compressobj(wbits=31)
    decoder = decoder_of("gzip")
    assert decoder is not None
    for _ in range(3):
        assert decoder.decode(squeeze.compress(TEXT) + squeeze.flush(zlib.Z_SYNC_FLUSH)) == TEXT


@pytest.mark.parametrize("coding", CODED)
def test_garbage_gives_up(coding):
    decoder = decoder_of(coding)
    assert decoder is not None
    with pytest.raises(GivenUp):
        decoder.decode(b"\xff\xfe this is not compressed at all \x00" * 50)


@pytest.mark.parametrize(("coding", "squeeze"), [
    ("gzip", gzip.compress), ("deflate", zlib.compress), ("br", brotli.compress), ("zstd", zstandard.compress),
])  # fmt: skip
def test_a_bomb_gives_up(coding, squeeze):
    decoder = decoder_of(coding)
    assert decoder is not None
    with pytest.raises(GivenUp):
        decoder.decode(squeeze(bytes(20_000_000)))


@pytest.mark.parametrize("coding", ["gzip, br", "compress", "aws-chunked", ""])
def test_others_are_not_known(coding):
    assert decoder_of(coding) is None
