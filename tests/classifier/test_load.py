"""Rule files: what users may write, and every mistake told by file and line."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from proxy.classifier import RulesError, classify, load_rules
from proxy.classifier.files.heads import HEAD_KEYS
from proxy.classifier.files.load import REASON_KEYS, RULE_KEYS, WHEN_KEYS
from proxy.classifier.phrases import compile_phrase
from proxy.model import Answer, Class, Dialect, Scope


def rules_file(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    return path


OWN = """\
provider:
  name: acme
  aliases: [acme-ai]
  hosts: [api.acme.example, .acme.example]
  hosted: true
  credential: x-acme-key
  dialect: anthropic
  generation_paths: [/v9/think]
  stream_end: eof
  refuses: [empty_message]
  business_codes: [result.code]
  clock: 9
reasons:
  coffee_break: {class: overloaded, scope: provider, action: keep, advice: "Wait for the coffee to be ready.", meaning: "a pause"}
rules:
- id: acme.coffee
  source: https://docs.acme.example/errors
  when: {status: [418, 5xx, 420-425], code: E_COFFEE, unless: ["no coffee"]}
  then: coffee_break
- id: status.forbidden
  when: {status: 403}
  then: region_not_allowed
"""


def test_a_users_file_adds_reasons_rules_and_a_provider(tmp_path: Path) -> None:
    rules = load_rules([rules_file(tmp_path, OWN)])
    verdict = classify(Answer(status=418, body=b'{"error":{"code":"e-coffee"}}', provider="acme"), rules)
    assert verdict is not None
    assert (verdict.cls, verdict.reason, verdict.scope, verdict.rule) == (
        Class.OVERLOADED,
        "coffee_break",
        Scope.PROVIDER,
        "acme.coffee",
    )
    provider = rules.providers["acme"]
    assert (provider.hosted, provider.credential, provider.dialect, provider.stream_end) == (
        True,
        "x-acme-key",
        Dialect.ANTHROPIC,
        "eof",
    )
    assert (provider.generation_paths, provider.refuses, provider.business_codes) == (
        ("/v9/think",),
        frozenset({"empty_message"}),
        ("result.code",),
    )
    assert rules.provider("Acme AI") is provider
    assert rules.provider_of_host("eu.acme.example") is provider
    assert rules.provider_of_host("API.ACME.EXAMPLE.") is provider
    assert rules.provider_of_host("acme.example.evil.test") is None
    assert rules.ahead_s("acme") == 9 * 3600


def test_what_a_users_head_leaves_out_the_built_in_one_says(tmp_path: Path) -> None:
    rules = load_rules([rules_file(tmp_path, "provider: {name: anthropic, aliases: [house], hosted: false}\n")])
    provider = rules.provider_of_host("api.anthropic.com")
    assert provider is not None
    assert (provider.name, provider.credential, provider.hosted) == ("anthropic", "x-api-key", False)
    assert rules.provider("house") is provider
    assert rules.provider("claude") is provider


def test_a_users_rule_outranks_codes_and_replaces_a_built_in_one_by_its_id(tmp_path: Path) -> None:
    path = rules_file(
        tmp_path,
        'rules:\n- {id: mine, when: {phrase: ["quota"]}, then: tokens_per_day}\n- {id: status.forbidden, when: {status: 403}, then: region_not_allowed}\n',
    )
    rules = load_rules([path])
    body = b'{"error":{"message":"quota","code":"insufficient_quota"}}'
    assert [verdict.rule for verdict in [classify(Answer(status=429, body=body), rules)] if verdict] == ["mine"]
    assert [verdict.reason for verdict in [classify(Answer(status=403), rules)] if verdict] == ["region_not_allowed"]


def test_a_users_rule_for_a_status_alone_is_first_too(tmp_path: Path) -> None:
    rules = load_rules([rules_file(tmp_path, "rules:\n- {id: mine, when: {status: 429}, then: overloaded}\n")])
    verdict = classify(Answer(status=429, body=b'{"error":{"code":"insufficient_quota"}}'), rules)
    assert verdict is not None
    assert (verdict.rule, verdict.confidence) == ("mine", "status")


def test_a_providers_rule_for_a_status_alone_is_its_own() -> None:
    told = {
        provider: verdict.reason
        for provider in ("groq", "stepfun", "openai")
        for verdict in [classify(Answer(status=498 if provider == "groq" else 451, provider=provider))]
        if verdict
    }
    assert told == {"groq": "overloaded", "stepfun": "content_policy", "openai": "region_not_allowed"}


def test_a_users_reason_replaces_the_built_in_one(tmp_path: Path) -> None:
    path = rules_file(
        tmp_path, 'reasons:\n  overloaded: {class: overloaded, advice: "Ask the night shift.", meaning: x}\n'
    )
    verdict = classify(Answer(status=529), load_rules([path]))
    assert verdict is not None
    assert verdict.advice == "Ask the night shift."


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        (
            "rules:\n- id: a\n  when: {status: 400}\n  then: invalid_request\n  clas: x\n",
            ["5: rule a: unknown key 'clas'"],
        ),
        (
            "rules:\n- id: a\n  when:\n    statuss: 400\n    status: 400\n  then: invalid_request\n",
            ["4: rule a: unknown key 'statuss', did you mean \"status\"?"],
        ),
        (
            "rules:\n- id: a\n  when: {status: 400}\n  then: insuficient_quota\n",
            ["4: then: unknown reason 'insuficient_quota', did you mean \"insufficient_quota\"?"],
        ),
        (
            "rules:\n- id: a\n  when: {status: 4x}\n  then: quota\n",
            ["3: rule a: status: '4x' is neither a number, 400-499 nor 4xx"],
        ),
        *(
            (
                f"rules:\n- id: a\n  when: {{status: {status}}}\n  then: quota\n",
                [f"3: rule a: status: '{status}' is neither a number, 400-499 nor 4xx"],
            )
            for status in ("499-400", "4xx-500", "1-99999999999", "²22", "99")
        ),
        ("rules:\n- id: a\n  when: {}\n  then: quota\n", ["2: rule a: when: needs at least one condition"]),
        (
            "rules:\n- id: a\n  when: {phrase: ['..']}\n  then: quota\n",
            ["3: rule a: phrase '..': a gap stands between two words"],
        ),
        (
            "rules:\n- id: a\n  when: {phrase: ['quota ..']}\n  then: quota\n",
            ["3: rule a: phrase 'quota ..': ends with a gap"],
        ),
        (
            "rules:\n- id: a\n  when:\n    phrase: |\n      quota gone\n      .. quota\n  then: quota\n",
            ["4: rule a: phrase '.. quota': a gap stands between"],
        ),
        ("rules: []\n---\nrules: []\n", ["2: is not YAML: only one document is read"]),
        (
            "rules:\n- id: a\n  when: {phrase: ['# quota']}\n  then: quota\n",
            ["3: rule a: phrase '# quota': the first element is a word"],
        ),
        (
            "rules:\n- id: a\n  when: {shows: windows}\n  then: quota\n",
            ["3: rule a: shows: 'windows' is not one of", 'did you mean "window"?'],
        ),
        (
            "rules:\n- id: a\n  tier: codes\n  when: {code: x}\n  then: quota\n",
            ["3: rule a: tier: 'codes' is not one of"],
        ),
        ("rules:\n- when: {code: x}\n  then: quota\n", ["2: rule 1: needs an id"]),
        ('rules:\n- {id: "a\\nb", when: {code: x}, then: quota}\n', ["2: rule 1: needs an id of letters"]),
        ("reasons:\n  no word: {class: auth, advice: a, meaning: b}\n", ["2: reason 'no word': a reason is one word"]),
        (
            "rules:\n- {id: a, when: {code: x}, then: quota}\n- {id: a, when: {code: y}, then: quota}\n",
            ["3: rule a: this id is used twice"],
        ),
        ("rules:\n- id: a\n  when: {code: x}\n", ["2: rule a: then: needs a reason"]),
        ("rules: 7\n", ["1: rules: expected a list"]),
        ("rule: []\n", ["1: unknown key 'rule', did you mean \"rules\"?"]),
        ("[]\n", ["1: expected a mapping"]),
        ("a: [\n", ["2: is not YAML"]),
        (
            "rules:\n- {id: a, when: {code: x, code: y}, then: quota}\n",
            ["2: is not YAML: a key of this mapping is given twice"],
        ),
        ("rules:\n- {id: a, when: {[code]: x}, then: quota}\n", ["2: is not YAML: a key of this mapping is"]),
        ("rules: &a [*a]\n", ["1: is not YAML: unknown alias 'a'"]),
        (
            "reasons:\n  x: {class: overloded, advice: a, meaning: b}\n",
            ["2: reason x: class: 'overloded' is not one of", 'did you mean "overloaded"?'],
        ),
        (
            "reasons:\n  x: {class: auth, advice: 'häßlich', meaning: b}\n",
            ["2: reason x: advice is one ASCII sentence"],
        ),
        (
            f"reasons:\n  x: {{class: auth, advice: '{'a' * 161}', meaning: b}}\n",
            ["2: reason x: advice is one ASCII sentence"],
        ),
        ("provider: {hosts: [x]}\n", ["1: provider: needs a name"]),
        ("provider:\n  name: x\n  dialect: klingon\n", ["3: provider.dialect: 'klingon' is not one of: openai_chat, "]),
        ("provider:\n  name: x\n  clock: noon\n", ["3: provider.clock: expected hours"]),
        (
            "provider:\n  name: x\n  hosted: 'no'\n",
            ["3: provider.hosted: expected true or false, without quotes, found 'no'"],
        ),
        ("provider:\n  name: x\n  stream_end: bogus\n", ["3: provider.stream_end: 'bogus' is not one of: eof"]),
        (
            "provider:\n  name: x\n  refuses: [role_ordr]\n",
            ["3: provider.refuses: 'role_ordr' is not one of", 'did you mean "role_order"?'],
        ),
        ("provider:\n  name: x\n  credential: [a]\n", ["3: provider.credential: expected the name of a header"]),
        ("provider:\n  name: x\n  credential: 'x key'\n", ["3: provider.credential: expected the name of a header"]),
        ("provider:\n  name: x\n  hosts: {a: b}\n", ["3: provider.hosts: expected words"]),
        (
            "provider:\n  name: x\n  speaks: [antropic]\n",
            ["3: provider.speaks: no rule file has the provider 'antropic', did you mean \"anthropic\"?"],
        ),
        (
            "rules:\n- id: a\n  when: {code: x}\n  then: quota\n  anywhere: 'false'\n",
            ["5: rule a: anywhere: expected true or false, without quotes, found 'false'"],
        ),
        (
            "rules:\n- id: a\n  when: {code: x}\n  then: quota\n  source: [b]\n",
            ["5: rule a: source: expected a text, found ['b']"],
        ),
        (
            "rules:\n- id: a\n  when: {code: x}\n  then: quota\n  scope: [model]\n",
            ["5: rule a: scope: ['model'] is not one of"],
        ),
        (
            "rules:\n- id: a\n  when: {code: x}\n  then: quota\n  action: 7\n",
            ["5: rule a: action: 7 is not one of"],
        ),
        *(
            (
                f"rules:\n- id: a\n  when:\n    {condition}\n  then: quota\n",
                ["4: rule a: ", "holds nothing: fill it or leave it out"],
            )
            for condition in ("code:", "phrase: []", "header: {}", "status: ''")
        ),
        (
            "rules:\n- id: a\n  when: {header: {x-a: [b]}}\n  then: quota\n",
            ["3: rule a: header: x-a: expected a text"],
        ),
        (
            "reasons:\n  x: {class: auth, advice: 5, meaning: b}\n",
            ["2: reason x: advice is one ASCII sentence"],
        ),
        (
            "reasons:\n  x: {class: auth, advice: a, meaning: [b]}\n",
            ["2: reason x: meaning: expected a text, found ['b']"],
        ),
    ],
)
def test_mistakes(tmp_path: Path, text: str, problems: list[str]) -> None:
    path = rules_file(tmp_path, text)
    with pytest.raises(RulesError) as caught:
        load_rules([path])
    assert caught.value.problems[0].startswith(f"{path}:{problems[0]}")
    for part in problems[1:]:
        assert part in caught.value.problems[0]


_SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.sampled_from(["quota", "a .. b", "", "4xx"])
)
_VALUES: st.SearchStrategy[Any] = st.one_of(
    _SCALARS, st.lists(st.one_of(_SCALARS, st.just([[]])), max_size=2), st.dictionaries(_SCALARS, _SCALARS, max_size=2)
)


def _mapping(keys: frozenset[str], **given_values: Any) -> st.SearchStrategy[Any]:
    return st.fixed_dictionaries(given_values, optional=dict.fromkeys(keys - given_values.keys(), _VALUES))


_FILES = st.fixed_dictionaries(
    {},
    optional={
        "provider": _mapping(HEAD_KEYS, name=st.just("acme")),
        "reasons": st.dictionaries(st.sampled_from(["quota", "mine"]), _mapping(REASON_KEYS), max_size=2),
        "rules": st.lists(_mapping(RULE_KEYS, id=st.just("a.b"), when=_mapping(WHEN_KEYS)), max_size=2),
    },
)


@given(_FILES)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_a_file_holds_it_gives_rules_or_told_mistakes(tmp_path: Path, tree: dict[str, Any]) -> None:
    path = rules_file(tmp_path, yaml.safe_dump(tree))
    with contextlib.suppress(RulesError):
        load_rules(files=[path])


def test_every_mistake_is_told_at_once(tmp_path: Path) -> None:
    path = rules_file(tmp_path, "rules:\n- {id: a, when: {status: x}, then: nope}\n- {id: b, wen: {}, then: quota}\n")
    with pytest.raises(RulesError) as caught:
        load_rules([path, tmp_path / "absent.yaml"])
    assert len(caught.value.problems) == 5
    assert any("absent.yaml:1: cannot be read" in problem for problem in caught.value.problems)


def test_a_rule_without_a_reason_hides_no_other_mistake(tmp_path: Path) -> None:
    text = "rules:\n- id: a.b\n  when: {statuz: 4}\n  then: {clas: overloaded}\n"
    with pytest.raises(RulesError) as raised:
        load_rules([rules_file(tmp_path, text)])
    told = [problem.partition("mine.yaml")[2] for problem in raised.value.problems]
    assert ":4: rule a.b: then: needs a reason" in told
    assert ":3: rule a.b: unknown key 'statuz', did you mean \"status\"?" in told


def test_an_answer_knows_its_provider_by_any_of_its_names() -> None:
    rules = load_rules()
    for name in ("bedrock", "Amazon Bedrock", "amazon-bedrock", "aws"):
        provider = rules.provider(name)
        assert provider is not None
        assert provider.name == "bedrock"
    assert rules.provider("nobody") is None


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("api.openai.com", "openai"),
        ("api.anthropic.com", "anthropic"),
        ("my-resource.openai.azure.com", "azure"),
        ("generativelanguage.googleapis.com", "gemini"),
        ("us-central1-aiplatform.googleapis.com", "vertex"),
        ("aiplatform.googleapis.com", "vertex"),
        ("bedrock-runtime.us-east-1.amazonaws.com", "bedrock"),
        ("openrouter.ai", "openrouter"),
        ("api.groq.com", "groq"),
        ("api.openai.com.evil.test", None),
        ("localhost", None),
    ],
)
def test_providers_by_host(host: str, name: str | None) -> None:
    provider = load_rules().provider_of_host(host)
    assert (provider.name if provider else None) == name


def test_a_block_of_text_holds_a_phrase_a_line(tmp_path: Path) -> None:
    text = (
        "rules:\n- id: mine.gone\n  when:\n    phrase: |\n      tokens are gone\n      no tokens left\n  then: quota\n"
    )
    rules = load_rules([rules_file(tmp_path, text)])
    assert [phrase.text for phrase in rules.rules[0].phrases] == ["tokens are gone", "no tokens left"]
    for said in ("The tokens are gone.", "no tokens left"):
        verdict = classify(Answer(status=429, body=said.encode()), rules)
        assert verdict is not None
        assert verdict.rule == "mine.gone"


def test_every_built_in_phrase_can_be_read_and_is_found_by_words_that_it_needs() -> None:
    rules = load_rules()
    for word, found in rules.index.by_word.items():
        for phrase, rule in found:
            needed = [step.any_of for step in compile_phrase(phrase.text).steps if not step.optional and step.any_of]
            assert any(word in any_of and all(rules.index.by_word[one] for one in any_of) for any_of in needed), (
                phrase.text
            )
            assert phrase in rule.phrases
    for rule in rules.rules:
        for phrase in rule.unless:
            compile_phrase(phrase.text)
