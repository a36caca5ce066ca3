"""What Linux knows of a process and its children: CPU time, memory; and how to make it rest while others are measured."""

from __future__ import annotations

import os
import signal
import time
from collections import defaultdict
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

TICK_S: Final = 1 / os.sysconf("SC_CLK_TCK")
_PROC: Final = Path("/proc")


def family(pid: int) -> list[int]:
    """The process and all its descendants."""
    children: defaultdict[int, list[int]] = defaultdict(list)
    for entry in _PROC.iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                children[int(_stat(int(entry.name))[1])].append(int(entry.name))
    found, ahead = [], [pid]
    while ahead:
        member = ahead.pop()
        found.append(member)
        ahead += children[member]
    return found


def cpu_s(pids: Iterable[int]) -> float:
    """User and system time since they began."""
    ticks = 0
    for pid in pids:
        with suppress(OSError):
            fields = _stat(pid)
            ticks += int(fields[11]) + int(fields[12])
    return ticks * TICK_S


def memory_kb(pids: Iterable[int]) -> int:
    """What is theirs: shared pages count by share (PSS), so that workers which forked are not counted twice."""
    total = 0
    for pid in pids:
        with suppress(OSError):
            for line in (_PROC / str(pid) / "smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1])
    return total


def pause(pids: Iterable[int]) -> None:
    _signal(pids, signal.SIGSTOP)


def resume(pids: Iterable[int]) -> None:
    _signal(pids, signal.SIGCONT)


def kill(pids: Iterable[int]) -> None:
    """Those that are still there."""
    _signal(pids, signal.SIGKILL)


def settle(pids: list[int], *, most_s: float = 10.0) -> None:
    """Waits until they rest: what one case has left to do must not be charged to the next."""
    until = time.monotonic() + most_s
    before = cpu_s(pids)
    while time.monotonic() < until:
        time.sleep(0.1)
        now = cpu_s(pids)
        if now - before <= TICK_S:
            return
        before = now


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat from the third on; the second may hold anything."""
    return (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()


def _signal(pids: Iterable[int], number: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)
