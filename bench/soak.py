"""Does it stay as it was? `python -m bench.soak` (a quarter of an hour): memory and latency over time under mixed load.

JSON answers, whole streams, clients that leave in the middle of theirs, and errors, all at once and below what a core can
do, so that what is seen is what grows and not what queues. With `--docs` the figures go into docs/performance.md and
docs/soak.svg.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final
from xml.sax.saxutils import escape

from bench import process, report
from bench.cases import Case
from bench.run import Cores
from bench.targets import PATH, PROXY, ROOT, Plan, Running, answers, free_port, spawn, start
from bench.tools import Load, arguments, read, tools

WINDOW_S: Final = 10.0
JSON: Final = Case(name="json", title="JSON", model="json-1024x40", connections=70, seconds=WINDOW_S)
STREAMS: Final = Case(
    name="streams", title="whole streams", model="stream-20x100", connections=100, seconds=WINDOW_S, ramp_s=2
)
LEAVING: Final = Case(
    name="leaving", title="streams left", model="stream-400x50", connections=50, seconds=WINDOW_S, ramp_s=2
)
ERRORS: Final = Case(name="errors", title="errors", model="error-429x50", connections=5, seconds=WINDOW_S, status=429)
MIX: Final = (JSON, STREAMS, LEAVING, ERRORS)
CLIENT_WAIT_MS: Final = 40.0  # of JSON, which is the provider's
BEGIN: Final = "<!-- soak: python -m bench.soak --docs -->"
END: Final = "<!-- end of soak -->"


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Some seconds of it: what was done, and what the process held when it had rested."""

    minute: float
    memory_mb: float
    cpu: float  # share of a core
    loads: dict[str, Load]

    @property
    def json_p99_ms(self) -> float:
        return self.loads["json"].p99_us / 1000 - CLIENT_WAIT_MS

    @property
    def chunk_p99_ms(self) -> float:
        return self.loads["streams"].delay_p99_us / 1000


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=15.0, help="how long (default 15)")
    parser.add_argument("--docs", action="store_true", help="write the figures into docs/")
    args = parser.parse_args()
    ruler = tools()
    cores = Cores.of(sorted(os.sched_getaffinity(0)))
    with TemporaryDirectory() as directory, ExitStack() as stack:
        port = free_port()
        provider = spawn([*ruler.upstream, str(port)], {cores.upstream})
        stack.callback(provider.wait)
        stack.callback(provider.terminate)
        upstream = f"http://127.0.0.1:{port}"
        while not answers(upstream + PATH):
            time.sleep(0.05)
        plan = Plan(port=free_port(), upstream=upstream, workers=1, directory=Path(directory))
        proxy = start(PROXY, plan, cores.of_target(1))
        stack.callback(proxy.stop)
        fresh_mb = process.memory_kb(proxy.pids()) / 1024
        windows = soak(proxy, ruler.load, cores.load, minutes=args.minutes)
    figures = told(fresh_mb, windows)
    print(figures)
    if args.docs:
        page = ROOT / "docs" / "performance.md"
        page.write_text(report.into(page.read_text(), figures, begin=BEGIN, end=END))
        (ROOT / "docs" / "soak.svg").write_text(plot(windows))
    return 1 if any(load.failed for window in windows for load in window.loads.values()) else 0


def soak(proxy: Running, client: Sequence[str], core: int, *, minutes: float) -> list[Window]:
    began, windows = time.monotonic(), list[Window]()
    while time.monotonic() - began < minutes * 60:
        spent, at = process.cpu_s(proxy.pids()), time.monotonic()
        clients = {
            case.name: spawn([*client, *arguments(case, proxy.url, proxy.headers)], {core}, output=subprocess.PIPE)
            for case in MIX
        }
        loads = {name: read(child.communicate()[0].decode()) for name, child in clients.items()}
        cpu = (process.cpu_s(proxy.pids()) - spent) / (time.monotonic() - at)
        process.settle(proxy.pids(), most_s=2.0)
        memory_mb = process.memory_kb(proxy.pids()) / 1024
        window = Window(minute=(time.monotonic() - began) / 60, memory_mb=memory_mb, cpu=cpu, loads=loads)
        windows.append(window)
        print(
            f"{window.minute:5.1f} min  {memory_mb:5.1f} MB  {cpu:4.0%} of a core  p99 JSON +{window.json_p99_ms:.1f} ms, "
            f"chunk {window.chunk_p99_ms:.1f} ms  failed {sum(load.failed for load in loads.values())}",
            file=sys.stderr,
            flush=True,
        )
    return windows


def told(fresh_mb: float, windows: Sequence[Window]) -> str:
    done = {name: sum(window.loads[name].requests for window in windows) for name in windows[0].loads}
    left = len(windows) * LEAVING.connections
    failed = sum(load.failed for window in windows for load in window.loads.values())
    cpu = sum(window.cpu for window in windows) / len(windows)
    first, last = windows[0], windows[-1]
    return (
        f"{windows[-1].minute:.0f} minutes at {cpu:.0%} of a core: {done['json']:,} JSON answers, {done['streams']:,} whole "
        f"streams, {left:,} that their clients left, {done['errors']:,} errors, all at once; {failed} failed.\n\n"
        "| | fresh | after the first window | at the end |\n| --- | ---: | ---: | ---: |\n"
        f"| memory at rest, MB | {fresh_mb:.1f} | {first.memory_mb:.1f} | {last.memory_mb:.1f} |\n"
        f"| JSON, added p99, ms | | {first.json_p99_ms:.1f} | {last.json_p99_ms:.1f} |\n"
        f"| a stream's chunk, p99, ms | | {first.chunk_p99_ms:.1f} | {last.chunk_p99_ms:.1f} |"
    )


_WIDTH: Final = 860
_HEIGHT: Final = 150
_LEFT: Final = 60
_COLOURS: Final = ("#4477aa", "#228833", "#cc3311")


def plot(windows: Sequence[Window]) -> str:
    """Memory above, latency below, over the same time."""
    memory = [("memory at rest, MB", [window.memory_mb for window in windows])]
    latency = [
        ("JSON, added p99, ms", [window.json_p99_ms for window in windows]),
        ("a stream's chunk, p99, ms", [window.chunk_p99_ms for window in windows]),
    ]
    minutes = [window.minute for window in windows]
    panels = _panel(minutes, memory, top=40) + _panel(minutes, latency, top=60 + _HEIGHT + 40)
    height = 2 * _HEIGHT + 150
    body = "\n".join([_text(16, 22, f"{minutes[-1]:.0f} minutes under mixed load", size=14), *panels])
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" font-family="system-ui, sans-serif">\n'
        f'<rect width="100%" height="100%" fill="#ffffff"/>\n{body}\n</svg>\n'
    )


def _panel(minutes: Sequence[float], lines: Sequence[tuple[str, Sequence[float]]], *, top: float) -> list[str]:
    most = max(max(values) for _, values in lines) * 1.1 or 1.0
    width = _WIDTH - _LEFT - 20
    bottom = top + _HEIGHT
    parts = [f'<path d="M{_LEFT} {top}V{bottom}H{_LEFT + width}" fill="none" stroke="#888888"/>']
    parts += [
        _text(_LEFT - 6, bottom - share * _HEIGHT + 4, f"{most * share:.0f}", anchor="end") for share in (0.0, 0.5, 1.0)
    ]
    parts.append(_text(_LEFT + width, bottom + 16, f"{minutes[-1]:.0f} minutes", anchor="end"))
    for number, (name, values) in enumerate(lines):
        colour = _COLOURS[number] if len(lines) > 1 else _COLOURS[2]
        points = " ".join(
            f"{_LEFT + at / minutes[-1] * width:.1f},{bottom - value / most * _HEIGHT:.1f}"
            for at, value in zip(minutes, values, strict=True)
        )
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.5"/>')
        parts.append(f'<rect x="{_LEFT + 12 + 220 * number}" y="{top + 2}" width="11" height="11" fill="{colour}"/>')
        parts.append(_text(_LEFT + 28 + 220 * number, top + 12, name))
    return parts


def _text(x: float, y: float, text: str, *, size: int = 12, anchor: str = "start") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" fill="#222222">{escape(text)}</text>'
    )


if __name__ == "__main__":
    sys.exit(main())
