"""What the caller allows: how long it will wait, what it has tried already, what it asks of this call. Pure.

Only read after a failure. A call can tighten what is configured, never loosen it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from proxy.retry.alone import Alone

_SHARE: Final = 0.25  # of the caller's patience: the rest belongs to the answer itself
_LONGEST_S: Final = 60.0
_UNSTATED_S: Final = 15.0

_COUNT: Final = re.compile(r"\d{1,9}", re.ASCII)
_SECONDS: Final = re.compile(r"\d{1,9}(?:\.\d{0,9})?", re.ASCII)
_DURATION: Final = re.compile(r"(\d{1,9}(?:\.\d{1,9})?) ?(ms|s|m|h|)", re.ASCII)
_UNITS: Final[Mapping[str, float]] = {"ms": 0.001, "s": 1.0, "": 1.0, "m": 60.0, "h": 3600.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """What a request's headers state; None where they state nothing that can be read."""

    stated_s: float | None = None  # how long the client waits for an answer
    client_retries: int | None = None  # that the client has made of this call already
    max_retries: int | None = None  # x-llm-retry
    deadline_s: float | None = None  # x-llm-deadline


@dataclass(frozen=True, slots=True)
class Limits:
    """How far the proxy may go with one call."""

    retries: int  # of its own
    until: float  # no retry starts after it, on the clock that `started_at` was read from
    alone: Alone | None = None  # what the caller would do without us, where it tells that it repeats by itself


def patience_of(headers: Mapping[str, str]) -> Patience:
    """Reads a request's headers, by lower-case or case-insensitive name. What makes no sense is as if absent.

    Official clients send their timeout in seconds: the Python ones as `x-stainless-read-timeout`, the JavaScript ones as
    `x-stainless-timeout` (https://github.com/openai/openai-node/blob/master/src/client.ts).
    """
    stated = _seconds(headers.get("x-stainless-read-timeout"))
    if stated is None:
        stated = _seconds(headers.get("x-stainless-timeout"))
    return Patience(
        stated_s=stated,
        client_retries=_count(headers.get("x-stainless-retry-count")),
        max_retries=_retries(headers.get("x-llm-retry")),
        deadline_s=_duration(headers.get("x-llm-deadline")),
    )


def limits_of(patience: Patience, *, retries: int, deadline_s: float | None, started_at: float) -> Limits:
    """The configured `retry.max` and `retry.deadline` (None: auto), as far as the caller allows them.

    `started_at` is when the first attempt began. Retries that the client has made itself count as ours.
    """
    if patience.max_retries is not None:
        retries = min(retries, patience.max_retries)
    if deadline_s is None:
        deadline_s = automatic_deadline_s(patience.stated_s)
    if patience.deadline_s is not None:
        deadline_s = min(deadline_s, patience.deadline_s)
    made = patience.client_retries
    return Limits(max(0, retries - (made or 0)), started_at + deadline_s, alone=None if made is None else Alone(made))


def automatic_deadline_s(stated_s: float | None) -> float:
    return _UNSTATED_S if stated_s is None else min(_LONGEST_S, stated_s * _SHARE)


def _seconds(text: str | None) -> float | None:
    """A timeout above zero; "inf", "None" and the like state none."""
    if text is None or not _SECONDS.fullmatch(text.strip()):
        return None
    seconds = float(text)
    return seconds if math.isfinite(seconds) and seconds > 0 else None


def _count(text: str | None) -> int | None:
    return int(text) if text is not None and _COUNT.fullmatch(text.strip()) else None


def _retries(text: str | None) -> int | None:
    return 0 if text is not None and text.strip().lower() == "off" else _count(text)


def _duration(text: str | None) -> float | None:
    """`8s`, `500ms`, `1.5m`, `8` (seconds). Zero allows no retry at all."""
    found = None if text is None else _DURATION.fullmatch(text.strip().lower())
    return None if found is None else float(found[1]) * _UNITS[found[2]]
