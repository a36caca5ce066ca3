"""Whose fault a failure is: every class has its words, and scopes that part a class part the words."""

from __future__ import annotations

import pytest

from proxy.classifier import builtin, classify
from proxy.classifier.fault import _BY_CLASS, _BY_SCOPE, whose_fault
from proxy.model import Action, Answer, Class, Confidence, Scope, Verdict


def said_of(cls: Class, scope: Scope) -> str:
    return whose_fault(
        Verdict(cls=cls, scope=scope, reason="x", rule="x", confidence=Confidence.CODE, action=Action.KEEP, advice="x")
    )


@pytest.mark.parametrize("cls", Class)
def test_every_class_has_its_own_words(cls: Class) -> None:
    assert [one for one in Class if _BY_CLASS[one] == _BY_CLASS[cls]] == [cls]


def test_what_is_parted_by_scope_is_given_by_some_reason() -> None:
    """Words for what no verdict ever says would be words that nobody can check."""
    rules = builtin()
    given = {(reason.cls, reason.scope) for reason in rules.reasons.values()}
    given |= {(rules.reasons[rule.reason].cls, rule.scope) for rule in rules.rules if rule.scope}
    assert set(_BY_SCOPE) - given == set()


def test_no_words_are_said_twice() -> None:
    said = [*_BY_CLASS.values(), *_BY_SCOPE.values()]
    assert len(said) == len(set(said))
    assert all(text.isascii() and len(text) <= 100 for text in said)


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (503, '{"error":{"message":"The model is overloaded"}}', "the provider's load"),
        (429, '{"error":{"code":"rate_limit_exceeded"}}', "the caller's pace"),
        (429, '{"error":{"code":"insufficient_quota"}}', "the caller's account"),
        (401, '{"error":{"code":"invalid_api_key"}}', "the caller's key"),
        (404, '{"error":{"code":"model_not_found"}}', "the request: it names a model"),
        (400, '{"error":{"code":"context_length_exceeded"}}', "the request: it is longer"),
        (400, '{"error":{"code":"previous_response_not_found"}}', "a stale handle"),
        (504, "", "the provider's side"),
    ],
)
def test_what_real_answers_are_told(status: int, body: str, words: str) -> None:
    verdict = classify(Answer(status=status, body=body.encode()))
    assert verdict is not None
    assert whose_fault(verdict).startswith(words)


def test_somebody_elses_bill_is_not_the_callers() -> None:
    assert "gateway" in said_of(Class.BUDGET_EXHAUSTED, Scope.PROVIDER)
    assert "gateway" not in said_of(Class.BUDGET_EXHAUSTED, Scope.CREDENTIAL)
