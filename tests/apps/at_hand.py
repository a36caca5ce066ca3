"""What real applications need to run here: a place that has their package, and the proxy before the built-in provider.

Their requirements clash with one another's, so each may have an environment of its own: APPS_PYTHON names further
interpreters, APPS_NODE directories with `node_modules`, both as PATH names directories. `make apps` fills such places,
and make tells them to the tests.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from proxy.app import Service
from tests.wire import config, running

# The network is not to be asked for anything but the proxy.
QUIET = {
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "LITELLM_TELEMETRY": "False",
    "NO_PROXY": "127.0.0.1",
    "AI_SDK_LOG_WARNINGS": "false",
}


@cache
def python_with(module: str) -> str:
    """An interpreter that has the module; the test that asks is skipped where there is none."""
    asked = f"import importlib.util, sys; sys.exit(importlib.util.find_spec({module!r}) is None)"
    for python in (sys.executable, *filter(None, os.environ.get("APPS_PYTHON", "").split(os.pathsep))):
        with contextlib.suppress(OSError):
            if subprocess.run([python, "-c", asked], check=False, timeout=20).returncode == 0:
                return python
    pytest.skip(f"no interpreter has {module}: make apps, or name one in APPS_PYTHON")


@cache
def node_with(package: str) -> Path:
    """A directory in which node finds the package; the test that asks is skipped where there is none."""
    if shutil.which("node") is None:
        pytest.skip("no node at hand")
    for place in map(Path, filter(None, os.environ.get("APPS_NODE", "").split(os.pathsep))):
        if (place / "node_modules" / package).is_dir():
            return place.resolve()
    pytest.skip(f"no place has {package}: make apps, or name one in APPS_NODE")


@contextlib.asynccontextmanager
async def before(url: str, **upstream: Any) -> AsyncIterator[Service]:
    """The proxy before what listens at `url`, with short pauses."""
    quick = {"base": "1ms", "cap": "2ms", "max": 2}
    async with running(config(url, up={"require_credential": False, **upstream}, retry=quick)) as service:
        yield service
