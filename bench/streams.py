"""What watching streams costs: `python -m bench.streams [--repeats 5]`, a few minutes. Ratios of one run, medians.

The proxy beside itself without watching (unwatched.py) and beside a bare pass-through (bare.py): CPU for each paced chunk,
the time it adds to a chunk, memory for each open stream.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Sequence
from typing import Final

from bench.cases import Case
from bench.run import Bench, Measured, Memory
from bench.targets import BARE, PROXY, Plan, Target
from bench.tools import tools

CASES: Final = (
    Case(name="500x20", title="500 streams, chunks 20 ms apart", model="stream-200x20", connections=500, seconds=6, ramp_s=1),
    Case(name="2000x200", title="2,000 streams, chunks 200 ms apart", model="stream-40x200", connections=2000, seconds=9, ramp_s=2),
)  # fmt: skip


def _unwatched(plan: Plan) -> list[str]:
    assert PROXY.command is not None
    return [word if word != "proxy" else "bench.unwatched" for word in PROXY.command(plan)]


UNWATCHED: Final = Target(name="unwatched", command=_unwatched)


def table(measured: Sequence[Measured], memory: Sequence[Memory]) -> str:
    """Markdown: one line a target and case, with what it is of the bare pass-through's."""
    lines = [
        "| load | target | CPU µs a chunk | of bare's | chunk under way p50 | p99 | p99 above bare's |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for case in CASES:
        bare = [one for one in measured if (one.case, one.target) == (case.name, BARE.name)]
        for target in (BARE, UNWATCHED, PROXY):
            ours = [one for one in measured if (one.case, one.target) == (case.name, target.name)]
            if not ours:
                continue
            ratio = statistics.median(_cpu_us(one) / _cpu_us(other) for one, other in zip(ours, bare, strict=True))
            p50, p99 = (statistics.median(_delay_ms(one, which) for one in ours) for which in (50, 99))
            more = p99 - statistics.median(_delay_ms(one, 99) for one in bare)
            failed = sum(one.load.failed for one in ours)
            lines.append(
                f"| {case.title} | {target.name} | {statistics.median(map(_cpu_us, ours)):.1f} | {ratio:.2f} "
                f"| {p50:.2f} ms | {p99:.2f} ms | {more:+.2f} ms{f', {failed} FAILED' if failed else ''} |"
            )
    lines += ["", "| target | MB idle | KB for each open stream |", "| --- | --- | --- |"]
    lines += [f"| {one.target} | {one.idle_kb / 1024:.1f} | {one.stream_kb:.1f} |" for one in memory]
    return "\n".join(lines)


def _cpu_us(one: Measured) -> float:
    return one.cpu_s / max(one.load.chunks, 1) * 1e6


def _delay_ms(one: Measured, which: int) -> float:
    return (one.load.delay_p50_us if which == 50 else one.load.delay_p99_us) / 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    args = parser.parse_args()
    bench = Bench(tools(), lambda text: print(text, file=sys.stderr, flush=True))
    with bench.started((BARE, UNWATCHED, PROXY), workers=(1,)):
        memory = bench.memory()
        bench.warm_up()
        measured = bench.measure(CASES, repeats=args.repeats)
    print(table(measured, memory))


if __name__ == "__main__":
    main()
