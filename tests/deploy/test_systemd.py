"""The systemd unit as systemd itself judges it."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from proxy.config import Config

UNIT = Path(__file__).parents[2] / "deploy" / "systemd" / "llm-triage.service"
PROGRAM = "/opt/llm-triage/bin/llm-triage"


def analyze(*arguments: str | Path) -> str:
    tool = shutil.which("systemd-analyze")
    if tool is None:
        pytest.skip("needs systemd-analyze: apt-get install systemd")
    done = subprocess.run([tool, *arguments], capture_output=True, text=True, timeout=50, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_systemd_understands_every_line(tmp_path: Path) -> None:
    there = tmp_path / UNIT.name
    there.write_text(UNIT.read_text("utf-8").replace(PROGRAM, "/bin/true"))  # it looks whether the program exists
    assert analyze("verify", there) == ""


def test_little_is_exposed() -> None:
    """0 is best, 10 worst; an unhardened service has 9.6."""
    told = analyze("security", "--offline=true", "--no-pager", UNIT)
    level = re.search(r"Overall exposure level for \S+ ([\d.]+)", told)
    assert level is not None
    assert float(level[1]) <= 1.5


def test_it_ends_before_it_is_killed() -> None:
    stop = re.search(r"^TimeoutStopSec=(\d+)$", UNIT.read_text("utf-8"), re.MULTILINE)
    assert stop is not None
    assert Config().lame_duck + Config().drain + 5 <= int(stop[1])


def test_it_checks_before_it_serves_what_it_checked() -> None:
    text = UNIT.read_text("utf-8")
    assert f"ExecStartPre={PROGRAM} check --config /etc/llm-triage/proxy.yaml" in text
    assert f"ExecStart={PROGRAM} serve --config /etc/llm-triage/proxy.yaml" in text
