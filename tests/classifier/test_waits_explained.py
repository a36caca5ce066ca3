"""Why a wait that is stated is not obeyed, in words."""

from __future__ import annotations

import json
from typing import Any

import pytest

from proxy.classifier.explain import explain
from proxy.classifier.waits import in_words
from proxy.model import Answer

NOW = 1_800_000_000.0  # 2027-01-15 08:00:00 UTC


def why(error: dict[str, Any], headers: dict[str, str] | None = None, now: float | None = NOW) -> list[str]:
    pairs = tuple((headers or {}).items())
    explanation = explain(Answer(status=429, headers=pairs, body=json.dumps({"error": error}).encode()), now=now)
    return [line for line in explanation.why if "state" in line]


@pytest.mark.parametrize(
    ("lines", "error", "headers"),
    [
        (["retry-after states a wait of minus 5 seconds, a time that is past: it is not obeyed"], {}, {"retry-after": "-5"}),
        (
            ["retry-after states a wait of minus 1 hour, a time that is past: it is not obeyed", "the answer states a wait of 7 seconds (body)"],
            {},
            {"retry-after": "Fri, 15 Jan 2027 07:00:00 GMT", "x-retry-after": "7"},
        ),
        (
            [
                "retry-after states 10 years, longer than any window: clients obey it to the letter, so it counts, cut to 400 days",
                "the answer states a wait of 400 days (retry_after)",
            ],
            {},
            {"retry-after": "345600000"},
        ),
        (["retryafter states a wait of minus 1 second, a time that is past: it is not obeyed"], {"retry_after": -1}, {}),
        (["retryafter states a wait that is no number: it is not obeyed"], {"retry_after": float("nan")}, {}),
        (
            [
                "resetsat states a wait of minus 1 day 1 hour, a time that is past: it is not obeyed",
                "the answer states a wait of 2 minutes (prose)",
            ],
            {"resets_at": NOW - 90_000, "message": "Try again in 2 minutes."},
            {},
        ),
        (
            ["the message states a wait of 13 years, more than 400 days: somebody's clock is wrong, it is not obeyed"],
            {"message": "Try again in 5000 days"},
            {},
        ),
        (
            ["x-ratelimit-reset states a wait of 3 years, more than 400 days: somebody's clock is wrong, it is not obeyed"],
            {},
            {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "99999999"},
        ),
        (["the answer states a wait of 40 days (prose)"], {"message": "Please retry after 3456000 s"}, {}),
        (["the answer states a wait of 1 minute 26 seconds (prose)"], {"message": "Try again in 1m26.4s"}, {}),
    ],
)  # fmt: skip
def test_what_is_set_aside_is_told(lines: list[str], error: dict[str, Any], headers: dict[str, str]) -> None:
    assert why(error, headers) == lines


def test_a_moment_without_a_clock_is_told() -> None:
    error = {"message": "Your limit will reset at 2027-01-15 10:00 UTC"}
    assert why(error) == ["the answer states a wait of 2 hours (prose)"]
    (line,) = why(error, now=None)
    assert line.startswith("the answer states a moment to wait for")


def test_many_waits_that_cannot_be_are_told_once() -> None:
    assert len(why({"message": "Try again in 5000 days. " * 50})) == 1
    assert len(why({"message": " ".join(f"Try again in {days} days." for days in range(3650, 7300, 365))})) == 4


def test_a_wait_that_counts_is_told_alone() -> None:
    assert why({"retry_after": -1}, {"retry-after": "7"}) == ["the answer states a wait of 7 seconds (retry_after)"]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 seconds"), (0.644, "644 ms"), (0.9999, "999.9 ms"), (1, "1 second"), (26.4, "26.4 seconds"), (60, "1 minute"), (3725, "1 hour 2 minutes 5 seconds"),
        (93_600, "1 day 2 hours"), (3.456e7, "400 days"), (1e9, "31 years"), (1e300, "more than 1,000 years"),
    ],
)  # fmt: skip
def test_lengths_as_people_read_them(seconds: float, words: str) -> None:
    assert in_words(seconds) == words
