"""The command line as a program sees it: exit codes, and what is imported for it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from proxy.cli import COMMANDS, main
from proxy.version import VERSION


def run(*words: str, code: str | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", code] if code else [sys.executable, "-m", "proxy", *words]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=Path(__file__).parent.parent, timeout=30
    )


@pytest.mark.parametrize("words", [[], ["frob"], ["check", "--frob"], ["serve", "--lis", "x"]])
def test_wrong_usage_is_2(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(words)
    assert caught.value.code == 2
    assert "usage: llm-triage" in capsys.readouterr().err


def test_the_version_is_told() -> None:
    done = run("--version")
    assert (done.returncode, done.stdout) == (0, f"llm-triage {VERSION}\n")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_there_and_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main([command, "--help"])
    assert caught.value.code == 0
    assert len(capsys.readouterr().out.splitlines()) > 5


@pytest.mark.parametrize("command", ["check", "classify"])
def test_commands_that_serve_nothing_import_no_server(command: str) -> None:
    code = f"import sys; from proxy.cli import main\ntry: main(['{command}', '--help'])\nexcept SystemExit: pass\n"
    done = run(code=code + "print('aiohttp' in sys.modules, 'asyncio' in sys.modules)")
    assert done.stdout.splitlines()[-1] == "False False"


def test_a_reader_that_has_gone_is_no_error_of_ours() -> None:
    done = subprocess.run(
        ["sh", "-c", f"{sys.executable} -m proxy check --schema | true"],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parent.parent,
    )
    assert done.stderr == ""
