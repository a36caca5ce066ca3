"""What all calls of a process share."""

from __future__ import annotations

from proxy.report.reporter import Reporter
from proxy.retry.budget import Budget
from proxy.setup import Setup
from proxy.way.amend import Threads
from proxy.way.body import Held
from proxy.way.gate import Gate
from proxy.way.persist import Persistence


class Shared:
    """The setup in force, and what outlives a call."""

    def __init__(self, setup: Setup, reporter: Reporter, threads: Threads, gate: Gate) -> None:
        self.setup = setup
        self.reporter = reporter
        self.held = Held(setup.config.limits.held_bytes)
        self.persistence = Persistence(Budget())
        self.threads = threads
        self.gate = gate
        self.draining = False
