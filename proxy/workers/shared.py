"""The metrics of all processes as one: prometheus-client's multiprocess mode, each process with files in one directory.

What it cannot do: exemplars are dropped. Which gauge becomes the sum and which the worst is told in `report/metrics.py`.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import Final

from prometheus_client import multiprocess, values

DIRECTORY: Final = "PROMETHEUS_MULTIPROC_DIR"
_MEMORY: Final = Path("/dev/shm")  # noqa: S108 - private directories are made there


def make_directory() -> Path:
    """In memory where that can be: the files are written at each failure, and a container's disk is often read-only."""
    parent = _MEMORY if os.access(_MEMORY, os.W_OK) else None
    return Path(tempfile.mkdtemp(prefix=f"llm-triage-{os.getpid()}-", dir=parent))


def join(directory: Path, name: str) -> None:
    """From here on this process counts in the directory. To be called before any metric is made.

    The name stands for the place and not for the process (https://prometheus.github.io/client_python/multiprocess/):
    a replacement counts on in its predecessor's files, which would otherwise pile up.
    """
    os.environ[DIRECTORY] = str(directory)
    values.ValueClass = values.MultiProcessValue(process_identifier=lambda: name)  # type: ignore[no-untyped-call]


def leave(directory: Path, name: str) -> None:
    """A process has ended: what it counted stays, what it measured is gone."""
    multiprocess.mark_process_dead(name, str(directory))  # type: ignore[no-untyped-call]


def remove(directory: Path) -> None:
    shutil.rmtree(directory, ignore_errors=True)
