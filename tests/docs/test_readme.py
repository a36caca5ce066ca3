"""The README says what the code does: its tables are the code's, its commands run."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from dataclasses import replace
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
import yaml

from proxy.classifier import classify, load_rules
from proxy.config import Config, from_values
from proxy.config.kinds import Section, settings_of
from proxy.config.settings import Upstream
from proxy.model import TRAITS, Action, Answer, Class
from proxy.report.metrics import PREFIX, Metrics, Words
from proxy.way.tag import NAMES
from tests.docs.markdown import ROOT, fences, links, page, quoted, section, table

README = page("README.md")
NEEDS_CURL = pytest.mark.skipif(shutil.which("curl") is None, reason="no curl at hand")

# What every answer has its own of, and what is the provider's.
LEFT_OUT = {"date", "x-llm-call-id", "x-request-id", "content-type", "content-length", "server"}


def test_it_is_read_in_one_go():
    assert len(README.splitlines()) < 200


@pytest.mark.parametrize("to", sorted({to.partition("#")[0] for to in links(README)}))
def test_its_links_lead_somewhere(to):
    assert (ROOT / to).exists()


@NEEDS_CURL
def test_the_failing_call_is_answered_as_it_shows(run):
    [shown] = fences(README, "console")
    command, _, answer = shown.removeprefix("$ ").partition("HTTP/1.1")
    curl = shlex.split(command.replace("\\\n", " "))
    assert curl[0] == "curl"
    head, _, body = run([*curl, "--silent"]).replace("\r\n", "\n").partition("\n\n")
    lines = [line for line in head.splitlines() if line.partition(":")[0].lower() not in LEFT_OUT]
    assert "\n".join([*lines, "", body.strip()]) == f"HTTP/1.1{answer}".strip()


def test_the_other_429_is_told_apart_as_it_says(demo):
    sentence = next(part for part in README.split("\n\n") if part.startswith("The same 429"))
    model, cls, *headers = quoted(sentence)
    with pytest.raises(HTTPError) as caught:
        urlopen(
            Request(
                f"{demo}/v1/chat/completions",
                b'{"model": "%s", "messages": [{"role": "user", "content": "Hello"}]}' % model.encode(),
                {"content-type": "application/json"},
            ),
            timeout=10,
        )
    error = caught.value
    error.close()
    assert (error.code, error.headers["x-llm-error-class"]) == (429, cls)
    for header in headers:
        name, _, value = header.partition(": ")
        assert error.headers[name] == value


@pytest.mark.parametrize("program", fences(README, "python"))
def test_its_programs_run(program, run):
    said = run([sys.executable, "-"], program)
    assert said.startswith("budget_exhausted The account's quota is spent.")


def first_run() -> list[str]:
    return fences(section(README, "## First run"), "sh")[0].splitlines()


@pytest.mark.parametrize("line", [line for line in first_run() if line.startswith("make ")])
def test_make_knows_what_it_is_told(line):
    done = subprocess.run(
        ["make", "--dry-run", *shlex.split(line, comments=True)[1:]],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_production_begins_by_watching(start, demo):
    [line] = [line for line in first_run() if "llm-triage serve" in line]
    words = [demo if word.startswith("https://") else word for word in shlex.split(line, comments=True)[1:]]
    observed = start(*words)
    call = Request(
        f"{observed}/v1/embeddings", b'{"model": "fail-overloaded", "input": "x"}', {"content-type": "application/json"}
    )
    with pytest.raises(HTTPError) as caught:
        urlopen(call, timeout=10)
    headers = caught.value.headers
    caught.value.close()
    assert headers["x-llm-error-class"] == "overloaded"
    assert headers["x-llm-retries"] == "0"


def test_every_tag_is_in_the_table_of_headers():
    told = [name for row in table(README, "header") for name in quoted(row[0])]
    assert sorted(told) == sorted(NAMES)


def test_the_classes_are_those_of_the_code():
    told = {}
    for cls, _, retry, action in table(README, "class"):
        told[Class(cls.strip("`"))] = (retry, quoted(action)[0])
    assert told == {cls: ("yes" if traits.can_retry else "never", traits.action) for cls, traits in TRAITS.items()}


def test_the_session_actions_are_those_of_the_code():
    told = [name for row in table(README, "session action") for name in quoted(row[0])]
    assert told == [*Action]


def defaults() -> dict[str, object]:
    told: dict[str, object] = {}
    for keys, values, _ in table(README, "key"):
        told.update(zip(quoted(keys), map(yaml.safe_load, quoted(values)), strict=True))
    return told


def test_the_settings_are_all_there_with_their_defaults():
    told = defaults()
    assert set(told) == set(settings_of(Config))
    # YAML 1.1, which PyYAML reads, takes `off` for false; the configuration reads text.
    given = told | {"gate": "off" if told["gate"] is False else told["gate"]}
    given |= {"upstreams": [{"name": "x", "url": "https://x"}], "admin_token": "unset"}
    config = replace(from_values(given), admin_token=Config().admin_token)
    assert config == from_values({"upstreams": [{"name": "x", "url": "https://x"}]})
    assert (told["upstreams"], told["admin_token"]) == (
        list(Config().upstreams),
        Config().admin_token.get_secret_value(),
    )


@pytest.mark.parametrize(
    ("key", "of"),
    [(key, setting.kind.of) for key, setting in settings_of(Config).items() if isinstance(setting.kind, Section)],
)
def test_a_section_is_told_whole(key, of):
    told = defaults()[key]
    assert isinstance(told, dict)
    assert list(told) == list(settings_of(of))


def test_every_key_of_an_upstream_is_named():
    told = quoted(next(part for part in README.split("\n\n") if part.startswith("An upstream has")))
    words = {word for part in told for word in re.findall(r"[a-z0-9_]+", part)}
    compat = settings_of(Upstream)["compat"].kind
    assert isinstance(compat, Section)
    assert {*settings_of(Upstream), *settings_of(compat.of), "end"} <= words


def test_the_metrics_are_those_of_the_registry():
    told = {}
    for metrics, labels, _ in table(README, "metric, after `llm_triage_`"):
        told.update(dict.fromkeys(quoted(metrics), tuple(quoted(labels))))
    kept = [metric for metric in vars(Metrics(Words())).values() if hasattr(metric, "_labelnames")]
    names = {f"{metric._name}_total" if metric._type == "counter" else metric._name: metric for metric in kept}
    assert told == {name.removeprefix(f"{PREFIX}_"): metric._labelnames for name, metric in names.items()}


def test_the_rule_it_shows_decides(tmp_path: Path):
    [text] = fences(section(README, "## Rules"), "yaml")
    (file := tmp_path / "rules.yaml").write_text(text, "utf-8")
    answer = Answer(status=402, body=b'{"error": {"message": "All credits used up."}}')
    verdict = classify(answer, load_rules([file]))
    assert verdict is not None
    assert (verdict.rule, verdict.cls) == ("acme.credits", Class.BUDGET_EXHAUSTED)


def test_every_dependency_has_its_reason():
    project = tomllib.loads(page("pyproject.toml"))["project"]
    told = section(README, "## Dependencies").lower()
    for needed in project["dependencies"]:
        name = re.split(r"[^a-z-]", needed)[0]
        assert re.search(rf"\b{name}\b", told), name
    assert {*quoted(told)} >= {*project["optional-dependencies"]} - {"test", "dev"}
