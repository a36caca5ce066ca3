"""The pages about rules say what the code does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from proxy.classifier import builtin, load_rules
from proxy.classifier.files.heads import HEAD_KEYS
from proxy.classifier.files.load import RULE_KEYS, WHEN_KEYS
from proxy.classifier.judgements import JUDGEMENTS
from proxy.classifier.rules import Tier
from proxy.classifier.vocabulary import page

DOCS = Path(__file__).resolve().parents[2] / "docs"
RULES = (DOCS / "rules.md").read_text(encoding="utf-8")


def test_the_page_of_reasons_is_what_the_rules_say() -> None:
    assert (DOCS / "reasons.md").read_text(encoding="utf-8") == page(builtin())


def test_every_reason_is_used() -> None:
    """A word that no rule and no case of the proxy gives is no vocabulary."""
    given = {rule.reason for rule in builtin().rules}
    windows = {"requests_per_hour", "tokens_per_hour"}  # given by the window that an answer names
    own = {
        name
        for name, reason in builtin().reasons.items()
        if name in page(builtin()) and f"`{name}` (own)" in page(builtin())
    }
    assert set(builtin().reasons) - given - windows - own == set()


@pytest.mark.parametrize("key", sorted(RULE_KEYS | WHEN_KEYS | HEAD_KEYS))
def test_every_key_is_documented(key: str) -> None:
    assert f"`{key}`" in RULES or f"`{key}:" in RULES


@pytest.mark.parametrize("word", [*JUDGEMENTS, *(tier.name.lower() for tier in Tier)])
def test_every_judgement_and_tier_is_documented(word: str) -> None:
    assert f"`{word}`" in RULES


def test_the_first_example_loads(tmp_path: Path) -> None:
    example = re.search(r"```yaml\n(.*?)```", RULES, re.DOTALL)
    assert example is not None
    (tmp_path / "mine.yaml").write_text(example[1], encoding="utf-8")
    assert "coffee_break" in load_rules([tmp_path / "mine.yaml"]).reasons
