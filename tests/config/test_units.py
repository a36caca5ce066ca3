"""Durations and sizes as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.config.units import duration_s, size_bytes


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0), ("0s", 0), ("5", 5), ("2.5", 2.5), ("5s", 5), ("250ms", 0.25), ("1m30s", 90), ("2h", 7200),
        ("24h", 86400), ("1d", 86400), ("1h1m1s1ms", 3661.001), ("1.5m", 90), (" 5s ", 5),
    ],
)  # fmt: skip
def test_a_duration_is_read_as_seconds(text: str, seconds: float) -> None:
    assert duration_s(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "text", ["", "-1s", "5 s", "s", "5sec", "fast", "1e3", "inf", "nan", "5s3", "٥s", "11y", "3651d"]
)
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected a duration"):
        duration_s(text)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0), ("65536", 65536), ("64KiB", 65536), ("8MiB", 8388608), ("1GiB", 2**30), ("1KB", 1000), ("2MB", 2_000_000),
        ("1GB", 10**9), ("10B", 10), ("1.5KiB", 1536), (" 1KiB ", 1024),
    ],
)  # fmt: skip
def test_a_size_is_read_as_bytes(text: str, size: int) -> None:
    assert size_bytes(text) == size


@pytest.mark.parametrize("text", ["", "-1", "64 KiB", "64kib", "64K", "much", "1e6", "KiB", "99999999999GiB", "٦"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected a size"):
        size_bytes(text)


@given(st.text())
def test_any_text_is_read_or_refused_in_words(text: str) -> None:
    for read in (duration_s, size_bytes):
        try:
            assert read(text) >= 0
        except ValueError as error:
            assert str(error).startswith("expected a")
