"""Durations and sizes as people write them: `1m30s` is 90.0, `64KiB` is 65536. Leaves bounds to the settings."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

SECONDS: Final[Mapping[str, float]] = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
BYTES: Final[Mapping[str, int]] = {
    "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30,
}  # fmt: skip

DURATION: Final = r"(?:\d+(?:\.\d+)?(?:ms|s|m|h|d))+|\d+(?:\.\d+)?"
SIZE: Final = r"\d+(?:\.\d+)?(?:[KMG]i?B|B)?"

_DURATION: Final = re.compile(DURATION, re.ASCII)
_PART: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)", re.ASCII)
_SIZE: Final = re.compile(rf"(?={SIZE}$)(\d+(?:\.\d+)?)(\D*)", re.ASCII)

_LONGEST_S: Final = 10 * 365 * 86400.0
_LARGEST: Final = 2**50


def duration_s(text: str) -> float:
    """Seconds. ValueError says what is allowed."""
    text = text.strip()
    if _DURATION.fullmatch(text) is None:
        raise ValueError("expected a duration such as 250ms, 5s, 1m30s or 24h")
    parts = _PART.findall(text)
    seconds = sum(float(number) * SECONDS[unit] for number, unit in parts) if parts else float(text)
    if seconds > _LONGEST_S:
        raise ValueError("expected a duration of at most ten years")
    return round(seconds, 6)


def size_bytes(text: str) -> int:
    """Bytes. ValueError says what is allowed."""
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise ValueError("expected a size such as 65536, 64KiB or 8MiB")
    number, unit = match.groups()
    size = float(number) * BYTES[unit or "B"]
    if size > _LARGEST:
        raise ValueError("expected a size of at most 1048576GiB")
    return int(size)
