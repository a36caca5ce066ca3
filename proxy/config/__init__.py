"""The configuration: what can be set (`settings.py`), and how a file, the environment and options become it (`load.py`).

`units.py` and `values.py` read single values, `kinds.py` what is made of them, `source.py` a YAML file with its lines;
`relations.py` knows what must not stand together, `schema.py` tells editors.
"""

from __future__ import annotations

from proxy.config.load import (
    ConfigError,
    Overrides,
    changed_needs_restart,
    file_of,
    fingerprint,
    from_values,
    load,
    reloaded,
)
from proxy.config.relations import warnings
from proxy.config.settings import Client, Compat, Config, History, Mode, Retry, Stream, Timeouts, Upstream
from proxy.config.values import Address, Permit

__all__ = [
    "Address",
    "Client",
    "Compat",
    "Config",
    "ConfigError",
    "History",
    "Mode",
    "Overrides",
    "Permit",
    "Retry",
    "Stream",
    "Timeouts",
    "Upstream",
    "changed_needs_restart",
    "file_of",
    "fingerprint",
    "from_values",
    "load",
    "reloaded",
    "warnings",
]
