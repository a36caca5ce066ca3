"""The exported table: what it holds, that docs/export.md tells of all of it, and that a reader in another language which follows
the two gives our verdicts.
"""

from __future__ import annotations

import itertools
import json
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from proxy.classifier import builtin, classify, load_rules
from proxy.classifier.api import answer_of
from proxy.classifier.evidence.answer import gather
from proxy.classifier.export import exported
from proxy.classifier.hygiene.cases import read_cases
from proxy.classifier.hygiene.check import quoted as in_a_good_answer
from proxy.classifier.judgements import JUDGEMENTS
from proxy.classifier.phrases import compile_phrase
from proxy.classifier.rules import Rules
from proxy.model import Answer
from tests.docs.markdown import ROOT, links, page, quoted, section, table

PAGE = page("docs/export.md")
TABLE = json.loads(json.dumps(exported(builtin())))
READER = ROOT / "clients" / "javascript" / "main.mjs"
NEEDS_NODE = pytest.mark.skipif(shutil.which("node") is None, reason="no node at hand")
COMPARED = ("class", "reason", "scope", "action", "rule", "confidence")


def test_it_holds_every_rule_reason_and_provider() -> None:
    rules = builtin()
    assert [rule["id"] for rule in TABLE["rules"]] == [rule.id for rule in rules.rules]
    assert set(TABLE["reasons"]) == set(rules.reasons)
    assert set(TABLE["providers"]) == set(rules.providers)
    for rule in TABLE["rules"]:
        for phrase in (*rule.get("phrase", []), *rule.get("unless", [])):
            compile_phrase(phrase)


def test_rules_are_in_the_order_that_ranks_them() -> None:
    assert [rule["order"] for rule in TABLE["rules"]] == [rule.order for rule in builtin().rules]
    assert all(one["order"] < other["order"] for one, other in itertools.pairwise(TABLE["rules"]))
    assert {rule["tier"] for rule in TABLE["rules"]} <= set(TABLE["tiers"])


def test_no_member_of_a_body_is_of_two_kinds() -> None:
    assert {"code", "errorcode", "type"} <= set(TABLE["members"]["code"])
    assert not any(set(one) & set(other) for one, other in itertools.combinations(TABLE["members"].values(), 2))


def test_a_provider_speaks_by_any_of_its_names() -> None:
    rules = builtin()
    for provider in TABLE["providers"].values():
        assert [name for name in provider["names"] if sorted(rules.speaking(name)) != provider["speaks"]] == []


@pytest.mark.parametrize("name", TABLE["headers"]["codes"])
def test_a_header_of_codes_is_read(name: str) -> None:
    evidence = gather(Answer(status=429, headers=((name, "SomethingRare"),)))
    assert evidence is not None
    assert "something_rare" in evidence.layers[0].codes


@pytest.mark.parametrize("name", TABLE["headers"]["prose"])
def test_a_header_of_prose_is_read(name: str) -> None:
    evidence = gather(Answer(status=429, headers=((name, "Something%20rare"),)))
    assert evidence is not None
    assert evidence.layers[0].texts == ["Something rare"]


@pytest.mark.parametrize("path", TABLE["good_status"]["business_codes"])
def test_a_business_code_fails_a_200(path: str) -> None:
    outer, _, inner = path.partition(".")
    assert classify(Answer(status=200, body=json.dumps({outer: {inner: 4711}}).encode())) is not None


@pytest.mark.parametrize("name", TABLE["good_status"]["statuses"])
def test_a_bad_status_in_the_body_fails_a_200(name: str) -> None:
    assert classify(Answer(status=200, body=json.dumps({name: 503, "message": "down"}).encode())) is not None


def test_the_page_tells_of_every_member() -> None:
    told = {name for row in table(PAGE, "member") for name in quoted(row[0])}
    assert told == set(TABLE)
    for member in ("providers", "reasons"):
        for name in next(iter(TABLE[member].values())):
            assert f"`{name}`" in PAGE
    for member in ("words", "headers", "request_quotes", "good_status", "statuses", "classes", "coarse", "limits"):
        for name in TABLE[member]:
            assert f"`{name}`" in PAGE or f"`{member}.{name}`" in PAGE, (member, name)
    assert {name for row in table(PAGE, "kind in `members`") for name in quoted(row[0])} == set(TABLE["members"])


def test_the_page_tells_of_every_judgement() -> None:
    told = section(PAGE, "## Judgements")
    for judgement in JUDGEMENTS:
        assert f"`{judgement}`" in told
        for name in TABLE["judgements"].get(judgement, {}):
            assert f"`{name}`" in PAGE, (judgement, name)


@pytest.mark.parametrize("to", sorted({to.partition("#")[0] for to in links(PAGE)} - {""}))
def test_the_links_of_the_page_lead_somewhere(to: str) -> None:
    assert (ROOT / "docs" / to).exists()


# --- the reader in another language ---


def readers_verdicts(answers: Mapping[str, Answer], rules: Rules, directory: Path) -> dict[str, dict[str, Any]]:
    """What clients/javascript makes of some answers by the table of some rules."""
    file = directory / "rules.json"
    file.write_text(json.dumps(exported(rules)), encoding="utf-8")
    lines = [
        json.dumps(
            {
                "id": name,
                "status": answer.status,
                "headers": answer.headers,
                "body": answer.body.decode("utf-8", "replace"),
                "provider": answer.provider,
                "stream": answer.stream,
            }
        )
        for name, answer in answers.items()
    ]
    done = subprocess.run(
        ["node", str(READER), str(file)], input="\n".join(lines), capture_output=True, text=True, check=True, timeout=50
    )
    return {told["id"]: told for told in map(json.loads, done.stdout.splitlines())}


def our_verdict(answer: Answer, rules: Rules) -> dict[str, Any]:
    verdict = classify(answer, rules)
    if verdict is None:
        return {"class": "ok"}
    return {"class": verdict.cls.value, **{name: str(getattr(verdict, name)) for name in COMPARED[1:]}}


def differing(answers: Mapping[str, Answer], rules: Rules, directory: Path) -> dict[str, str]:
    """The answers of which the reader says otherwise than we do, and how."""
    told = readers_verdicts(answers, rules, directory)
    assert told.keys() == answers.keys()
    found: dict[str, str] = {}
    for name, answer in answers.items():
        ours = our_verdict(answer, rules)
        others = [
            f"{key}: {ours[key]}, read as {told[name].get(key)}" for key in ours if ours[key] != told[name].get(key)
        ]
        if others:
            found[name] = "; ".join(others)
    return found


def wrapped(answer: Answer) -> Iterator[tuple[str, Answer]]:
    """The same failure in other clothes: what a gateway, an SDK or a stream makes of it."""
    text = answer.body.decode("utf-8", "replace")
    told = json.dumps({"error": {"message": f"Upstream said: {text}", "type": "upstream_error"}})
    event = b"event: error\n" + b"".join(b"data: " + line + b"\n" for line in answer.body.splitlines()) + b"\n"
    yield "in a good answer", in_a_good_answer(answer)
    yield "in a gateway's message", replace(answer, status=502, body=told.encode())
    yield "as an exception's text", Answer(status=500, body=json.dumps({"detail": repr({"e": text})}).encode())
    yield "in an event", Answer(status=200, body=event, provider=answer.provider, stream=True)
    yield "of another status", replace(answer, status=403 if answer.status != 403 else 429)
    yield "of nobody", replace(answer, provider="")
    yield "under a 200", replace(answer, status=200)
    yield "cut", replace(answer, body=answer.body[: len(answer.body) * 2 // 3])


@NEEDS_NODE
def test_a_reader_in_another_language_gives_our_verdicts_on_the_cases(tmp_path: Path) -> None:
    """At least 98 of 100 are alike in all, and docs/export.md names the others."""
    answers = {case.id: case.answer for case in read_cases()}
    found = differing(answers, builtin(), tmp_path)
    assert len(found) <= len(answers) * 0.02, found
    assert set(found) <= set(quoted(section(PAGE, "## What differs"))), found


@NEEDS_NODE
def test_it_gives_them_on_the_cases_in_other_clothes(tmp_path: Path) -> None:
    answers = {f"{case.id} {how}": answer for case in read_cases() for how, answer in wrapped(case.answer)}
    found = differing(answers, builtin(), tmp_path)
    assert len(found) <= len(answers) * 0.005, found


@NEEDS_NODE
def test_it_gives_them_on_the_wordings(tmp_path: Path) -> None:
    rows = (Path(__file__).parent / "wordings.jsonl").read_text(encoding="utf-8").splitlines()
    answers: dict[str, Answer] = {}
    for number, row in enumerate(map(json.loads, rows), 1):
        body = row["body"] if isinstance(row["body"], str) else json.dumps(row["body"], ensure_ascii=False)
        answers[str(number)] = answer_of({**row, "body": body})
    found = differing(answers, builtin(), tmp_path)
    assert len(found) <= len(answers) * 0.005, found


@NEEDS_NODE
def test_it_puts_a_users_rule_first_wherever_it_is_met(tmp_path: Path) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text("rules: [{id: mine.busy, when: {phrase: busy bee}, then: overloaded}]", encoding="utf-8")
    inner = json.dumps({"error": {"code": "insufficient_quota", "message": "Nothing is left."}})
    body = json.dumps({"error": {"message": f"A busy bee says: {inner}"}}).encode()
    answers = {"both": Answer(status=429, body=body)}
    rules = load_rules([mine])
    assert our_verdict(answers["both"], rules)["rule"] == "mine.busy"
    assert our_verdict(answers["both"], builtin())["rule"] != "mine.busy"
    assert differing(answers, rules, tmp_path) == {}


@NEEDS_NODE
def test_it_refuses_a_table_of_another_format(tmp_path: Path) -> None:
    (tmp_path / "rules.json").write_text('{"format": 1}', encoding="utf-8")
    done = subprocess.run(
        ["node", str(READER), str(tmp_path / "rules.json")], input="", capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    assert "a table of format 1, where 2 is read" in done.stderr
