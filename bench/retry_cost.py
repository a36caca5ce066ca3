"""What the retry machinery adds to a call whose first attempt succeeds: one run, a line a part, and the sum.

    python -m bench.retry_cost [--most MICROSECONDS]

A good call goes round the library and every decision. What is left: whose call it is, one count for the budget, how far
the attempt came (which connection, whether it had served, whether a byte has come), and the question whether it failed.
The parts are timed where they stand in the code; exit 1 where their sum is above `--most`.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, Final

from multidict import CIMultiDict

from proxy.client import Progress
from proxy.client.connections import Protocol
from proxy.model import Verdict
from proxy.retry.budget import Budget
from proxy.way.ask import Answered, Attempt
from proxy.way.caller import caller_of

MOST_US: Final = 6.0
CALLS: Final = 20_000
ROUNDS: Final = 15


def timed(once: Callable[[], object]) -> float:
    """Microseconds a call, the best of several rounds, less the loop's own."""

    def best(do: Callable[[], object]) -> float:
        least = float("inf")
        for _ in range(ROUNDS):
            began = time.perf_counter()
            for _ in range(CALLS):
                do()
            least = min(least, time.perf_counter() - began)
        return least

    return max(0.0, best(once) - best(lambda: None)) / CALLS * 1e6


def parts(loop: asyncio.AbstractEventLoop) -> dict[str, Callable[[], object]]:
    call: Any = SimpleNamespace(head=SimpleNamespace(read={"authorization": "Bearer sk-" + "x" * 48}), query="")
    target: Any = SimpleNamespace(client="", route=SimpleNamespace(name="openai", injected=None))
    caller = caller_of(call, target)
    budget = Budget()
    protocol = Protocol(loop)
    answered = Answered(SimpleNamespace())  # type: ignore[arg-type]
    headers = CIMultiDict({"accept": "application/json"})
    verdict: list[Verdict | None] = [None]

    def connected() -> object:
        progress = Progress()
        progress.started_at = loop.time()
        protocol.calls += 1
        protocol.heard = False
        progress.protocol = protocol
        protocol.heard = True
        return Attempt(answered, progress, loop.time())

    def failed() -> object:
        attempt = verdict[0]
        return attempt is not None or headers is None

    return {
        "whose call it is": lambda: caller_of(call, target),
        "one request more in the budget": lambda: budget.count(caller, loop.time()),
        "how far the attempt came": connected,
        "has it failed": failed,
    }


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--most", type=float, default=MOST_US, metavar="US", help=f"default: {MOST_US}")
    most_us = arguments.parse_args().most
    loop = asyncio.new_event_loop()
    try:
        costs = {name: timed(once) for name, once in parts(loop).items()}
    finally:
        loop.close()
    for name, cost_us in costs.items():
        print(f"{name:34}{cost_us:8.2f} µs")
    total_us = sum(costs.values())
    print(f"{'a good call, all of it':34}{total_us:8.2f} µs   (at most {most_us:g})")
    return 0 if total_us <= most_us else 1


if __name__ == "__main__":
    sys.exit(main())
