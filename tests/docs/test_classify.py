"""docs/classify.md says what the classifier alone takes and gives: its page, its members, its programs."""

from __future__ import annotations

import dataclasses
import json
import re
import subprocess
import sys
from collections.abc import Sequence

import pytest

from proxy.classifier.api import classify_json
from proxy.cli import main
from proxy.commands import classify as command
from proxy.model import Action, Answer, Confidence, Scope
from tests.docs.markdown import ROOT, fences, links, page, quoted, table

CLASSIFY = page("docs/classify.md")
[ON_A_PAGE, IN_A_LINE, OVER_HTTP] = fences(CLASSIFY, "sh")


def run(program: str) -> str:
    """What a shell line prints, with this checkout's command in the place of the installed one."""
    words = program.replace("llm-triage", f"{sys.executable} -m proxy")
    return subprocess.run(["bash", "-c", words], cwd=ROOT, check=True, capture_output=True, text=True).stdout


def members(of: str) -> dict[str, str]:
    return {quoted(name)[0]: meaning for name, meaning in table(CLASSIFY, f"member of {of}")}


def test_the_page_is_what_the_command_prints():
    assert run(ON_A_PAGE).strip() == fences(CLASSIFY, "text")[0].strip()


def test_the_line_is_judged():
    assert json.loads(run(IN_A_LINE))["class"] == "budget_exhausted"


def test_what_is_posted_is_an_answer():
    posted = json.loads(OVER_HTTP.partition("-d '")[2].partition("'")[0])
    assert classify_json(posted)["class"] == "overloaded"


def test_the_members_of_an_answer_are_those_that_are_read():
    assert set(members("an answer")) == {"id", *(field.name for field in dataclasses.fields(Answer))}


@pytest.mark.parametrize("status", [200, 429])
def test_the_members_of_a_verdict_are_those_that_are_given(status):
    told = classify_json({"status": status}, explain=True)
    assert list(members("a verdict")) == list(told)
    assert set(quoted(members("a verdict")["explanation"])) >= set(told["explanation"])


def test_a_good_answer_says_no_more_than_is_told():
    told = classify_json({"id": 7, "status": 200})
    said = "a good answer has " + ", ".join(f"`{name}`" for name in told if told[name] is not None)
    assert said.replace(", `action`", " and `action`") in CLASSIFY


@pytest.mark.parametrize(
    ("member", "words"), [("action", Action), ("confidence", Confidence), ("scope", set(Scope) - {Scope.PROXY})]
)
def test_closed_sets_are_told_whole(member: str, words: Sequence[str]):
    assert set(quoted(members("a verdict")[member])) == set(words)


def test_the_bounds_are_those_of_the_code():
    assert command._ANSWER_BYTES == 1 << 20
    assert "the first MiB is read" in CLASSIFY
    assert f"longer than {command._LINE_BYTES >> 20} MiB" in CLASSIFY


def test_every_option_is_told(capsys):
    with pytest.raises(SystemExit):
        main(["classify", "--help"])
    options = set(re.findall(r"--[a-z-]+", capsys.readouterr().out)) - {"--help"}
    assert len(options) > 6
    assert [option for option in options if f"`{option}" not in CLASSIFY and f" {option}`" not in CLASSIFY] == []


def test_its_python_runs():
    [program] = fences(CLASSIFY, "python")
    told = subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    assert told.startswith("rate_limited rate_limit True 3.0 ")


@pytest.mark.parametrize("to", sorted({to.partition("#")[0] for to in links(CLASSIFY)}))
def test_its_links_lead_somewhere(to):
    assert (ROOT / "docs" / to).exists()
