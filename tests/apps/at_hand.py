"""What real applications need to run here: an interpreter that has their package, and the proxy before the built-in provider.

Their requirements clash with one another's, so each may have an environment of its own: APPS_PYTHON names further
interpreters, as PATH names directories.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from functools import cache
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
    pytest.skip(f"no interpreter has {module}: pip install it here, or in one that APPS_PYTHON names")


@contextlib.asynccontextmanager
async def before(url: str, **upstream: Any) -> AsyncIterator[Service]:
    """The proxy before what listens at `url`, with short pauses."""
    quick = {"base": "1ms", "cap": "2ms", "max": 2}
    async with running(config(url, up={"require_credential": False, **upstream}, retry=quick)) as service:
        yield service
