"""From measurements to figures and their table. Ratios are taken within one round of the run, then their median: rounds drift."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Final

from bench.cases import CASES, Case
from bench.run import Measured, Memory
from bench.targets import Target
from bench.tools import Tools

BASE: Final = "bare"
OURS: Final = "proxy"
BEGIN: Final = "<!-- figures: python -m bench --docs -->"
END: Final = "<!-- end of figures -->"


@dataclass(frozen=True, slots=True)
class Results:
    """One run, whole."""

    measured: Sequence[Measured]
    memory: Sequence[Memory]

    def targets(self) -> list[str]:
        return list(dict.fromkeys(row.target for row in self.measured))

    def cases(self) -> list[Case]:
        seen = {row.case for row in self.measured}
        return [case for case in CASES if case.name in seen]

    def of(self, case: str, target: str) -> list[Measured]:
        return [row for row in self.measured if row.case == case and row.target == target]

    def cost_us(self, case: str, target: str) -> float | None:
        """CPU of the target for each request; for each chunk of streams."""
        return _median(_cost(row) for row in self.of(case, target))

    def relative(self, case: str, target: str, base: str = BASE) -> float | None:
        """What a request or chunk costs here, in what it costs there."""
        return self._over(case, target, base, _cost)

    def per_cpu_s(self, case: str, target: str) -> float | None:
        cost = self.cost_us(case, target)
        return None if cost is None else 1e6 / cost

    def added_ms(self, case: str, target: str, figure: Callable[[Measured], float]) -> float | None:
        """What the target adds to the latency that the clients see without it."""
        base = {row.repeat: figure(row) for row in self.of(case, "direct")}
        rows = [row for row in self.of(case, target) if row.repeat in base]
        return _median((figure(row) - base[row.repeat]) / 1000 for row in rows)

    def _over(self, case: str, target: str, base: str, figure: Callable[[Measured], float | None]) -> float | None:
        there = {row.repeat: figure(row) for row in self.of(case, base)}
        pairs = ((figure(row), there.get(row.repeat)) for row in self.of(case, target))
        return _median(here / other for here, other in pairs if here and other)


def _cost(row: Measured) -> float | None:
    done = row.load.chunks or row.load.requests
    return row.cpu_s / done * 1e6 if done and row.cpu_s else None


def p50(row: Measured) -> float:
    return row.load.p50_us


def p99(row: Measured) -> float:
    return row.load.p99_us


def _median(values: object) -> float | None:
    found = [value for value in values if value is not None]  # type: ignore[attr-defined]
    return median(found) if found else None


# -- as Markdown


def table(results: Results) -> str:
    """What a request costs, what it waits longer, what is held."""
    names = [name for name in results.targets() if name != "direct"]
    sections = [_costs(results, names), _latencies(results, names)]
    if results.memory:
        sections.append(_memory(results))
    failed = sum(row.load.failed for row in results.measured)
    if failed:
        sections.append(f"**{failed} requests failed.**")
    return "\n\n".join(sections)


def _costs(results: Results, names: Sequence[str]) -> str:
    rows = []
    for case in results.cases():
        cells = [_cell(results.cost_us(case.name, name), "{:,.1f}") for name in names]
        ratio = results.relative(case.name, OURS)
        share = _cell(None if ratio is None else 1 / ratio, "{:.2f}")
        rows.append([case.title, "chunk" if case.is_stream else "request", *cells, _cell(ratio, "{:.2f}"), share])
    heads = ["load", "CPU µs a", *names, f"{OURS} / {BASE}", "its inverse"]
    return _markdown(heads, rows, words=2)


def _latencies(results: Results, names: Sequence[str]) -> str:
    rows = []
    for case in results.cases():
        if case.workers > 1:
            continue
        direct = results.of(case.name, "direct")
        own = (
            f"{median(p50(r) for r in direct) / 1000:.2f} / {median(p99(r) for r in direct) / 1000:.2f}"
            if direct
            else "–"
        )
        cells = [
            " / ".join(_cell(results.added_ms(case.name, name, figure), "{:.2f}") for figure in (p50, p99))
            for name in names
        ]
        rows.append([case.title, own, *cells])
    heads = ["latency in ms, p50 / p99", "direct", *(f"added by {name}" for name in names)]
    return _markdown(heads, rows)


def _memory(results: Results) -> str:
    rows = [[row.target, f"{row.idle_kb / 1024:.1f}", f"{row.stream_kb:.1f}"] for row in results.memory]
    return _markdown(["memory", "MB idle", "KB each open stream"], rows)


def _cell(value: float | None, shape: str) -> str:
    return "–" if value is None else shape.format(value)


def _markdown(heads: Sequence[str], rows: Sequence[Sequence[str]], *, words: int = 1) -> str:
    line = ["---"] * words + ["---:"] * (len(heads) - words)
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (heads, line, *rows))


def machine(tools: Tools, targets: Sequence[Target], *, repeats: int) -> str:
    """Where and of what the figures are."""
    processor = platform.processor() or platform.machine()
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            processor = line.partition(":")[2].strip()
            break
    packages = ", ".join(f"{name} {version(name)}" for name in ("aiohttp", "uvloop", "multidict", "yarl"))
    others = "".join(f", {told}" for target in targets if (told := target.version()))
    return (
        f"{processor}, {os.cpu_count()} cores, Linux {platform.release()}; Python {platform.python_version()}, {packages}"
        f"{others}; provider and clients in {tools.language}; medians of {repeats} rounds."
    )


def into(page: str, figures: str, *, begin: str = BEGIN, end: str = END) -> str:
    """The page with the figures between its marks anew."""
    before, _, rest = page.partition(begin)
    _, _, after = rest.partition(end)
    return f"{before}{begin}\n\n{figures}\n\n{end}{after}"
