"""Alert rules: their own unit tests under promtool, their names against a live registry, their runbooks."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.promql import asked, mistakes

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy" / "prometheus"
RULES: list[dict[str, Any]] = [
    rule for group in yaml.safe_load((FOLDER / "alerts.yaml").read_text("utf-8"))["groups"] for rule in group["rules"]
]
NAMES = [rule["alert"] for rule in RULES]


@pytest.mark.parametrize("arguments", [("check", "rules", "alerts.yaml"), ("test", "rules", "alerts_test.yaml")])
def test_promtool_is_content(arguments: tuple[str, ...]) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("needs promtool: apt-get install prometheus")
    done = subprocess.run([promtool, *arguments], cwd=FOLDER, capture_output=True, text=True, timeout=50, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("rule", RULES, ids=NAMES)
def test_what_a_rule_asks_for_exists(rule: dict[str, Any], known: dict[str, frozenset[str]]) -> None:
    assert list(asked(rule["expr"]))
    assert mistakes(rule["expr"], known) == []


@pytest.mark.parametrize("rule", RULES, ids=NAMES)
def test_a_rule_that_waits_for_an_increase_finds_its_series_at_rest(rule: dict[str, Any], reporter: Any) -> None:
    """Either the series is there before anything happens, or the rule minds that it was not."""
    at_rest = reporter.scrape("text/plain")[0].decode()
    for metric in re.findall(r"increase\((llm_triage_\w+)", rule["expr"]):
        assert f"\n{metric}{{" in at_rest or " offset " in rule["expr"]
        if metric == "llm_triage_errors_total":
            assert " unless " in rule["expr"]


@pytest.mark.parametrize("rule", RULES, ids=NAMES)
def test_a_rule_has_both_a_case_and_a_near_miss(rule: dict[str, Any]) -> None:
    cases = yaml.safe_load((FOLDER / "alerts_test.yaml").read_text("utf-8"))["tests"]
    expected = [
        bool(check["exp_alerts"])
        for case in cases
        for check in case["alert_rule_test"]
        if check["alertname"] == rule["alert"]
    ]
    assert True in expected
    assert False in expected


@pytest.mark.parametrize("rule", RULES, ids=NAMES)
def test_a_rule_links_to_what_to_do(rule: dict[str, Any]) -> None:
    page, _, anchor = rule["annotations"]["runbook_url"].partition("#")
    headings = re.findall(r"^### (\w+)$", (ROOT / page).read_text("utf-8"), re.MULTILINE)
    assert anchor == rule["alert"].lower()
    assert rule["alert"] in headings
    assert rule["labels"]["severity"] in ("critical", "warning")


def test_the_runbook_describes_no_alert_that_is_gone() -> None:
    text = (ROOT / "docs" / "operations.md").read_text("utf-8")
    assert sorted(re.findall(r"^### (LlmTriage\w+)$", text, re.MULTILINE)) == sorted(NAMES)
