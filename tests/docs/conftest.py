"""The proxy before its built-in provider, started as the documentation says, and programs that call it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from tests.docs.markdown import ROOT

PROXY = [sys.executable, "-m", "proxy"]


@pytest.fixture(scope="package")
def start() -> Iterator[Callable[..., str]]:
    """`start("demo")`: runs a command on free ports, and gives the data port's URL once it accepts connections."""
    running: list[subprocess.Popen[str]] = []

    def start_command(*words: str) -> str:
        process = subprocess.Popen(
            [*PROXY, *words, "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        running.append(process)
        assert process.stdout is not None
        for line in process.stdout:
            if found := re.search(r"listens on (http://\S+?),", line):
                return found[1]
        raise AssertionError(f"{words} ended before it accepted connections")

    yield start_command
    for process in reversed(running):
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=20)


@pytest.fixture(scope="package")
def demo(start: Callable[..., str]) -> str:
    """The URL of `llm-triage demo`."""
    return start("demo")


@pytest.fixture
def run(demo: str) -> Callable[..., str]:
    """Runs a program of the documentation's before the demo, and gives what it printed."""

    def run_program(words: Sequence[str], text: str | None = None, cwd: Path = ROOT) -> str:
        done = subprocess.run(
            [word.replace("http://127.0.0.1:8080", demo) for word in words],
            input=None if text is None else text.replace("http://127.0.0.1:8080", demo),
            cwd=cwd,
            env=os.environ
            | {"OPENAI_API_KEY": "sk-docs", "ANTHROPIC_API_KEY": "sk-ant-docs", "PYTHONWARNINGS": "ignore"},
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run_program
