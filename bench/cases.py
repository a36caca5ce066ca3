"""What is measured: kinds of load, as values. How they are made is load.c's, how they are read report.py's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One kind of load. `model` is what the provider is asked to answer (upstream.c)."""

    name: str
    title: str
    model: str = "json-1024"
    connections: int
    seconds: float = 2.0
    prompt_bytes: int = 800
    ramp_s: float = 0.0  # over which the connections are opened
    in_bursts: bool = False  # all connections anew at once, again and again
    status: int = 200  # that a good answer has
    workers: int = 1

    @property
    def is_stream(self) -> bool:
        return self.model.startswith("stream-")


CASES: Final = (
    Case(name="json-1", title="JSON, 1 connection", connections=1),
    Case(name="json-64", title="JSON, 64 connections", connections=64),
    Case(name="json-256", title="JSON, 256 connections", connections=256),
    Case(name="body-100k", title="100 KB requests, 16 connections", connections=16, prompt_bytes=100_000),
    Case(name="body-1m", title="1 MB requests, 8 connections", connections=8, prompt_bytes=1_000_000),
    Case(name="error-429", title="429 answers, 64 connections, all the same", model="error-429", connections=64, status=429),
    Case(name="error-anew", title="429 answers, each in other words", model="error-429-anew", connections=64, status=429),
    Case(name="stream-500", title="500 streams, chunks 30 ms apart", model="stream-50x30", connections=500, seconds=5, ramp_s=1),
    Case(name="stream-2000", title="2,000 streams, chunks 150 ms apart", model="stream-50x150", connections=2000, seconds=6, ramp_s=2),
    Case(name="burst", title="500 new connections at once", connections=500, in_bursts=True),
    Case(name="workers-2", title="JSON, 64 connections, two workers", connections=64, workers=2),
)  # fmt: skip

# What every process does before it is measured: its code is compiled, its connections are open.
WARM_UP: Final = (
    Case(name="warm-json", title="", connections=64, seconds=1),
    Case(name="warm-stream", title="", model="stream-20x20", connections=50, seconds=1),
)

# Memory is told from a fresh process: what 1,000 open streams add to 100.
FEW: Final = Case(name="open-100", title="", model="stream-40x200", connections=100, seconds=2.5, ramp_s=1)
MANY: Final = Case(name="open-1100", title="", model="stream-40x200", connections=1100, seconds=4, ramp_s=2)
