"""What decides needs no network: each pure module is imported alone, in a fresh interpreter, and aiohttp stays out."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PURE = ("classifier", "dialects", "model", "retry", "session", "stream")
WAIT = {"proxy.retry.drive", "proxy.retry.pause"}


def modules(part: str) -> list[str]:
    """The dotted names of all modules below a part of proxy/, the part itself among them."""
    top = ROOT / "proxy" / part
    files = sorted(top.rglob("*.py")) if top.is_dir() else [top.with_suffix(".py")]
    return [".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for file in files]


def interpreter(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=50, check=False
    )


# A fresh interpreter takes a tenth of a second; a fork of one that has imported nothing yet is as fresh, and free.
EACH_ALONE = """
import importlib, os, sys
impure = []
for name in {names!r}:
    child = os.fork()
    if not child:
        importlib.import_module(name)
        os._exit("aiohttp" in sys.modules)
    if os.waitpid(child, 0)[1]:
        impure.append(name)
sys.exit(", ".join(impure) or 0)
"""


@pytest.mark.parametrize("part", PURE)
def test_its_modules_need_no_aiohttp(part):
    names = [name for name in modules(part) if name not in WAIT]
    assert names
    done = interpreter(EACH_ALONE.format(names=names))
    assert (done.returncode, done.stderr) == (0, "")


def test_the_check_finds_what_is_impure():
    done = interpreter(EACH_ALONE.format(names=["proxy.model", "proxy.client"]))
    assert (done.returncode, done.stderr) == (1, "proxy.client\n")


def test_the_classifier_is_a_library_without_a_proxy():
    code = "import sys; from proxy import Answer, classify; assert classify(Answer(status=500)); sys.exit('aiohttp' in sys.modules)"
    assert interpreter(code).returncode == 0
