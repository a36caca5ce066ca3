"""Every case of the rules, one test each, and the rules' own health."""

from __future__ import annotations

import pytest

from proxy.classifier import builtin, classify
from proxy.classifier.hygiene.cases import Case, read_cases
from proxy.classifier.hygiene.check import problems, quoted

CASES = read_cases()


@pytest.mark.parametrize("case", CASES, ids=[case.id for case in CASES])
def test_case(case: Case) -> None:
    assert case.mistakes(classify(case.answer)) == []


def test_a_good_answer_that_quotes_a_failure_is_good() -> None:
    assert [case.id for case in CASES if classify(quoted(case.answer)) is not None] == []


def test_the_built_in_rules_are_healthy() -> None:
    """None can never win, contradicts another, is slow, or lacks a case or a near miss."""
    unread: list[str] = []
    cases = read_cases(problems=unread)
    assert unread == []
    assert problems(builtin(), cases) == []


def test_ids_of_cases_are_unique() -> None:
    assert len({case.id for case in CASES}) == len(CASES)


def test_every_rule_and_case_names_its_public_source() -> None:
    assert [rule.id for rule in builtin().rules if not rule.source.startswith("https://")] == []
    assert [case.id for case in CASES if not case.source.startswith("http")] == []


def test_no_provider_is_known_by_two_names() -> None:
    hosts = [host for provider in builtin().providers.values() for host in provider.hosts]
    assert len(hosts) == len(set(hosts))
