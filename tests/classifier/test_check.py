"""What is wrong with rules: each mistake has a bad twin that is told and a good one that is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from proxy.classifier import builtin, load_rules
from proxy.classifier.files.load import builtin_files
from proxy.classifier.hygiene.cases import read_cases
from proxy.classifier.hygiene.check import cost, examined, problems
from proxy.classifier.hygiene.near import near
from proxy.classifier.phrases import compile_phrase
from proxy.model import Answer


def told(tmp_path: Path, rules: str, cases: str = "cases: []\n") -> list[str]:
    """What is said of one provider's file beside the built-in ones, with cases of its own."""
    (tmp_path / "acme.yaml").write_text("provider: {name: acme}\nrules:\n" + rules, encoding="utf-8")
    (tmp_path / "cases.yaml").write_text(cases, encoding="utf-8")
    beside = [path for path in builtin_files() if path.name in ("reasons.yaml", "anthropic.yaml", "statuses.yaml")]
    loaded = load_rules(files=[tmp_path / "acme.yaml", *beside])
    unread: list[str] = []
    own = read_cases([tmp_path / "cases.yaml"], unread)
    return unread + [problem for problem in problems(loaded, own) if "acme" in problem or "cases.yaml" in problem]


GOOD = "- {id: acme.tea, when: {code: e_tea}, then: overloaded}\n"
GOOD_CASE = """\
cases:
- id: tea
  source: https://docs.acme.example/
  answer: {provider: acme, status: 503, body: '{"error": {"code": "e_tea"}}'}
  expect: {class: overloaded, rule: acme.tea}
"""
NEAR_CASE = """\
- id: coffee
  source: https://docs.acme.example/
  answer: {provider: bean, status: 401, body: '{"error": {"code": "e_tea"}}'}
  expect: {class: CLASS}
"""


def test_a_healthy_rule(tmp_path: Path) -> None:
    assert told(tmp_path, GOOD, GOOD_CASE + NEAR_CASE.replace("CLASS", "auth")) == []


def test_a_rule_without_cases(tmp_path: Path) -> None:
    assert told(tmp_path, GOOD) == [f"{tmp_path / 'acme.yaml'}:3: rule acme.tea: no case is decided by it"]


def test_a_case_that_comes_out_otherwise(tmp_path: Path) -> None:
    cases = GOOD_CASE.replace("class: overloaded", "class: auth") + NEAR_CASE.replace("CLASS", "auth")
    assert told(tmp_path, GOOD, cases) == [
        f"{tmp_path / 'cases.yaml'}:2: case tea: class: expected auth, got overloaded"
    ]


def test_a_rule_that_can_never_win(tmp_path: Path) -> None:
    found = told(tmp_path, GOOD + "- {id: acme.late, when: {code: e_tea, status: 503}, then: queue_full}\n", GOOD_CASE)
    assert f"{tmp_path / 'acme.yaml'}:4: rule acme.late: can never win, acme.tea takes all of it first" in found


def test_a_rule_before_a_broader_one_can_win(tmp_path: Path) -> None:
    rules = "- {id: acme.early, when: {code: e_tea, status: 500}, then: queue_full}\n" + GOOD
    assert not [problem for problem in told(tmp_path, rules, GOOD_CASE) if "never win" in problem]


def test_a_rule_without_near_misses(tmp_path: Path) -> None:
    """The case itself is none, nor is what the checks themselves make of it."""
    assert told(tmp_path, GOOD, GOOD_CASE) == [
        f"{tmp_path / 'acme.yaml'}:3: rule acme.tea: no case is a near miss of it"
    ]


@pytest.mark.parametrize(
    ("when", "answer"),
    [
        ("code: e_tea", "status: 500, body: 'the log of last night says e_tea'"),
        ("phrase: tea is gone", "status: 500, body: 'tea is served'"),
        ("header: {x-tea: cold}", "status: 500, headers: {x-tea: hot}"),
        ("param: tea", 'status: 500, body: \'{"error": {"param": "tea"}}\', provider: acme'),
        ("status: 418", "status: 418"),
        ("code: e_tea", 'status: 200, body: \'{"choices": [{"message": {"content": "it is e_tea"}}]}\''),
        ("shows: zero_limit", "status: 413, body: 'tokens per minute: Limit 0, Requested 5'"),
    ],
)
def test_what_a_near_miss_holds(tmp_path: Path, when: str, answer: str) -> None:
    when = when if "param" not in when else f"{when}, status: 400"
    rules = f"- {{id: acme.tea, when: {{{when}}}, then: overloaded}}\n"
    (tmp_path / "acme.yaml").write_text(f"provider: {{name: acme}}\nrules:\n{rules}", encoding="utf-8")
    case = f"cases:\n- {{id: x, source: y, answer: {{{answer}}}, expect: {{class: ok}}}}\n"
    (tmp_path / "cases.yaml").write_text(case, encoding="utf-8")
    loaded = load_rules([tmp_path / "acme.yaml"])
    [read] = read_cases([tmp_path / "cases.yaml"])
    assert "acme.tea" in {rule.id for rule in near(read.answer, loaded)}
    assert "acme.tea" not in {rule.id for rule in near(Answer(status=500, body=b"nothing of it"), loaded)}


def doubts(tmp_path: Path, text: str) -> list[str]:
    """What is said of a user's file beside all built-in ones, unproven rules apart."""
    path = tmp_path / "own.yaml"
    path.write_text(text, encoding="utf-8")
    wrong, doubtful = examined(load_rules([path]), [], [str(path)])
    assert wrong == []
    return [doubt.partition(f"{path}:")[2] for doubt in doubtful if "no case" not in doubt]


def standing(name: str) -> str:
    """Where a built-in rule stands."""
    rule = next(rule for rule in builtin().rules if rule.id == name)
    lines = Path(rule.file).read_text(encoding="utf-8").splitlines()
    return f"{rule.file}:{next(at for at, line in enumerate(lines, 1) if f'id: {name}' in line)}"


def test_a_users_rule_that_contradicts_a_built_in_one(tmp_path: Path) -> None:
    [found] = doubts(tmp_path, "rules:\n- {id: mine, when: {code: billing_hard_limit_reached}, then: overloaded}\n")
    assert found == (
        f"2: rule mine: contradicts code.spend ({standing('code.spend')}) on the code billing_hard_limit_reached: "
        "overloaded here, budget_exhausted there; mine is first"
    )


@pytest.mark.parametrize(
    ("rule", "other"),
    [
        ("when: {phrase: Content Exists Risk}, then: overloaded", "deepseek.risk"),
        ("when: {code: billing_hard_limit_reached, status: 429}, then: overloaded", "code.spend"),
        ("when: {code: rate_limit_exceeded}, then: quota", ""),  # another reason of the same class
        ("when: {code: rate_limit_exceeded}, then: insufficient_quota", "hint.rate-limit"),
        ("when: {code: enforced_spend_limit_reached, status: 418, phrase: tea}, then: overloaded", ""),  # asks for more
        ("when: {code: e_tea}, then: overloaded", ""),
    ],
)
def test_what_counts_as_a_contradiction(tmp_path: Path, rule: str, other: str) -> None:
    found = doubts(tmp_path, f"rules:\n- {{id: mine, {rule}}}\n")
    assert bool(found) is bool(other)
    assert all(f"contradicts {other} (" in doubt for doubt in found[:1])


def test_a_rule_of_its_own_provider_may_differ(tmp_path: Path) -> None:
    rule = "rules:\n- {id: mine, when: {code: enforced_spend_limit_reached}, then: overloaded}\n"
    assert doubts(tmp_path, f"provider: {{name: acme}}\n{rule}") == []
    assert len(doubts(tmp_path, rule)) == 2  # anthropic.enforced-spend and code.spend
    assert len(doubts(tmp_path, f"provider: {{name: acme, speaks: [anthropic]}}\n{rule}")) == 1
    assert len(doubts(tmp_path, f"provider: {{name: anthropic}}\n{rule}")) == 1


def test_a_rule_that_replaces_a_built_in_one_contradicts_nothing(tmp_path: Path) -> None:
    text = "rules:\n- {id: NAME, when: {code: billing_hard_limit_reached}, then: overloaded}\n"
    assert doubts(tmp_path, text.replace("NAME", "code.spend")) == []
    assert doubts(tmp_path, text.replace("NAME", "mine")) != []


def test_two_providers_that_contradict_each_other(tmp_path: Path) -> None:
    rules = "- {id: acme.credit, anywhere: true, when: {code: enforced_spend_limit_reached}, then: overloaded}\n"
    assert any(
        "contradicts anthropic.enforced-spend" in problem and "enforced_spend_limit_reached" in problem
        for problem in told(tmp_path, rules, GOOD_CASE)
    )


def test_a_provider_of_its_own_may_differ(tmp_path: Path) -> None:
    rules = "- {id: acme.credit, when: {code: enforced_spend_limit_reached}, then: overloaded}\n"
    assert not any("contradicts" in problem for problem in told(tmp_path, rules, GOOD_CASE))


def test_a_built_in_reason_that_moves_to_another_class(tmp_path: Path) -> None:
    moved = 'reasons:\n  insufficient_balance: {class: CLASS, advice: "Wait.", meaning: x}\n'
    [found] = doubts(tmp_path, moved.replace("CLASS", "overloaded"))
    assert found.startswith("2: reason insufficient_balance: moves it from budget_exhausted to overloaded, and ")
    assert found.endswith(" built-in rules with it")
    assert doubts(tmp_path, moved.replace("CLASS", "budget_exhausted")) == []


def test_a_rule_that_contradicts_itself(tmp_path: Path) -> None:
    found = told(tmp_path, GOOD + "- {id: acme.late, when: {code: e_x, not_code: e_x}, then: queue_full}\n", GOOD_CASE)
    assert f"{tmp_path / 'acme.yaml'}:4: rule acme.late: asks for the code e_x and excludes it" in found


def test_a_slow_phrase(tmp_path: Path) -> None:
    slow = " ... ".join(f"word{number}" for number in range(9))
    rules = f'- {{id: acme.slow, when: {{phrase: ["{slow}"]}}, then: overloaded}}\n'
    assert any(
        "acme.slow" in problem and "words for one start" in problem for problem in told(tmp_path, rules, GOOD_CASE)
    )


def test_a_good_answer_that_the_rules_would_take_for_a_failure(tmp_path: Path) -> None:
    cases = GOOD_CASE.replace("class: overloaded, rule: acme.tea", "class: ok")
    assert any("class: expected ok, got overloaded" in problem for problem in told(tmp_path, GOOD, cases))


CASE = "- {id: x, source: y, answer: {status: 503}, expect: {class: overloaded}}\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("cases: 5\n", "1: cases: expected a list, each with id, source, answer and expect"),
        ("case: []\n", "1: unknown key 'case', did you mean \"cases\"?"),
        (f"foo: 1\ncases:\n{CASE}", "1: unknown key 'foo'"),
        (CASE, "1: expected a mapping with: cases"),
        ("", "1: expected a mapping with: cases"),
        ("cases: [\n", "2: is not YAML"),
        ("cases:\n- 7\n", "2: a case needs id, source, answer and expect"),
        ("cases:\n- {id: x}\n", "2: case x: source: needs the page where it was seen"),
        (f"cases:\n{CASE}{CASE}", "3: case x: this id is used twice"),
        (
            "cases:\n- id: x\n  source: y\n  answer:\n    heders: {}\n    status: 503\n  expect: {class: ok}\n",
            "5: case x: unknown key 'heders', did you mean \"headers\"?",
        ),
        (
            "cases:\n- id: x\n  source: y\n  answer: {status: no}\n  expect: {class: ok}\n",
            "4: case x: answer: status: expected a number from 100 to 999",
        ),
        (
            "cases:\n- id: x\n  source: y\n  answer: {status: 503}\n  expect: {class: overloded}\n",
            "5: case x: class: 'overloded' is not one of: ok, ",
        ),
        (
            "cases:\n- id: x\n  source: y\n  answer: {status: 503}\n  expect: {rule: acme.tea}\n",
            "5: case x: class: None is not one of: ok, ",
        ),
        (
            "cases:\n- id: x\n  source: y\n  answer: {status: 503}\n  expect: {class: ok, rul: acme.tea}\n",
            "5: case x: unknown key 'rul', did you mean \"rule\"?",
        ),
    ],
)
def test_cases_that_cannot_be_read(tmp_path: Path, text: str, said: str) -> None:
    found = told(tmp_path, GOOD, text)
    assert found[0].startswith(f"{tmp_path / 'cases.yaml'}:{said}")


def test_the_cost_of_a_phrase_is_bounded_by_its_gaps() -> None:
    assert cost(compile_phrase("quota exceeded")) == 1
    assert cost(compile_phrase("quota .. exceeded")) == 4
    assert cost(compile_phrase("quota ... exceeded ... today")) == 9 + 9 * 9
