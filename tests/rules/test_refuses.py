"""What rule files say of the histories that a provider refuses."""

from __future__ import annotations

import pytest

from proxy.classifier import load_rules
from proxy.classifier.files.heads import FAULTS
from proxy.session.turn import Fault

RULES = load_rules([])


@pytest.mark.parametrize(
    ("provider", "refuses"),
    [
        ("anthropic", {Fault.EMPTY_MESSAGE, Fault.EMPTY_CONTENT}),
        ("bedrock", {Fault.EMPTY_MESSAGE, Fault.EMPTY_CONTENT}),
        ("gemini", {Fault.EMPTY_MESSAGE}),
        ("openai", {Fault.MISSING_ITEM_AFTER_REASONING}),
        ("azure", {Fault.MISSING_ITEM_AFTER_REASONING}),
        ("mistral", {Fault.ROLE_ORDER, Fault.EMPTY_MESSAGE}),
    ],
)
def test_a_provider_is_said_to_refuse_what_it_was_seen_to_refuse(provider: str, refuses: set[Fault]) -> None:
    known = RULES.provider(provider)
    assert known is not None
    assert known.refuses == refuses


def test_the_words_are_those_of_histories() -> None:
    assert list(FAULTS) == [fault.value for fault in Fault]
    assert any(provider.refuses for provider in RULES.providers.values())
