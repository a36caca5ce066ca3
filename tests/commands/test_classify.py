"""`llm-triage classify`: a page for people, lines for pipes, the rules as JSON."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from proxy.cli import main

BODY = b'{"error":{"message":"You exceeded your current quota","code":"insufficient_quota"}}'


def run(*words: str) -> int:
    return main(["classify", *words])


@pytest.fixture
def body(tmp_path: Path) -> str:
    path = tmp_path / "body.json"
    path.write_bytes(BODY)
    return str(path)


def test_a_page_for_people(body: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--status", "429", "--provider", "openai", body) == 0
    page = capsys.readouterr().out
    assert page.startswith("budget_exhausted: insufficient_quota\n")
    for part in (
        "what to do",
        "retry       no",
        "who fails",
        "session     keep it",
        "rule        code.insufficient-quota (confidence: code)",
        "why",
    ):
        assert part in page
    assert "evidence" not in page
    assert page.isascii()


def test_explained(body: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--status", "429", "--explain", body) == 0
    page = capsys.readouterr().out
    assert "code = insufficient_quota" in page
    assert "rules considered" in page
    assert "code.insufficient-quota -> budget_exhausted, insufficient_quota" in page
    assert "https://" in page


def test_what_curl_prints_and_more_headers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "answer"
    path.write_bytes(b"HTTP/1.1 429 Too Many Requests\r\ncontent-type: text/plain\r\n\r\nslow down")
    assert run("--header", "Retry-After: 7", str(path)) == 0
    assert "retry       yes, after 7 s" in capsys.readouterr().out


def test_a_stale_handle_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "answer"
    path.write_bytes(b'{"error":{"code":"previous_response_not_found"}}')
    run("--status", "400", str(path))
    assert "forget      previous_response_id" in capsys.readouterr().out


def test_a_good_answer(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "answer"
    path.write_bytes(b'{"choices":[]}')
    assert run(str(path)) == 0
    told = capsys.readouterr()
    assert told.out.startswith("good answer")
    assert "--status" in told.err
    assert run("--status", "200", str(path)) == 0
    assert capsys.readouterr().err == ""


def test_standard_input(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(BODY)))
    assert run("--status", "429") == 0
    assert capsys.readouterr().out.startswith("budget_exhausted")


def test_lines_in_lines_out_in_order(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "answers.jsonl"
    lines = [
        json.dumps(
            {"id": "a", "provider": "openai", "status": 429, "headers": {"retry-after": "2"}, "body": "slow down"}
        ),
        "no json",
        json.dumps({"id": "b", "status": "x"}),
        "[]",
        "",
        json.dumps({"id": "c", "status": 200, "body": "{}"}),
        json.dumps({"status": 200, "stream": True, "body": 'data: {"error":{"type":"overloaded_error"}}\n\n'}),
    ]
    path.write_text("\n".join(lines), encoding="utf-8")
    assert run("--jsonl", str(path)) == 1
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert list(told[0]) == ["id", "class", "reason", "scope", "retry", "retry_after_s", "action", "rule", "confidence"]
    assert [one.get("id") for one in told] == ["a", None, "b", None, "c", None]
    assert [one.get("class") for one in told] == ["rate_limited", None, None, None, "ok", "overloaded"]
    assert [bool(one.get("invalid")) for one in told] == [False, True, True, True, False, False]
    assert told[0]["retry_after_s"] == 2.0
    assert "id" not in told[1]


def test_good_lines_exit_0_and_may_be_explained(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "answers.jsonl"
    path.write_text(json.dumps({"id": 1, "status": 402}), encoding="utf-8")
    assert run("--jsonl", "--explain", str(path)) == 0
    assert json.loads(capsys.readouterr().out)["explanation"]["why"]


def test_more_rules(tmp_path: Path, body: str, capsys: pytest.CaptureFixture[str]) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text("rules:\n- {id: mine, when: {code: insufficient_quota}, then: tokens_per_day}\n", encoding="utf-8")
    assert run("--status", "429", "--rules", str(rules), body) == 0
    assert capsys.readouterr().out.startswith("rate_limited: tokens_per_day")


def test_bad_rules_are_told_by_line(tmp_path: Path, body: str, capsys: pytest.CaptureFixture[str]) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text("rules:\n- {id: mine, when: {code: x}, then: nope}\n", encoding="utf-8")
    assert run("--rules", str(rules), body) == 2
    assert f"{rules}:2: " in capsys.readouterr().err


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_what_a_provider_wrote_steers_no_terminal_and_breaks_no_output(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, encoding: str
) -> None:
    path = tmp_path / "answer"
    path.write_text('{"error":{"message":"a \\u001b[2J b \\ud800 c 余额"}}', encoding="utf-8")
    out = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    monkeypatch.setattr("sys.stdout", out)
    assert run("--status", "429", "--explain", str(path)) == 0
    out.seek(0)
    text = out.read()
    assert r"a \x1b[2J b \ud800 c" in text
    assert ("余额" in text) is (encoding == "utf-8")


def test_a_provider_that_nobody_knows_is_said(body: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--status", "429", "--provider", "opnai", body) == 0
    assert "no rule file knows the provider 'opnai'" in capsys.readouterr().err


def test_every_line_out_is_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "answers.jsonl"
    path.write_text('{"id": 1e999, "status": 429}\n{"id": "a", "status": 429}\n', encoding="utf-8")
    assert run("--jsonl", str(path)) == 1
    first, second = capsys.readouterr().out.splitlines()
    assert json.loads(first) == {"invalid": "id: expected a value that JSON can hold"}
    assert json.loads(second)["id"] == "a"


@pytest.mark.parametrize(
    "words", [("--header", "nocolon"), ("/does/not/exist",), ("--status", "99"), ("--status", "1000")]
)
def test_wrong_usage(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*words) == 2
    assert capsys.readouterr().err.startswith("llm-triage classify:")


def test_the_rules_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--export-rules") == 0
    assert json.loads(capsys.readouterr().out)["format"] == 1
