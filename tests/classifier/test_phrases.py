"""Phrases: whole words, inflections, alternatives, numbers, gaps that stop at a sentence's end."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.classifier.phrases import Heard, PhraseError, compile_phrase
from proxy.classifier.words import code_word, links, quoted_codes, without_links, words


def says(phrase: str, text: str) -> bool:
    return compile_phrase(phrase).is_in(Heard(words(text)))


@pytest.mark.parametrize(
    ("phrase", "text", "is_in"),
    [
        ("insufficient balance", "Error: Insufficient balance (1008)", True),
        ("insufficient balance", "insufficient_balance", True),
        ("insufficient balance", "insufficiently balanced", False),
        (
            "forbidden",
            "extra_forbidden",
            True,
        ),  # words are parted at underscores: such a rule excludes "extra forbidden"
        ("forbidden", "unforbidden", False),
        ("limit~ exceeded", "limits exceeded", True),
        ("expire~", "expired", True),
        ("exceed~", "exceeding", True),
        ("stop~", "stopped", True),
        ("model|deployment not found", "Deployment not found", True),
        ("quota .. exceeded", "quota for this key exceeded", True),
        ("quota .. exceeded", "quota for this very long key exceeded", False),
        ("quota ... exceeded", "quota for this very long key exceeded", True),
        ("quota ... exceeded", "your quota is fine. the size was exceeded", False),
        ("quota ... exceeded", "quota 1.5 exceeded", True),
        ("retry after # seconds", "retry after 20 seconds", True),
        ("retry after # seconds", "retry after some seconds", False),
        ("the? model not found", "model not found", False),
        ("model is? not found", "model not found", True),
        ("model is? not found", "model is not found", True),
        ("isnt supported", "isn’t supported", True),
        ("余额不足", "账户余额不足，请充值", True),
        ("余额不足", "余额充足", False),
        ("余额 .. 不足", "余额已经不足", True),
        ("tpm 限流", "TPM限流", True),
        ("ungültig", "Der Schlüssel ist ungültig", True),
        ("a b a c", "a b a b a c", True),
    ],
)
def test_phrases(phrase: str, text: str, is_in: bool) -> None:
    if phrase.startswith("the?"):
        with pytest.raises(PhraseError):
            compile_phrase(phrase)
        return
    assert says(phrase, text) is is_in


@pytest.mark.parametrize("bad", ["", "..", "quota ..", ".. quota", "quota .. ... x", "#", "a? b", "a|b-c"])
def test_phrases_that_cannot_be_read(bad: str) -> None:
    with pytest.raises(PhraseError):
        compile_phrase(bad)


@given(st.lists(st.sampled_from(["quota", "of", "exceeded", ".", "x", "7"]), max_size=30))
def test_the_automaton_agrees_with_a_plain_search(said: list[str]) -> None:
    expected = any(
        said[at] == "quota"
        and any(said[to] == "exceeded" and "." not in said[at:to] for to in range(at + 1, min(at + 5, len(said))))
        for at in range(len(said))
    )
    assert compile_phrase("quota .. exceeded").is_in(Heard(said)) is expected


@pytest.mark.parametrize(
    ("raw", "word"),
    [
        ("RateLimitExceeded", "rate_limit_exceeded"),
        ("RATE_LIMIT_EXCEEDED", "rate_limit_exceeded"),
        ("rate-limit-exceeded", "rate_limit_exceeded"),
        ("com.amazon.coral.service#AccessDeniedException", "access_denied_exception"),
        ("ThrottlingException:http://internal.amazon.com/coral/", "throttling_exception"),
        ("Throttling.RateQuota", "throttling_rate_quota"),
        ("HTTPError", "http_error"),
        ("1008", "1008"),
    ],
)
def test_one_spelling_for_a_code(raw: str, word: str) -> None:
    assert code_word(raw) == word


def test_links_are_no_prose() -> None:
    text = "Limit reached. See https://example.com/billing/upgrade?plan=pro#token-limit."
    assert "billing" not in words(without_links(text))
    assert links(text)[0].startswith("https://example.com/billing")


def test_codes_that_prose_quotes() -> None:
    assert quoted_codes("litellm.RateLimitError: (PermissionDenied) got RESOURCE_EXHAUSTED") == [
        "rate_limit_error",
        "permission_denied",
        "resource_exhausted",
    ]
    assert quoted_codes("nothing of that kind") == []
