"""`llm-triage demo` as people run it."""

from __future__ import annotations

import importlib.util
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from argparse import ArgumentParser
from pathlib import Path

import pytest

from proxy.commands import demo
from proxy.demo.scenario import SCENARIOS

DEMO = [sys.executable, "-m", "proxy", "demo"]


@pytest.fixture(scope="module")
def tour():
    """What one tour printed: whole text, and the lines of rows by model."""
    done = subprocess.run([*DEMO, "--once"], capture_output=True, text=True, timeout=60, check=True)
    assert done.stderr == ""
    return done.stdout


def row_of(tour: str, model: str) -> list[str]:
    [line] = [line for line in tour.splitlines() if line.split()[:1] == [model]]
    return line.split()


def test_the_tour_is_plain_where_it_is_piped(tour):
    assert "\033" not in tour
    assert tour.isascii()


def test_the_tour_passes_every_scenario_that_ends(tour):
    assert [model for model in SCENARIOS if f"\n{model} " not in tour] == ["fail-stall"]


@pytest.mark.parametrize(
    ("model", "told"),
    [
        ("fail-budget", ["429", "budget_exhausted", "insufficient_quota", "keep", "no", "1"]),
        ("fail-auth", ["401", "auth", "invalid_api_key", "keep", "no", "1"]),
        ("fail-rate-limit", ["429", "rate_limited", "requests_per_minute", "reset", "in", "7", "s", "1"]),
        ("fail-overloaded", ["503", "overloaded", "overloaded", "reset", "no", "3"]),
        ("fail-then-good-1", ["200", "ok", "2"]),
        ("fail-stream-error-first", ["200", "overloaded", "overloaded", "reset", "no", "3"]),
        ("fail-early-end", ["200", "network", "truncated_stream", "reset", "1"]),
        ("fail-orphan-tool-call", ["400", "bad_request", "orphan_tool_call", "repair", "no", "1"]),
        ("text-only", ["400", "bad_request", "unsupported_content", "rollback", "no", "1"]),
        ("fail-context", ["400", "context", "context_length", "compact", "no", "1"]),
        ("fail-error-in-200", ["200", "budget_exhausted", "insufficient_quota", "keep", "no", "1"]),
    ],
)
def test_the_tour_shows_what_came_back(tour, model, told):
    assert row_of(tour, model)[1:] == told


def test_the_tour_says_how_to_go_on(tour):
    assert "-m proxy demo\n" in tour
    assert "curl -i http://127.0.0.1:8080/v1/chat/completions" in tour


def test_without_the_official_client_it_says_how_to_get_it(monkeypatch, capsys):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    parser = ArgumentParser()
    demo.add_arguments(parser)
    assert demo.run(parser.parse_args(["--once"])) == 2
    assert "pip install 'llm-triage[demo]'" in capsys.readouterr().err


def test_an_address_that_is_none_is_told():
    done = subprocess.run([*DEMO, "--listen", "nowhere"], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 2
    assert "listen" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_address_that_is_taken_is_told():
    with subprocess.Popen(
        [*DEMO, "--listen=127.0.0.1:0", "--admin=127.0.0.1:0"], stdout=subprocess.PIPE, text=True
    ) as one:
        try:
            taken = re.search(r"http://([\d.:]+)", first_line(one))
            assert taken
            asked = [*DEMO, "--listen", taken[1], "--admin=127.0.0.1:0"]
            done = subprocess.run(asked, capture_output=True, text=True, timeout=30, check=False)
        finally:
            one.terminate()
    assert done.returncode == 1
    assert "in use" in done.stderr


@pytest.mark.skipif(shutil.which("curl") is None, reason="the printed lines are curl's")
def test_it_serves_until_ctrl_c_and_the_printed_lines_work():
    asked = [*DEMO, "--listen=127.0.0.1:0", "--admin=127.0.0.1:0"]
    with subprocess.Popen(asked, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        try:
            assert re.fullmatch(r"llm-triage listens on http://\S+, admin on http://\S+\n", first_line(running))
            assert running.stdout
            printed = ""
            while "Ctrl-C" not in printed:
                printed += running.stdout.readline()
            lines = [line.strip() for line in printed.replace("\\\n", " ").splitlines() if "curl" in line]
            answers = [
                subprocess.run(
                    [*shlex.split(line), "-s"], capture_output=True, text=True, timeout=20, check=False
                ).stdout
                for line in lines
            ]
        finally:
            running.send_signal(signal.SIGINT)
        _, told = running.communicate(timeout=20)
    assert running.returncode == 0
    assert "x-llm-error-class: budget_exhausted" in answers[0]
    assert "message_start" in answers[1]
    assert "x-llm-error-class: rate_limited" in answers[2]
    assert len(lines) == 3
    assert "Traceback" not in told


def first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    return process.stdout.readline()


def on_a_terminal(*, interrupt_at: bytes = b"", **env: str) -> tuple[int, bytes]:
    """Exit code, and what a person's terminal was sent; Ctrl-C once some words are there."""
    ours, theirs = os.openpty()
    environ = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "TERM", "CI")}
    told = b""
    with subprocess.Popen(
        [*DEMO, "--once"], stdin=theirs, stdout=theirs, stderr=theirs, env=environ | {"TERM": "xterm"} | env
    ) as process:
        os.close(theirs)
        try:
            while piece := os.read(ours, 65536):
                told += piece
                if interrupt_at and interrupt_at in told:
                    process.send_signal(signal.SIGINT)
                    interrupt_at = b""
        except OSError:  # Linux says so when the last writer has gone
            pass
        os.close(ours)
    return process.returncode, told


@pytest.mark.parametrize("has_rich", [True, False], ids=["rich", "plain"])
def test_ctrl_c_leaves_nothing_behind(has_rich, tmp_path):
    env = {} if has_rich else hidden("rich", tmp_path)
    code, told = on_a_terminal(interrupt_at=b"fail-budget", **env)
    assert code == 130
    assert b"Traceback" not in told
    assert told.rfind(b"\033[?25l") <= told.rfind(b"\033[?25h")  # a cursor that was hidden is there again


def test_a_terminal_gets_colours_and_what_is_waited_for_unless_it_asks_for_none(tour):
    code, told = on_a_terminal()
    assert code == 0
    assert b"\033[1;31mbudget_exhausted" in told
    assert b"/24 fail-overloaded" in told
    code, told = on_a_terminal(NO_COLOR="1")
    assert code == 0
    assert b"budget_exhausted" in told
    assert not re.search(rb"\033\[(?:\d+;)*[349]\d[;m]", told)


def hidden(module: str, place: Path) -> dict[str, str]:
    """The environment of an interpreter that does not find a module."""
    (place / "sitecustomize.py").write_text(f"import sys\nsys.modules[{module!r}] = None\n")
    return {"PYTHONPATH": str(place)}
