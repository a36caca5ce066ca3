"""Wordings that no rule was written for: every shape, several languages, and pairs that pull two ways."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from proxy.classifier import classify
from proxy.model import Answer

WORDINGS = [
    json.loads(line) for line in (Path(__file__).parent / "wordings.jsonl").read_text(encoding="utf-8").splitlines()
]


@pytest.mark.parametrize(
    "row", WORDINGS, ids=[f"{at}-{row['status']}-{row['class']}" for at, row in enumerate(WORDINGS)]
)
def test_wording(row: dict[str, Any]) -> None:
    text = row["body"] if isinstance(row["body"], str) else json.dumps(row["body"], ensure_ascii=False)
    verdict = classify(Answer(status=row["status"], body=text.encode(), stream=text.startswith(("data:", "event:"))))
    assert (verdict.cls if verdict else "ok") == row["class"], verdict
