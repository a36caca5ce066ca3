"""An installed copy works away from the checkout: the wheel in an empty environment, as the image has it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]

pytestmark = [pytest.mark.timeout(300), pytest.mark.xdist_group("packaging")]


def run(*words: str | Path, cwd: Path, **env: str) -> subprocess.CompletedProcess[str]:
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "LLM_TRIAGE_", "COV_"))}
    return subprocess.run(
        [str(word) for word in words], cwd=cwd, env=clean | env, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("wheel")
    if run(*PIP, "download", "--no-deps", "--dest", directory, "hatchling", cwd=directory).returncode:
        pytest.skip("no package registry at hand")
    built = run(*PIP, "wheel", "--no-deps", "--wheel-dir", directory / "dist", ROOT, cwd=directory)
    assert built.returncode == 0, built.stderr
    (found,) = (directory / "dist").glob("*.whl")
    return found


@pytest.fixture(scope="session")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `llm-triage` of an environment with the wheel and what it needs, and nothing else."""
    directory = tmp_path_factory.mktemp("installed")
    assert run(sys.executable, "-m", "venv", "--without-pip", directory / "venv", cwd=directory).returncode == 0
    python = directory / "venv" / "bin" / "python"
    done = run(*PIP, "--python", python, "install", wheel, cwd=directory)
    assert done.returncode == 0, done.stderr
    return directory / "venv" / "bin" / "llm-triage"


def test_the_wheel_carries_the_configuration_and_no_tests(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {"proxy/cli.py", "proxy/_config/proxy.yaml", "proxy/_config/rules/openai.yaml"} <= names
    tops = {name.partition("/")[0] for name in names}
    assert tops == {"proxy", wheel.name.rsplit("-", 3)[0] + ".dist-info"}
    checked_in = {f"proxy/_config/{path.relative_to(ROOT / 'config')}" for path in (ROOT / "config").rglob("*.yaml")}
    assert checked_in <= names


def test_the_installed_copy_checks_its_own_configuration(installed: Path, tmp_path: Path) -> None:
    (config,) = (installed.parent.parent / "lib").glob("*/site-packages/proxy/_config/proxy.yaml")
    done = run(installed, "check", "--config", config, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, f"{config}: good, 1 upstream\n"), done.stderr


def test_the_installed_copy_classifies_by_the_rules_that_it_carries(installed: Path, tmp_path: Path) -> None:
    answer = {"id": 1, "provider": "openai", "status": 429, "headers": {}}
    body = {"error": {"message": "You exceeded your current quota", "code": "insufficient_quota"}}
    (tmp_path / "answers.jsonl").write_text(json.dumps({**answer, "body": json.dumps(body)}) + "\n")
    done = run(installed, "classify", "--jsonl", "answers.jsonl", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["class"] == "budget_exhausted"


def test_the_installed_copy_serves_as_the_image_starts_it_and_stops_when_told(installed: Path, tmp_path: Path) -> None:
    env = {
        "PATH": os.environ["PATH"],
        "LLM_TRIAGE_LISTEN": "127.0.0.1:0",
        "LLM_TRIAGE_ADMIN": "127.0.0.1:0",
        "LLM_TRIAGE_UPSTREAM": "http://127.0.0.1:9",
        "PYTHONUNBUFFERED": "1",
    }
    with subprocess.Popen([installed, "serve"], cwd=tmp_path, env=env, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        first = server.stdout.readline()
        server.send_signal(signal.SIGTERM)
        assert server.wait(20) == 0
    assert first.count("http://127.0.0.1:") == 2
