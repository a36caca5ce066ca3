"""Lines in batches: however the input is cut, the same lines; what a read completes is given before the next one waits."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.commands.lines import batches


class Reads:
    """An input whose reads bring what they are told to."""

    def __init__(self, chunks: Sequence[bytes]) -> None:
        self._chunks: Iterator[bytes] = iter([*(chunk for chunk in chunks if chunk), b""])
        self.count = 0

    def read1(self, _size: int, /) -> bytes:
        self.count += 1
        return next(self._chunks)


def lines(*chunks: bytes, most: int = 100) -> list[bytes | None]:
    return [line for batch in batches(Reads(chunks), most) for line in batch]


def test_a_batch_is_given_before_the_next_read() -> None:
    source = Reads([b"a\nb\nc", b"c\n", b"d"])
    found = batches(source, 100)
    assert (next(found), source.count) == ([b"a", b"b"], 1)
    assert (next(found), source.count) == ([b"cc"], 2)
    assert list(found) == [[b"d"]]


@given(
    st.lists(st.sampled_from([b"", b"a", b"bb", b"ccc", b"dddd"]), max_size=8), st.lists(st.integers(1, 5), max_size=30)
)
def test_however_it_is_cut(parts: list[bytes], sizes: list[int]) -> None:
    text = b"\n".join(parts)
    whole = io.BytesIO(text)
    chunks = [whole.read(size) for size in sizes] + [whole.read()]
    wanted = [part if len(part) <= 3 else None for part in parts]
    if wanted and not parts[-1]:
        wanted.pop()
    assert lines(*chunks, most=3) == wanted


def test_what_is_too_long_is_not_kept() -> None:
    source = (b"x" * 50_000 for _ in range(200))
    found = batches(Reads([*source, b"\nb\n"]), 100_000)
    assert list(found) == [[None, b"b"]]


def test_a_last_line_that_is_too_long_is_told() -> None:
    assert lines(b"a\n" + b"x" * 5, most=4) == [b"a", None]


@pytest.mark.parametrize("size", [2, 3, 7, 1000])
def test_utf_16_with_a_mark_is_read_wherever_it_is_cut(size: int) -> None:
    raw = 'é"1"\n€\n😀'.encode("utf-16")
    chunks = [raw[start : start + size] for start in range(0, len(raw), size)]
    assert lines(*chunks) == ['é"1"'.encode(), "€".encode(), "😀".encode()]


def test_nothing() -> None:
    assert lines() == []
    assert lines(b"\n") == [b""]
