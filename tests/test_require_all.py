"""REQUIRE_ALL=1 makes a skipped test a failed one."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CASES = """
import pytest

def test_runs(): pass

@pytest.mark.skip(reason="no browser")
def test_skips(): pass

@pytest.mark.optional("a package of another kind")
def test_may_skip(): pytest.skip("not at hand")

@pytest.mark.xfail(strict=True)
def test_is_known_to_fail(): assert False
"""


@pytest.mark.parametrize(
    ("require_all", "ends_with"),
    [("", "1 passed, 3 skipped, 1 xfailed"), ("1", "1 passed, 1 skipped, 1 xfailed, 2 errors")],
)
def test_only_what_is_optional_may_be_skipped(tmp_path: Path, require_all: str, ends_with: str) -> None:
    shutil.copy(Path(__file__).with_name("conftest.py"), tmp_path)
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = optional\n")
    (tmp_path / "test_cases.py").write_text(CASES)
    (tmp_path / "test_needs.py").write_text("import pytest\npytest.importorskip('no_such_package')\n")
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--continue-on-collection-errors"],
        cwd=tmp_path,
        env={**os.environ, "REQUIRE_ALL": require_all, "PYTEST_ADDOPTS": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.stdout.splitlines()[-1].startswith(ends_with), run.stdout
