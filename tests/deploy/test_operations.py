"""The runbook speaks of settings, files, metrics and headers that there are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from proxy.report import StreamFailure, Would

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "operations.md").read_text("utf-8")
CODE = re.findall(r"`([^`\n]+)`", TEXT)
SETTINGS = yaml.safe_load((ROOT / "config" / "proxy.yaml").read_text("utf-8"))


@pytest.mark.parametrize(
    "key", sorted({code for code in CODE if re.fullmatch(r"[a-z_]+\.[a-z_]+", code)} - {"status.json"})
)
def test_a_setting_is_one(key: str) -> None:
    section, name = key.split(".")
    assert name in SETTINGS[section]


@pytest.mark.parametrize("path", sorted(set(re.findall(r"deploy/[\w./-]*\w", TEXT))))
def test_a_file_is_there(path: str) -> None:
    assert (ROOT / path).exists()


def test_a_metric_is_counted(known: dict[str, frozenset[str]]) -> None:
    assert set(re.findall(r"llm_triage_\w+", TEXT)) <= set(known)


def test_all_that_observe_mode_counts_is_explained() -> None:
    rows = re.findall(r"^\| (`.*?) \|", TEXT.partition("## Running it")[2].partition("\n## ")[0], re.MULTILINE)
    assert [what for row in rows for what in re.findall(r"`(\w+)`", row)] == ["what", *Would]


def test_every_way_in_which_an_answer_breaks_is_explained() -> None:
    section = TEXT.partition("### LlmTriageBrokenStreams")[2].partition("\n### ")[0]
    explained = re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)
    assert explained == ["kind", *StreamFailure]
