"""The script that does in a bare Debian what the image does. The run itself takes minutes, root and a mirror."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
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


@pytest.mark.optional(reason="builds a Debian: DEBOOTSTRAP=1 asks for it")
@pytest.mark.timeout(900)
def test_the_wheel_runs_in_a_bare_debian() -> None:
    if os.environ.get("DEBOOTSTRAP") != "1" or os.geteuid() != 0 or shutil.which("debootstrap") is None:
        pytest.skip("needs DEBOOTSTRAP=1, root and debootstrap")
    done = subprocess.run([SCRIPT], capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith("good\n")
