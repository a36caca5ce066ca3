"""The labelled corpus beside the checkout, where there is one: what the classifier must reach on it."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from proxy.classifier import classify
from proxy.classifier.api import answer_of
from proxy.model import Class, Confidence, Verdict

CORPUS = Path(__file__).resolve().parents[2] / "shared" / "corpus" / "answers.jsonl"
MONEY = {Class.BUDGET_EXHAUSTED.value}
THROUGHPUT = {Class.RATE_LIMITED.value, Class.OVERLOADED.value}
pytestmark = [
    pytest.mark.optional("the corpus lies beside the checkout only where it is built"),
    pytest.mark.skipif(not CORPUS.is_file(), reason="no corpus beside this checkout"),
]


@dataclass(frozen=True, slots=True)
class Judged:
    row: dict[str, Any]
    verdict: Verdict | None

    @property
    def got(self) -> str:
        return self.verdict.cls.value if self.verdict else "ok"

    @property
    def is_right(self) -> bool:
        return self.got == self.row["class"] or self.got in self.row["accept"]


@pytest.fixture(scope="module")
def judged() -> list[Judged]:
    rows = [json.loads(line) for line in CORPUS.read_text(encoding="utf-8").splitlines()]
    return [Judged(row, classify(answer_of(row))) for row in rows]


def test_at_least_99_percent_of_the_classes_are_right(judged: list[Judged]) -> None:
    wrong = [f"{one.row['id']}: {one.got}" for one in judged if not one.is_right]
    assert len(wrong) <= len(judged) * 0.01, wrong


def test_money_and_throughput_are_never_taken_for_each_other(judged: list[Judged]) -> None:
    mixed = [
        one.row["id"]
        for one in judged
        if not one.is_right
        and (
            (one.row["class"] in MONEY and one.got in THROUGHPUT)
            or (one.row["class"] in THROUGHPUT and one.got in MONEY)
        )
    ]
    assert mixed == []


def test_no_good_answer_is_taken_for_a_failure(judged: list[Judged]) -> None:
    assert [one.row["id"] for one in judged if one.row["class"] == "ok" and one.got != "ok"] == []


def test_confidence_is_honest(judged: list[Judged]) -> None:
    told = Counter(one.verdict.confidence for one in judged if one.verdict)
    right = Counter(one.verdict.confidence for one in judged if one.verdict and one.is_right)
    assert right[Confidence.CODE] >= told[Confidence.CODE] * 0.995
    assert right[Confidence.PHRASE] >= told[Confidence.PHRASE] * 0.98


def test_stated_waits_are_read_within_a_second(judged: list[Judged]) -> None:
    stated = [one for one in judged if one.row["retry_after_s"] is not None]
    wrong = [
        one.row["id"]
        for one in stated
        if not (one.verdict and one.verdict.wait and abs(one.verdict.wait.seconds - one.row["retry_after_s"]) <= 1)
    ]
    invented = [
        one.row["id"] for one in judged if one.row["retry_after_s"] is None and one.verdict and one.verdict.wait
    ]
    assert len(wrong) <= len(stated) * 0.01, wrong
    assert invented == []
