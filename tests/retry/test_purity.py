"""What decides about retries has clock, chance and waiting passed in."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import proxy.retry

HERE = Path(proxy.retry.__file__).parent
WAITS = {"drive", "pause"}
PURE = sorted({path.stem for path in HERE.glob("*.py")} - WAITS)


@pytest.mark.parametrize("module", PURE)
def test_it_reaches_for_no_clock_chance_or_network(module):
    tree = ast.parse((HERE / f"{module}.py").read_text())
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert not {name.partition(".")[0] for name in names} & {"asyncio", "time", "random", "aiohttp", "aiohttp_retry"}


def test_a_fresh_interpreter_needs_no_aiohttp_for_them():
    modules = ", ".join(f"proxy.retry.{module}" for module in PURE if module != "__init__")
    code = f"import sys, {modules}; sys.exit('aiohttp' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=30).returncode == 0
