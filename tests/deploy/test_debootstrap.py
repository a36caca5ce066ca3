"""The script that does in a bare Debian what the image does. The run itself takes a minute or two, root and a mirror."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "deploy" / "debootstrap-check.sh"


def test_the_shell_can_read_it() -> None:
    done = subprocess.run(["/bin/sh", "-n", SCRIPT], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert os.access(SCRIPT, os.X_OK)


def test_it_installs_and_runs_what_the_image_does() -> None:
    image = (SCRIPT.parents[1] / "Dockerfile").read_text("utf-8")
    script = SCRIPT.read_text("utf-8")
    extras, user = re.search(r"\[([a-z,]+)\]\"", image), re.search(r"^USER (\d+:\d+)$", image, re.MULTILINE)
    assert extras is not None
    assert user is not None
    assert f"[{extras[1]}]" in script
    assert f"--userspec={user[1]}" in script


@pytest.mark.timeout(900)
def test_the_wheel_runs_in_a_bare_debian() -> None:
    if "1" not in (os.environ.get("DEBOOTSTRAP"), os.environ.get("REQUIRE_ALL")):
        pytest.skip("builds a Debian: DEBOOTSTRAP=1 asks for it")
    if os.geteuid() != 0 or shutil.which("debootstrap") is None:
        pytest.skip("needs root and debootstrap")
    env = {**os.environ, "PYTHON": sys.executable}
    done = subprocess.run([SCRIPT], env=env, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith("good\n")
