"""A failure that was heard before is not read again, and means the same."""

from __future__ import annotations

import pytest

from proxy.classifier import builtin, classify, load_rules
from proxy.classifier.hygiene.cases import read_cases
from proxy.model import Answer
from proxy.way import familiar
from proxy.way.familiar import Familiar

EMPTY = (
    b'{"error":{"message":"You exceeded your current quota.","type":"insufficient_quota","code":"insufficient_quota"}}'
)
HEAD = ((b"Content-Type", b"application/json"),)


@pytest.fixture
def read(monkeypatch) -> list[bytes]:
    """The bodies that were classified."""
    bodies: list[bytes] = []

    def counted(answer: Answer, *args, **kwargs):
        bodies.append(answer.body)
        return classify(answer, *args, **kwargs)

    monkeypatch.setattr(familiar, "classify", counted)
    return bodies


def verdict(known: Familiar, body: bytes = EMPTY, *headers: tuple[bytes, bytes], status: int = 429, provider="openai"):
    return known.verdict(status, (*HEAD, *headers), body, provider, now=1_800_000_000.0)


def test_the_same_answer_is_read_once(read):
    known = Familiar(builtin())
    first = verdict(known)
    assert first is not None
    assert first.cls == "budget_exhausted"
    assert verdict(known) is first
    assert len(read) == 1


def test_what_names_the_call_alone_makes_no_other_answer(read):
    known = Familiar(builtin())
    verdict(known, EMPTY, (b"Date", b"Mon, 01 Jan 2026 00:00:00 GMT"), (b"x-request-id", b"req_1"))
    verdict(known, EMPTY, (b"Date", b"Mon, 01 Jan 2026 00:00:09 GMT"), (b"X-Request-ID", b"req_2"))
    assert len(read) == 1


@pytest.mark.parametrize(
    "other",
    [
        {"body": EMPTY.replace(b"current", b"monthly")},
        {"status": 402},
        {"provider": "azure"},
        {"headers": ((b"x-error-code", b"slow_down"),)},
        {"headers": ((b"retry-after", b"3"),)},
    ],
    ids=lambda other: next(iter(other)),
)
def test_every_difference_is_read(read, other):
    known = Familiar(builtin())
    verdict(known)
    headers = other.pop("headers", ())
    verdict(known, other.pop("body", EMPTY), *headers, **other)
    assert len(read) == 2


def test_a_wait_ages_and_is_read_each_time(read):
    known = Familiar(builtin())
    body = b'{"error":{"message":"Rate limit reached","code":"rate_limit_exceeded","reset_at":%d}}' % 1_800_000_060
    heard = [known.verdict(429, HEAD, body, "openai", now=now) for now in (1_800_000_000, 1_800_000_020)]
    assert [each.wait.seconds for each in heard if each and each.wait] == [60, 40]


def test_a_header_that_a_rule_asks_for_is_no_passing_one(read, tmp_path):
    rules = tmp_path / "own.yaml"
    rules.write_text(
        "provider: {name: own}\n"
        "rules:\n"
        "- {id: own.request, when: {status: 429, header: {x-request-id: planned}}, then: overloaded, source: 'https://example.com'}\n"
    )
    known = Familiar(load_rules([rules]))
    verdict(known, EMPTY, (b"x-request-id", b"planned"))
    verdict(known, EMPTY, (b"x-request-id", b"another"))
    assert len(read) == 2


def test_memory_is_bounded_and_the_longest_unheard_goes_first(read, monkeypatch):
    monkeypatch.setattr(familiar, "MEMORY", 2)
    known = Familiar(builtin())
    bodies = [EMPTY.replace(b"current", word) for word in (b"a", b"b")]
    verdict(known, bodies[0])
    verdict(known, bodies[1])
    verdict(known, bodies[0])
    verdict(known, EMPTY)  # the second goes
    verdict(known, bodies[0])
    assert len(read) == 3
    verdict(known, bodies[1])
    assert len(read) == 4


def test_a_long_body_is_not_remembered(read):
    known = Familiar(builtin())
    body = EMPTY.replace(b"current", b"c" * familiar.LONGEST)
    verdict(known, body)
    verdict(known, body)
    assert len(read) == 2


def test_nothing_of_an_answer_is_kept():
    known = Familiar(builtin())
    verdict(known, EMPTY.replace(b"current", b"a-prompt-of-mine"))
    assert "a-prompt-of-mine" not in repr(known._known)


def test_every_known_answer_means_the_same_when_it_comes_again():
    known = Familiar(builtin())
    cases = [case.answer for case in read_cases() if case.answer.status >= 400 and not case.answer.stream]
    assert len(cases) > 500
    for answer in cases:
        raw = tuple((name.encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers)
        plain = classify(answer, builtin(), now=1_800_000_000.0)
        for _ in range(2):
            assert known.verdict(answer.status, raw, answer.body, answer.provider, now=1_800_000_000.0) == plain
