"""The configuration: what can be set (`settings.py`), and how a file, the environment and options become it (`load.py`).

`units.py` and `values.py` read single values, `source.py` a YAML file with its lines, `relations.py` knows what must not
stand together, `problems.py` says it in words, `schema.py` says it to editors.
"""

from __future__ import annotations

from proxy.config.load import ConfigError, Overrides, changed_needs_restart, file_of, fingerprint, load
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
    "load",
    "warnings",
]
