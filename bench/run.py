"""The interleaved run: every case on every target in turn, several times, so that all share the machine's moods.

While one target is measured the others are stopped: what they have left to do would be charged to it.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from bench import process
from bench.cases import FEW, MANY, WARM_UP, Case
from bench.targets import DIRECT, PATH, NotReadyError, Plan, Running, Target, answers, free_port, spawn, start
from bench.tools import Load, Tools, arguments, read

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One case on one target, once."""

    case: str
    target: str
    repeat: int
    load: Load
    cpu_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """What one worker of a target holds."""

    target: str
    idle_kb: int
    stream_kb: float  # each open stream


@dataclass(frozen=True, slots=True)
class Cores:
    """Who runs where: the target apart from all that loads it."""

    target: tuple[int, ...]
    upstream: int
    load: int

    @classmethod
    def of(cls, cores: Sequence[int]) -> Cores:
        own = cores[-1]
        return cls(tuple(cores[:-1]) or (own,), cores[-2] if len(cores) > 3 else own, own)

    def of_target(self, workers: int) -> set[int]:
        """One core a worker, as far as there are cores."""
        if workers <= len(self.target):
            return set(self.target[:workers])
        return {*self.target, self.load}


class Bench:
    """The provider, the clients and the targets, as they run."""

    def __init__(self, tools: Tools, say: Say) -> None:
        self._tools = tools
        self._say = say
        self._cores = Cores.of(sorted(os.sched_getaffinity(0)))
        self._upstream = ""
        self._running: list[Running] = []

    @contextmanager
    def started(self, targets: Sequence[Target], *, workers: Sequence[int]) -> Iterator[None]:
        with TemporaryDirectory() as directory, ExitStack() as stack:
            port = free_port()
            self._upstream = f"http://127.0.0.1:{port}"
            provider = spawn([*self._tools.upstream, str(port)], {self._cores.upstream})
            stack.callback(provider.wait)
            stack.callback(provider.terminate)
            while not answers(self._upstream + PATH):
                time.sleep(0.05)
            for target in targets:
                for count in workers:
                    if count == 1 or (target.can_fork and target is not DIRECT):
                        plan = Plan(port=free_port(), upstream=self._upstream, workers=count, directory=Path(directory))
                        self._start(target, plan, stack)
            yield

    def _start(self, target: Target, plan: Plan, stack: ExitStack) -> None:
        try:
            running = start(target, plan, self._cores.of_target(plan.workers))
        except (NotReadyError, FileNotFoundError) as error:
            self._say(f"left out, it does not answer: {target.name}, {plan.workers} workers ({error})")
            return
        stack.callback(running.stop)
        self._running.append(running)
        process.pause(running.pids())

    def memory(self) -> list[Memory]:
        """Before anything else was asked of them."""
        found = []
        for running in self._running:
            if running.process is None or running.workers > 1:
                continue
            with self._alone(running):
                idle = process.memory_kb(running.pids())
                held = [self._held(running, case) for case in (FEW, MANY)]
            each = (held[1] - held[0]) / (MANY.connections - FEW.connections)
            found.append(Memory(target=running.name, idle_kb=idle, stream_kb=each))
            self._say(f"memory       {running.name:8} idle {idle / 1024:.1f} MB, each open stream {each:.1f} KB")
        return found

    def _held(self, running: Running, case: Case) -> int:
        """Memory while all streams of a case are open."""
        clients = self._clients(running, case)
        try:
            clients.wait(case.seconds * 0.9)
        except subprocess.TimeoutExpired:
            return process.memory_kb(running.pids())
        finally:
            clients.communicate()
        raise RuntimeError(f"{case.name} ended early")

    def warm_up(self) -> None:
        for running in self._running:
            with self._alone(running):
                for case in WARM_UP:
                    self._clients(running, case).communicate()

    def measure(self, cases: Sequence[Case], *, repeats: int) -> list[Measured]:
        found = []
        for repeat in range(repeats):
            for case in cases:
                for running in self._running:
                    if running.workers == case.workers:
                        with self._alone(running):
                            measured = self._once(running, case, repeat)
                        self._say(_line(measured))
                        found.append(measured)
        return found

    def _once(self, running: Running, case: Case, repeat: int) -> Measured:
        before = process.cpu_s(running.pids())
        output, _ = self._clients(running, case).communicate()
        load = read(output.decode())
        spent = process.cpu_s(running.pids()) - before
        return Measured(case=case.name, target=running.name, repeat=repeat, load=load, cpu_s=spent)

    @contextmanager
    def _alone(self, running: Running) -> Iterator[None]:
        process.resume(running.pids())
        try:
            yield
        finally:
            process.settle(running.pids())
            process.pause(running.pids())

    def _clients(self, running: Running, case: Case) -> subprocess.Popen[bytes]:
        command = [*self._tools.load, *arguments(case, running.url, running.headers)]
        return spawn(command, {self._cores.load}, output=subprocess.PIPE)


def _line(measured: Measured) -> str:
    load, cpu_s = measured.load, measured.cpu_s
    done = load.chunks or load.requests
    each = f"{cpu_s / done * 1e6:7.1f} µs" if done and cpu_s else " " * 10
    failed = f", {load.failed} FAILED" if load.failed else ""
    return (
        f"{measured.case:12} {measured.target:8} {done / load.seconds:9,.0f}/s {each} of CPU each, "
        f"p50 {load.p50_us / 1000:.2f} ms, p99 {load.p99_us / 1000:.2f} ms{failed}"
    )
