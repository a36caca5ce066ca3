"""Which rules can never win: what is told is true for every answer, and the plain cases are told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from proxy.classifier import builtin, classify, load_rules
from proxy.classifier.files.load import rules_directory
from proxy.classifier.hygiene.cover import Cover, contradicts_itself, implies
from proxy.classifier.phrases import compile_phrase
from proxy.classifier.rules import Rules
from proxy.model import Answer


def loaded(tmp_path: Path, *whens: dict[str, Any], user: bool = True, heads: tuple[str, ...] = ("", "")) -> Rules:
    """Rules a, b, c, ... of these conditions, a file each, with the provider that `heads` gives it."""
    files = []
    for at, when in enumerate(whens):
        name = "abcdefgh"[at]
        provider = heads[at] if at < len(heads) else ""
        rule = {"id": name, "then": "overloaded", **({} if "when" in when else {"when": when}), **when}
        rule = {key: value for key, value in rule.items() if key in ("id", "when", "then", "tier", "anywhere")}
        value = {"rules": [rule]} | ({"provider": {"name": provider}} if provider else {})
        path = tmp_path / f"{name}.yaml"
        path.write_text(yaml.safe_dump(value), encoding="utf-8")
        files.append(path)
    reasons = rules_directory() / "reasons.yaml"
    return load_rules(files, files=[reasons]) if user else load_rules(files=[*files, reasons])


def takers(rules: Rules, name: str) -> list[str]:
    rule = next(rule for rule in rules.rules if rule.id == name)
    return [early.id for early in Cover(rules).takers(rule)]


NEVER = [
    ({"status": 429}, {"status": 429}),
    ({"status": "4xx"}, {"status": [400, 429]}),
    ({"status": 429}, {"status": 429, "code": "foo"}),
    ({"status": 400, "code": "E_A"}, {"status": 400, "code": "e-a"}),
    ({"code": ["a", "b"]}, {"code": "b", "not_code": "c"}),
    ({"shows": "window"}, {"shows": "window", "status": 500}),
    ({"header": {"x-a": ""}}, {"header": {"X-A": "b"}}),
    ({"header": {"x-a": "b"}}, {"header": {"x-a": "abc", "x-b": ""}}),
    ({"param": ["p", "q"]}, {"param": "p"}),
    ({"link": "acme.example"}, {"link": "docs.acme.example/quota"}),
    ({"phrase": "coffee break"}, {"phrase": "coffee break"}),
    ({"phrase": "coffee break"}, {"phrase": "long coffee break today"}),
    ({"phrase": "coffee|tea break"}, {"phrase": "coffee break"}),
    ({"phrase": "coffee break~"}, {"phrase": ["coffee breaks", "coffee break now"]}),
    ({"phrase": "coffee ... over"}, {"phrase": "coffee is? not .. over"}),
    ({"phrase": "coffee # ago"}, {"phrase": "coffee # ago"}),
    ({"phrase": "咖啡"}, {"phrase": "喝咖啡"}),
    ({"phrase": "coffee"}, {"phrase": "coffee break", "code": "x"}),
    ({"phrase": "tea", "unless": "green tea"}, {"phrase": "tea", "unless": ["green tea", "cup"]}),
    ({"phrase": "tea", "unless": "green tea"}, {"phrase": "tea", "unless": "green"}),
]
MAY_WIN = [
    ({"status": 429}, {"status": [429, 430]}),
    ({"status": 429, "code": "foo"}, {"status": 429}),
    ({"code": "a"}, {"code": ["a", "b"]}),
    ({"code": "a", "not_code": "c"}, {"code": "a"}),
    ({"code": "a", "phrase": "tea"}, {"code": "a"}),
    ({"shows": "window"}, {"shows": "zero_limit"}),
    ({"header": {"x-a": "b"}}, {"header": {"x-a": ""}}),
    ({"header": {"x-a": ""}}, {"header": {"x-a": ""}, "code": "b"}),  # the code may stand further in
    ({"header": {"x-a": ""}}, {"header": {"x-a": ""}, "param": "p"}),
    ({"param": "p"}, {"param": ["p", "q"]}),
    ({"phrase": "long coffee break"}, {"phrase": "coffee break"}),
    ({"phrase": "coffee break"}, {"phrase": "coffee|tea break"}),
    ({"phrase": "coffee .. over"}, {"phrase": "coffee ... over"}),
    ({"phrase": "coffee over"}, {"phrase": "coffee is? over"}),
    ({"phrase": "coffee 7 ago"}, {"phrase": "coffee # ago"}),
    ({"phrase": "tea", "unless": "green"}, {"phrase": "tea", "unless": "green tea"}),
    ({"phrase": "tea"}, {"code": "tea_time"}),
]


@pytest.mark.parametrize(("early", "late"), NEVER)
def test_a_rule_that_leaves_nothing_to_a_later_one(tmp_path: Path, early: dict[str, Any], late: dict[str, Any]) -> None:
    assert takers(loaded(tmp_path, early, late), "b") == ["a"]


@pytest.mark.parametrize(("early", "late"), MAY_WIN)
def test_a_rule_that_leaves_something_to_a_later_one(
    tmp_path: Path, early: dict[str, Any], late: dict[str, Any]
) -> None:
    assert takers(loaded(tmp_path, early, late), "b") == []


def test_several_rules_may_take_it_all_together(tmp_path: Path) -> None:
    both: list[dict[str, Any]] = [{"code": "a", "status": "400-404"}, {"code": ["a", "b"], "status": "405-410"}]
    assert takers(loaded(tmp_path, *both, {"code": "a", "status": "404-406"}), "c") == ["a", "b"]
    assert takers(loaded(tmp_path, *both, {"code": "a", "status": "404-411"}), "c") == []
    assert takers(loaded(tmp_path, *both, {"code": ["a", "b"], "status": "404-406"}), "c") == []


def test_a_higher_tier_wins_whatever_the_order(tmp_path: Path) -> None:
    code, hint = {"when": {"code": "a"}}, {"when": {"code": "a"}, "tier": "hint"}
    assert takers(loaded(tmp_path, hint, code, user=False), "a") == ["b"]
    assert takers(loaded(tmp_path, hint, code, user=False), "b") == []


def test_whose_rule_it_is_counts(tmp_path: Path) -> None:
    code = {"code": "a"}
    common_first = loaded(tmp_path, code, code, user=False, heads=("", "acme"))
    assert takers(common_first, "b") == []  # where its own provider speaks it is first
    assert takers(loaded(tmp_path, code, code, user=False, heads=("acme", "")), "b") == []
    everywhere = {"when": code, "anywhere": True}
    assert takers(loaded(tmp_path, everywhere, code, user=False, heads=("acme", "")), "b") == ["a"]
    assert takers(loaded(tmp_path, code, code, user=False, heads=("acme", "other")), "b") == []
    assert takers(loaded(tmp_path, code, code, user=False, heads=("acme", "acme")), "b") == ["a"]


def test_a_status_is_its_own_providers_first(tmp_path: Path) -> None:
    status = {"status": 434}
    assert takers(loaded(tmp_path, status, status, user=False, heads=("", "acme")), "b") == []
    assert takers(loaded(tmp_path, status, {"when": status, "anywhere": True}, user=False), "b") == ["a"]


@pytest.mark.parametrize(
    ("when", "said"),
    [
        ({"code": "E_A", "not_code": ["E_A", "E_B"]}, "asks for the code e_a and excludes it"),
        ({"phrase": "foo bar", "unless": "foo"}, "asks for the phrase 'foo bar' and excludes it by unless"),
        ({"code": ["E_A", "E_C"], "not_code": ["E_A", "E_B"]}, ""),
        ({"phrase": ["foo bar", "bar"], "unless": "foo"}, ""),
        ({"phrase": "foo", "unless": "foo bar"}, ""),
    ],
)
def test_a_rule_that_contradicts_itself(tmp_path: Path, when: dict[str, Any], said: str) -> None:
    assert contradicts_itself(loaded(tmp_path, when).rules[0]) == said


def test_no_built_in_rule_is_in_vain() -> None:
    cover = Cover(builtin())
    assert {rule.id: [early.id for early in cover.takers(rule)] for rule in builtin().rules if cover.takers(rule)} == {}
    assert {rule.id: contradicts_itself(rule) for rule in builtin().rules if contradicts_itself(rule)} == {}


def test_a_phrase_of_too_many_spellings_implies_nothing() -> None:
    wide = compile_phrase(" ".join(["go|stop"] * 14))
    assert implies(compile_phrase("go go go"), compile_phrase("go go"))
    assert not implies(wide, compile_phrase("go|stop .. stop|go ... stop go|stop go stop go"))


_WORDS = st.sampled_from(["red", "tea", "cup"])
_ELEMENT = st.one_of(_WORDS, st.sampled_from(["red|tea", "tea|cup"]))
_PHRASE = st.one_of(
    _ELEMENT,
    st.tuples(_ELEMENT, st.sampled_from(["", " ..", " cup?", " ..  red?"]), _ELEMENT).map(
        lambda parts: f"{parts[0]}{parts[1]} {parts[2]}"
    ),
)
_STATUSES = st.lists(st.sampled_from([400, 429, 500]), min_size=1, max_size=3, unique=True)
_CODES = st.lists(st.sampled_from(["e_a", "e_b", "red_tea"]), min_size=1, max_size=2, unique=True)
_WHEN: st.SearchStrategy[dict[str, Any]] = st.dictionaries(
    st.sampled_from(["status", "code", "phrase"]), st.none(), min_size=1
).flatmap(
    lambda keys: st.fixed_dictionaries(
        {
            key: {"status": _STATUSES, "code": _CODES, "phrase": st.lists(_PHRASE, min_size=1, max_size=2)}[key]
            for key in keys
        },
        optional={"unless": _PHRASE, "not_code": _CODES, "header": st.sampled_from([{"x-a": ""}, {"x-a": "b"}])},
    )
)
_RULE: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {"when": _WHEN}, optional={"anywhere": st.booleans(), "tier": st.just("hint")}
)
# The second is the first with more asked for, half of the time: else few would leave nothing to another.
_PAIR = st.tuples(_RULE, _RULE, st.booleans()).map(
    lambda drawn: (drawn[0], {**drawn[1], "when": {**drawn[1]["when"], **drawn[0]["when"]}} if drawn[2] else drawn[1])
)
_ANSWERS = [
    Answer(
        status=status,
        headers=(("x-a", "b"),) if has_header else (),
        body=json.dumps({"error": dict(zip(("message", "code", "type"), (said, *codes), strict=False))}).encode(),
        provider=provider,
    )
    for status in (400, 500)
    for provider in ("", "acme", "bean")
    for codes in ((), ("e_a",), ("e_b",), ("e_a", "e_b"), ("red_tea",))
    for said in (
        "so",
        "red",
        "tea",
        "cup",
        "red tea",
        "tea cup red",
        "red so so tea",
        "red cup tea",
        "it is e_a",
        "a red_tea",
    )
    for has_header in (False, True)
]


@given(
    rules=_PAIR,
    heads=st.tuples(st.sampled_from(["", "acme"]), st.sampled_from(["", "acme", "bean"])),
    user=st.booleans(),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_told_never_to_win_decides_no_answer(
    tmp_path: Path, rules: tuple[dict[str, Any], dict[str, Any]], heads: tuple[str, str], user: bool
) -> None:
    both = loaded(tmp_path, *rules, user=user, heads=heads)
    vain = {name for name in "ab" if takers(both, name)}
    if vain:
        decided = {verdict.rule for answer in _ANSWERS if (verdict := classify(answer, both))}
        assert decided.isdisjoint(vain)
