"""Lines of an input, in batches: what one read brought, so that a writer who waits for an answer gets it at once.

Bounded: a line that is longer than it may be is let go as it comes, and told as None.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from typing import Final, Protocol

_READ_BYTES: Final = 64 * 1024
_MARKS: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


class Source(Protocol):
    def read1(self, size: int, /) -> bytes:
        """What is there, at most so much; waits only where nothing is there. Empty at the end."""


def batches(source: Source, most: int) -> Iterator[list[bytes | None]]:
    """The lines that each read completes, without their ends; None for one of more than `most` bytes."""
    begun = bytearray()
    size = 0
    for chunk in _utf8(source):
        *ends, rest = chunk.split(b"\n")
        batch: list[bytes | None] = []
        for end in ends:
            batch.append(bytes(begun) + end if size + len(end) <= most else None)
            begun.clear()
            size = 0
        size += len(rest)
        if size <= most:
            begun += rest
        else:
            begun.clear()
        if batch:
            yield batch
    if size:
        yield [bytes(begun) if size <= most else None]


def _utf8(source: Source) -> Iterator[bytes]:
    """An input as UTF-8: PowerShell's `>` writes UTF-16, with a mark."""
    first = source.read1(_READ_BYTES)
    decoder = codecs.getincrementaldecoder("utf-16")("replace") if first.startswith(_MARKS) else None
    chunk = first
    while chunk:
        yield decoder.decode(chunk).encode("utf-8", "replace") if decoder else chunk
        chunk = source.read1(_READ_BYTES)
