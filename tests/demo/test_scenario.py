"""The name of a model is a wish."""

from __future__ import annotations

import pytest

from proxy.demo.scenario import GOOD, SCENARIOS, How, wish


@pytest.mark.parametrize("model", ["gpt-4o", "", "failing", "fail-nothing-known", "x-then-good-2", "good"])
def test_other_models_answer_well(model):
    assert wish(model).scenario is GOOD


@pytest.mark.parametrize("model", SCENARIOS)
def test_each_scenario_is_asked_for_by_its_name_for_ever(model):
    assert wish(model).scenario is SCENARIOS[model]
    assert wish(model).failures is None


def test_a_vendors_prefix_is_no_matter():
    assert wish("openai/fail-budget").scenario is SCENARIOS["fail-budget"]


@pytest.mark.parametrize(
    ("model", "scenario", "failures"),
    [
        ("fail-then-good-3", "fail-overloaded", 3),
        ("fail-then-good", "fail-overloaded", 1),
        ("fail-network-then-good-2", "fail-network", 2),
    ],
)
def test_failures_can_end_after_a_number_of_tries(model, scenario, failures):
    assert wish(model).scenario is SCENARIOS[scenario]
    assert wish(model).failures == failures


def test_every_way_to_fail_has_a_scenario():
    assert {scenario.how for scenario in SCENARIOS.values()} == set(How) - {How.ANSWER}
