"""`python -m bench`: runs the comparison and tells its figures; with `--docs` they go into docs/performance.md and .svg."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from typing import Final

from bench import plot, report
from bench.cases import CASES, Case
from bench.run import Bench
from bench.targets import OTHERS, ROOT, Target, usual
from bench.tools import tools

SMOKE_S: Final = 0.25


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "--smoke", action="store_true", help="everything once and briefly: does it work? Judges no times"
    )
    parser.add_argument("--repeats", type=int, default=3, metavar="N", help="rounds (default 3)")
    parser.add_argument("--cases", metavar="A,B", help=", ".join(case.name for case in CASES))
    parser.add_argument("--targets", metavar="A,B", help="only these of direct, nginx, bare, proxy")
    parser.add_argument("--with", dest="others", default="", metavar="A,B", help=f"besides: {', '.join(OTHERS)}")
    parser.add_argument("--no-memory", dest="memory", action="store_false", help="leave out the open streams' memory")
    parser.add_argument("--python", action="store_true", help="provider and clients in Python even where cc is at hand")
    parser.add_argument("--docs", action="store_true", help="write the figures into docs/")
    args = parser.parse_args()
    cases = chosen_cases(args.cases)
    targets = chosen_targets(args.targets, args.others)
    repeats = args.repeats
    if args.smoke:
        cases, repeats = [brief(case) for case in cases], 1
    ruler = tools(in_python=args.python)
    bench = Bench(ruler, say=lambda line: print(line, file=sys.stderr, flush=True))
    with bench.started(targets, workers=sorted({case.workers for case in cases})):
        memory = bench.memory() if args.memory and not args.smoke else []
        if not args.smoke:
            bench.warm_up()
        results = report.Results(bench.measure(cases, repeats=repeats), memory)
    figures = f"{report.machine(ruler, targets, repeats=repeats)}\n\n{report.table(results)}"
    print(figures)
    if args.docs:
        page = ROOT / "docs" / "performance.md"
        page.write_text(report.into(page.read_text(), figures))
        (ROOT / "docs" / "performance.svg").write_text(plot.plot(results))
    return 1 if args.smoke and broken(results, targets) else 0


def chosen_cases(names: str | None) -> list[Case]:
    wanted = names.split(",") if names else [case.name for case in CASES]
    return [case for case in CASES if case.name in wanted]


def chosen_targets(names: str | None, others: str) -> list[Target]:
    targets = [target for target in usual() if not names or target.name in names.split(",")]
    return targets + [OTHERS[name] for name in others.split(",") if name]


def brief(case: Case) -> Case:
    """Small enough for a busy machine that runs other tests beside."""
    connections = min(case.connections, 50)
    model = "stream-5x20" if case.is_stream else case.model
    return replace(case, seconds=SMOKE_S, ramp_s=0.1 if case.ramp_s else 0.0, connections=connections, model=model)


def broken(results: report.Results, targets: list[Target]) -> bool:
    """Whether a target did not start, or any call through one failed."""
    missing = {target.name for target in targets} - {row.target for row in results.measured}
    incomplete = [row for row in results.measured if row.load.failed or not row.load.requests]
    for row in incomplete:
        print(f"{row.case} on {row.target}: {row.load.requests} good, {row.load.failed} failed", file=sys.stderr)
    for name in missing:
        print(f"{name} was not measured", file=sys.stderr)
    return bool(missing or incomplete)


if __name__ == "__main__":
    sys.exit(main())
