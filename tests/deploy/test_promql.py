from __future__ import annotations

import pytest

from tests.deploy.promql import mistakes

KNOWN = {"llm_triage_errors_total": frozenset({"upstream", "error_class", "source"})}


@pytest.mark.parametrize(
    ("expression", "mistake"),
    [
        ("rate(llm_triage_error_total[5m])", "no such metric: llm_triage_error_total"),
        ('llm_triage_errors_total{provider="a"}', "llm_triage_errors_total has no label provider"),
        ('llm_triage_errors_total{error_class="quota"}', "error_class is never 'quota'"),
        ('llm_triage_errors_total{error_class=~"timeout|slow"}', "error_class is never 'slow'"),
        ("sum by (endpoint) (llm_triage_errors_total)", "nothing to group by: endpoint"),
    ],
)
def test_a_mistyped_name_is_told(expression: str, mistake: str) -> None:
    assert mistakes(expression, KNOWN) == [mistake]


def test_a_right_expression_has_no_mistake() -> None:
    right = 'sum by (upstream, instance) (rate(llm_triage_errors_total{error_class=~"timeout|network", upstream=~"$upstream"}[5m]))'
    assert mistakes(right, KNOWN) == []
