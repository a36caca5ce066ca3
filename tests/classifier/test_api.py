"""The classifier as JSON, as an import, as an explanation and as an exported table."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from proxy.classifier import builtin, classify
from proxy.classifier.api import NotAnAnswerError, answer_of, classify_json, verdict_dict
from proxy.classifier.explain import explain
from proxy.classifier.export import exported
from proxy.classifier.hygiene.cases import read_cases
from proxy.classifier.phrases import compile_phrase
from proxy.model import Answer


def test_an_object_in_a_verdict_out() -> None:
    value = {
        "id": 7,
        "provider": "openai",
        "status": 429,
        "headers": {"Retry-After": "3"},
        "body": '{"error":{"code":"rate_limit_exceeded"}}',
    }
    assert classify_json(value) == {
        "id": 7,
        "class": "rate_limited",
        "reason": "rate_limit",
        "scope": "credential",
        "retry": True,
        "retry_after_s": 3.0,
        "action": "reset",
        "rule": "hint.rate-limit",
        "confidence": "code",
        "advice": "Too many calls for this account's limit. Wait and try again.",
        "forget": None,
    }


def test_the_member_to_forget_is_named() -> None:
    told = classify_json({"status": 400, "body": '{"error":{"code":"previous_response_not_found"}}'})
    assert (told["action"], told["forget"]) == ("new_session", "previous_response_id")


def test_good_and_failed_answers_have_the_same_members() -> None:
    assert list(classify_json({"status": 200})) == list(classify_json({"status": 402}))


@pytest.mark.parametrize(
    ("headers", "wait_s"),
    [
        ({"Date": "Sun, 04 Jan 2026 12:00:00 GMT"}, 60.0),
        ({"date": "yesterday, about noon"}, 10.0),
        ({}, 10.0),
    ],
)
def test_an_answers_own_date_outranks_the_servers_clock(headers: dict[str, str], wait_s: float) -> None:
    """It may have been obtained long ago; where it does not say when, it is taken as just received."""
    until = 1767528060  # a minute after noon
    value = {"status": 429, "headers": {**headers, "x-ratelimit-remaining": "0", "x-ratelimit-reset": str(until)}}
    for explained in (False, True):
        assert classify_json(value, now=until - 10.0, explain=explained)["retry_after_s"] == wait_s
    assert classify_json(value)["retry_after_s"] == (60.0 if wait_s == 60.0 else None)


def test_a_good_answer_is_ok() -> None:
    assert classify_json({"status": 200, "body": "{}"})["class"] == "ok"
    assert verdict_dict(None, "x")["id"] == "x"


def test_headers_may_be_pairs_and_repeat() -> None:
    answer = answer_of({"status": 429, "headers": [["a", "1"], ["a", "2"]]})
    assert answer.headers == (("a", "1"), ("a", "2"))
    assert answer_of({"status": 429, "headers": {"a": ["1", 2]}}).headers == (("a", "1"), ("a", "2"))


@pytest.mark.parametrize(
    "value",
    [None, [], 7, "x", {}, {"status": "429"}, {"status": True}, {"status": 7}, {"status": 429, "body": {}}, {"status": 429, "headers": 7},
     {"status": 429, "headers": [["a"]]}, {"status": 429, "headers": {"a": {}}}, {"status": 429, "provider": 7}, {"status": 429, "stream": "no"}],
)  # fmt: skip
def test_what_is_no_answer_is_told_in_a_sentence(value: Any) -> None:
    with pytest.raises(NotAnAnswerError) as caught:
        answer_of(value)
    assert str(caught.value)


@pytest.mark.parametrize("identity", ["NaN", "1e999", '{"a": [-Infinity]}'])
def test_an_id_that_no_json_can_hold_is_not_given_back(identity: str) -> None:
    with pytest.raises(NotAnAnswerError, match="id: "):
        classify_json(json.loads(f'{{"status": 429, "id": {identity}}}'))


def test_an_explanation_tells_evidence_rules_and_why() -> None:
    body = json.dumps(
        {
            "error": {
                "message": "litellm: " + json.dumps({"error": {"message": "limit of 20 requests per minute reached"}})
            }
        }
    )
    told = explain(Answer(status=429, body=body.encode(), headers=(("retry-after", "3"),)))
    assert told.verdict == classify(Answer(status=429, body=body.encode(), headers=(("retry-after", "3"),)))
    assert any("further in" in line for line in told.evidence)
    assert told.considered[0].rule == "judged.window"
    assert "time alone refills it" in told.why[0]
    assert any("innermost" in line for line in told.why)
    assert any("wait of 3 s" in line for line in told.why)
    json.dumps(told.as_dict())


@pytest.mark.parametrize(
    ("status", "message", "words"),
    [
        (429, "tokens per min: Limit 10, Requested 20 tokens", "no wait makes it fit"),
        (429, "quota exceeded, limit: 0", "never refills"),
        (429, "we are receiving too many requests", "their side"),
        (429, "quota exceeded. try again in 3h", "when it refills"),
        (401, "server overloaded", "contradict each other"),
        (500, "Request failed with status code 429 x", "quotes a status 429"),
    ],
)
def test_every_judgement_shows_up_in_words(status: int, message: str, words: str) -> None:
    told = explain(Answer(status=status, body=json.dumps({"error": {"message": message}}).encode()))
    assert words in " ".join(told.why), told.why


def test_an_explanation_is_the_same_in_every_process() -> None:
    """Where several phrases of a rule are met, the one that is named does not hang on the order of a set."""
    program = (
        "from proxy.classifier.explain import explain; from proxy.model import Answer;"
        'print(explain(Answer(status=429, body=b\'{"error":{"message":"Rate limit reached: the limit of requests is exceeded, too many requests.","code":"rate_limit_is_exceeded"}}\')))'
    )
    told = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed},
            cwd=Path(__file__).parents[2],
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(told) == 1, told


def test_explaining_never_changes_the_verdict() -> None:
    for case in read_cases():
        assert explain(case.answer).verdict == classify(case.answer)


def test_the_exported_table_holds_every_rule_reason_and_provider() -> None:
    rules = builtin()
    table = json.loads(json.dumps(exported(rules)))
    assert table["format"] == 2
    assert {rule["id"] for rule in table["rules"]} == {rule.id for rule in rules.rules}
    assert set(table["reasons"]) == set(rules.reasons)
    assert set(table["providers"]) == set(rules.providers)
    assert {"code", "errorcode", "type"} <= set(table["members"]["code"])
    assert not any(set(one) & set(other) for one, other in itertools.combinations(table["members"].values(), 2))
    orders = [rule["order"] for rule in table["rules"]]
    assert orders == sorted(orders)
    for rule in table["rules"]:
        for phrase in rule.get("phrase", []):
            compile_phrase(phrase)


def test_the_library_stands_alone() -> None:
    """In a fresh interpreter `from proxy import classify, Answer` works, and brings neither aiohttp nor a server."""
    code = (
        "import sys; from proxy import Answer, classify\n"
        "assert classify(Answer(status=402)).cls == 'budget_exhausted'\n"
        "loaded = {'aiohttp', 'asyncio', 'ssl'} & set(sys.modules)\n"
        "assert not loaded, loaded"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
