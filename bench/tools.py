"""The provider and the clients of the benchmark: built from C, or the slower ones in Python where there is no compiler."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.cases import Case

HERE: Final = Path(__file__).resolve().parent
BUILT: Final = HERE.parent / ".cache" / "bench"


@dataclass(frozen=True, slots=True)
class Tools:
    """How the two are started; both take the same arguments in either language."""

    upstream: tuple[str, ...]
    load: tuple[str, ...]
    language: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What the clients saw."""

    seconds: float
    requests: int
    failed: int
    chunks: int
    p50_us: float  # of the whole answer; of a stream its first chunk
    p99_us: float
    delay_p50_us: float
    delay_p99_us: float


def tools(*, in_python: bool = False) -> Tools:
    compiler = shutil.which("cc")
    if compiler is None or in_python:
        python = (sys.executable, "-m")
        return Tools((*python, "bench.upstream"), (*python, "bench.load"), "Python")
    return Tools((_built(compiler, "upstream"),), (_built(compiler, "load"),), "C")


def _built(compiler: str, name: str) -> str:
    source, program = HERE / f"{name}.c", BUILT / name
    if not program.exists() or program.stat().st_mtime < source.stat().st_mtime:
        BUILT.mkdir(parents=True, exist_ok=True)
        subprocess.run([compiler, "-O2", "-o", program, source], check=True)
    return str(program)


def arguments(case: Case, url: str, headers: tuple[str, ...]) -> list[str]:
    """What load.c is called with."""
    told = {
        "-u": url, "-m": case.model, "-b": case.prompt_bytes, "-c": case.connections, "-d": case.seconds,
        "-r": case.ramp_s, "-s": case.status,
    }  # fmt: skip
    words = [word for option, value in told.items() for word in (option, str(value))]
    for header in headers:
        words += ["-H", header]
    return [*words, "-n"] if case.in_bursts else words


def read(output: str) -> Load:
    """What load.c has printed."""
    told = json.loads(output)
    return Load(
        seconds=told["seconds"],
        requests=told["requests"],
        failed=sum(told["failed"].values()),
        chunks=told["delay_us"]["count"],
        p50_us=told["latency_us"]["p50"],
        p99_us=told["latency_us"]["p99"],
        delay_p50_us=told["delay_us"]["p50"],
        delay_p99_us=told["delay_us"]["p99"],
    )
