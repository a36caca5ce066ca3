"""`llm-triage classify`: a page for people, lines for pipes, the rules as JSON."""

from __future__ import annotations

import codecs
import io
import json
import os
import pty
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from proxy.classifier.api import classify_json
from proxy.classifier.export import FORMAT
from proxy.cli import main
from proxy.commands import classify as command

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
        "what it is  the account's paid or prepaid quota is used up",
        "what to do",
        "retry       no",
        "whose fault the caller's account",
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
    members = [
        "id",
        "class",
        "reason",
        "scope",
        "retry",
        "retry_after_s",
        "action",
        "rule",
        "confidence",
        "advice",
        "forget",
    ]
    assert [list(one) for one in told if "class" in one] == [members] * 3
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


def judged(tmp_path: Path, capsys: pytest.CaptureFixture[str], lines: Sequence[Any], *words: str) -> list[Any]:
    path = tmp_path / "answers.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    run("--jsonl", *words, str(path))
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_status_is_for_lines_that_have_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = [{"body": "x"}, {"status": None}, {"status": 404}]
    assert [one["class"] for one in judged(tmp_path, capsys, lines, "--status", "503")] == ["provider_error"] * 2 + [
        "bad_request"
    ]
    assert all("status: expected" in one["invalid"] for one in judged(tmp_path, capsys, lines[:2]))


def test_a_provider_is_for_lines_that_name_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    answer = {"status": 429, "body": '{"error":{"code":"insufficient_quota"}}'}
    lines = [answer, {**answer, "provider": ""}, {**answer, "provider": "openai"}]
    told = [one["class"] for one in judged(tmp_path, capsys, lines, "--provider", "qwen")]
    assert told == ["rate_limited", "rate_limited", "budget_exhausted"]


def test_a_header_is_for_lines_that_have_none_of_its_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = [
        {"status": 429},
        {"status": 429, "headers": {"retry-after": "2"}},
        {"status": 429, "headers": [["X", "1"]]},
    ]
    told = [one["retry_after_s"] for one in judged(tmp_path, capsys, lines, "--header", "Retry-After: 9")]
    assert told == [9.0, 2.0, 9.0]


def test_lines_and_the_admin_port_give_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    answer = {"id": 1, "status": 400, "body": '{"error":{"code":"previous_response_not_found"}}'}
    [told] = judged(tmp_path, capsys, [answer])
    assert told == classify_json(answer)
    assert told["forget"] == "previous_response_id"
    assert told["advice"] == "The previous response is gone. Send the full history without its id."


def test_a_writer_who_waits_is_answered_line_by_line() -> None:
    """As a co-process: its output is a pipe, which Python would keep until 8 KiB are there."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    with subprocess.Popen(
        [sys.executable, "-m", "proxy", "classify", "--jsonl"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment,
        cwd=Path(__file__).parents[2],
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for identity in (1, 2):
            process.stdin.write(json.dumps({"id": identity, "status": 402}).encode() + b"\n")
            process.stdin.flush()
            assert json.loads(process.stdout.readline())["id"] == identity
        process.stdin.close()
        assert process.stdout.read() == b""


def test_a_line_that_is_too_long_is_told_and_the_next_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "_LINE_BYTES", 1 << 20)
    path = tmp_path / "answers.jsonl"
    path.write_bytes(b'{"status": 402, "body": "' + b"x" * (1 << 20) + b'"}\n{"id": "b", "status": 402}\n')
    assert run("--jsonl", str(path)) == 1
    first, second = map(json.loads, capsys.readouterr().out.splitlines())
    assert first == {"invalid": "the line is longer than 1 MiB"}
    assert second["class"] == "budget_exhausted"


class Endless(io.RawIOBase):
    """An answer that never ends, and counts what is taken of it."""

    def __init__(self) -> None:
        self.taken = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        start = b"HTTP/1.1 429 X\r\n\r\n{" if not self.taken else b""
        buffer[:] = start + b" " * (len(buffer) - len(start))
        self.taken += len(buffer)
        return len(buffer)


def test_no_more_of_an_answer_is_read_than_is_looked_at(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    endless = Endless()
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BufferedReader(endless)))
    assert run() == 0
    assert capsys.readouterr().out.startswith("rate_limited")
    assert endless.taken <= 2 << 20


@pytest.mark.parametrize("charset", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_marks_and_what_powershell_writes_are_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], charset: str
) -> None:
    mark = {"utf-16-le": codecs.BOM_UTF16_LE, "utf-16-be": codecs.BOM_UTF16_BE}.get(charset, b"")
    path = tmp_path / "answer"
    answer = 'HTTP/1.1 429 Too Many Requests\r\nretry-after: 3\r\n\r\n{"error":{"message":"余额不足"}}\r\n'
    path.write_bytes(mark + answer.encode(charset))
    assert run(str(path)) == 0
    told = capsys.readouterr()
    assert told.out.startswith("budget_exhausted: insufficient_balance\n")
    assert told.err == ""
    lines = '{"id": "a", "status": 402}\r\n{"id": "b", "status": 402}\r\n'
    path.write_bytes(mark + lines.encode(charset))
    assert run("--jsonl", str(path)) == 0
    assert [json.loads(line)["id"] for line in capsys.readouterr().out.splitlines()] == ["a", "b"]


@pytest.mark.parametrize(("words", "expected"), [((), "an answer"), (("--jsonl",), "a JSON object a line")])
def test_on_a_terminal_it_says_what_it_waits_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], expected: str
) -> None:
    person, terminal = pty.openpty()
    try:
        os.write(person, b'{"id": 1, "status": 402}\n\x04\x04')
        monkeypatch.setattr("sys.stdin", os.fdopen(terminal, encoding="utf-8"))
        assert run(*words) == 0
    finally:
        os.close(person)
    told = capsys.readouterr().err.splitlines()[0]
    assert expected in told
    assert "standard input" in told
    assert "Ctrl-D" in told


def test_a_closed_standard_input_is_told(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.stdin", None)
    assert run("--jsonl") == 2
    assert "standard input is closed" in capsys.readouterr().err


def test_a_file_is_read_without_a_word(body: str, capsys: pytest.CaptureFixture[str]) -> None:
    run("--status", "429", body)
    assert capsys.readouterr().err == ""


def test_load_and_an_unknown_model_read_differently(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Both are told of a model, and are nobody's and somebody's fault."""
    path = tmp_path / "answer"
    pages = []
    for status, text in ((503, "The model is overloaded"), (404, "The model `x` does not exist")):
        path.write_text(json.dumps({"error": {"message": text}}), encoding="utf-8")
        run("--status", str(status), str(path))
        pages.append(capsys.readouterr().out)
    for label in ("what it is", "what to do", "retry", "whose fault", "who fails", "session"):
        said = [next(line for line in page.splitlines() if line.startswith(f"  {label}")) for page in pages]
        assert said[0] != said[1]
    assert "whose fault the provider's load" in pages[0]
    assert "whose fault the request: it names a model" in pages[1]


def test_long_advice_stands_under_itself(body: str, capsys: pytest.CaptureFixture[str]) -> None:
    run("--status", "429", body)
    page = capsys.readouterr().out
    assert max(map(len, page.splitlines())) <= 100
    assert "\n              settings." in page


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
    for words in ((), ("--jsonl",)):
        run("--status", "429", "--provider", "opnai", *words, body)
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
    assert json.loads(capsys.readouterr().out)["format"] == FORMAT
