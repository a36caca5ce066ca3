"""What an outage of a minute costs the provider: requests per second with the official client's own retries in front,
without a proxy, through ours, and through one that repeats without a budget.

    python -m bench.amplification [docs/amplification.svg]

A simulation on a clock of its own, with seeded chance: every run gives the same figures. The decisions are those of
`proxy/retry/`; client, provider and network are models.
"""

from __future__ import annotations

import heapq
import itertools
import random
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from bench.amplification_plot import plot
from proxy.model import TRAITS, Class, Confidence, Verdict
from proxy.retry.budget import Budget
from proxy.retry.decide import Backoff, Failed, Stop, decide
from proxy.retry.pace import Pace
from proxy.retry.patience import limits_of, patience_of
from proxy.retry.steer import should_retry

SEED: Final = 5
CALLS_PER_S: Final = 50.0
LENGTH_S: Final = 240.0
OUTAGE: Final = (60.0, 120.0)
FAILS_IN_S: Final = 0.05
ANSWERS_IN_S: Final = 1.0
CLIENT_RETRIES: Final = 2  # the default of the openai and anthropic clients
READ_TIMEOUT: Final = "600"  # theirs too
RETRIES: Final = 5  # retry.max

DOWN: Final = Verdict(
    cls=Class.PROVIDER_ERROR,
    reason="http_503",
    rule="simulation",
    confidence=Confidence.STATUS,
    scope=TRAITS[Class.PROVIDER_ERROR].scope,
    action=TRAITS[Class.PROVIDER_ERROR].action,
    advice="Try again.",
)

Done = Callable[[bool, bool | None], None]  # whether the answer is good; what x-should-retry says


class Clock:
    """Time that passes as soon as nothing is left to do at it."""

    def __init__(self) -> None:
        self.now = 0.0
        self._order = itertools.count()
        self._due: list[tuple[float, int, Callable[[], None]]] = []

    def after(self, seconds: float, do: Callable[[], None]) -> None:
        heapq.heappush(self._due, (self.now + seconds, next(self._order), do))

    def run(self) -> None:
        while self._due:
            self.now, _, do = heapq.heappop(self._due)
            do()


class Provider:
    """Answers 503 to everything during its outage."""

    def __init__(self, clock: Clock, outage: tuple[float, float]) -> None:
        self.clock = clock
        self.outage = outage
        self.requests: Counter[int] = Counter()  # by second

    def ask(self, done: Callable[[bool], None]) -> None:
        self.requests[int(self.clock.now)] += 1
        is_well = not self.outage[0] <= self.clock.now < self.outage[1]
        self.clock.after(ANSWERS_IN_S if is_well else FAILS_IN_S, lambda: done(is_well))


class Way(Protocol):
    """What stands between the client and the provider. `client_retries` is what the client says of its own."""

    def send(self, credential: str, client_retries: int, done: Done) -> None: ...


class Direct:
    """Nothing."""

    def __init__(self, provider: Provider) -> None:
        self.provider = provider

    def send(self, credential: str, client_retries: int, done: Done) -> None:
        self.provider.ask(lambda is_good: done(is_good, None))


class Ours:
    """This proxy with its default settings."""

    def __init__(
        self, provider: Provider, chance: Callable[[], float], *, share: float = 0.2, verdict: Verdict = DOWN
    ) -> None:
        self.provider = provider
        self.verdict = verdict
        self.clock = provider.clock
        self.chance = chance
        self.budget = Budget()
        self.share = share
        self.pace = Pace()
        self.retries: Counter[str] = Counter()  # by credential

    def send(self, credential: str, client_retries: int, done: Done) -> None:
        patience = patience_of(
            {"x-stainless-read-timeout": READ_TIMEOUT, "x-stainless-retry-count": str(client_retries)}
        )
        limits = limits_of(patience, retries=RETRIES, deadline_s=None, started_at=self.clock.now)
        self.budget.count(credential, self.clock.now)
        retries = 0

        def answered(is_good: bool) -> None:
            nonlocal retries
            if is_good:
                done(True, None)
                return
            if self.verdict.wait is not None:
                self.pace.state(credential, self.verdict.wait.seconds, self.clock.now)
            decision = decide(
                Failed(verdict=self.verdict, retries=retries, may_repeat=True),
                now=self.clock.now,
                limits=limits,
                backoff=Backoff(),
                paced_until=self.pace.until(credential),
                chance=self.chance,
                spend=lambda: self.budget.spend(credential, self.clock.now, self.share),
            )
            if isinstance(decision, Stop):
                told = should_retry(self.verdict, said=None, patience_s=patience.stated_s, used_up=decision.used_up)
                done(False, told)
                return
            retries += 1
            self.retries[credential] += 1
            self.clock.after(decision.wait_s, lambda: self.provider.ask(answered))

        self.provider.ask(answered)


class Unbounded:
    """A proxy that repeats on the same schedule, without a budget and without a word to the client."""

    def __init__(self, provider: Provider, chance: Callable[[], float]) -> None:
        self.provider = provider
        self.clock = provider.clock
        self.chance = chance

    def send(self, credential: str, client_retries: int, done: Done) -> None:
        retries = 0

        def answered(is_good: bool) -> None:
            nonlocal retries
            if is_good or retries == RETRIES:
                done(is_good, None)
                return
            wait_s = Backoff().draw(retries, self.chance)
            retries += 1
            self.clock.after(wait_s, lambda: self.provider.ask(answered))

        self.provider.ask(answered)


class Client:
    """An official client: 0.5 s, then twice as long each time, up to a quarter less, or as long as it is told to wait
    (`stated_s`); obeys `x-should-retry`.

    https://github.com/openai/openai-python/blob/main/src/openai/_base_client.py
    """

    def __init__(
        self,
        clock: Clock,
        way: Way,
        chance: Callable[[], float],
        *,
        retries: int = CLIENT_RETRIES,
        stated_s: float | None = None,
    ) -> None:
        self.clock = clock
        self.way = way
        self.chance = chance
        self.retries = retries
        self.stated_s = stated_s
        self.calls = 0
        self.failed = 0

    def call(self, credential: str = "credential") -> None:
        self.calls += 1
        self._send(credential, 0)

    def _send(self, credential: str, made: int) -> None:
        def answered(is_good: bool, told: bool | None) -> None:
            if is_good:
                return
            if made == self.retries or told is False:
                self.failed += 1
                return
            wait_s = self.stated_s or min(0.5 * 2.0**made, 8.0) * (1 - 0.25 * self.chance())
            self.clock.after(wait_s, lambda: self._send(credential, made + 1))

        self.way.send(credential, made, answered)


@dataclass(frozen=True, slots=True)
class Run:
    """What one way through the outage came to."""

    name: str
    requests: tuple[int, ...]  # at the provider, by second
    calls: int
    failed: int

    @property
    def in_outage(self) -> float:
        """Requests at the provider for each call that began in the outage."""
        return sum(self.requests[int(OUTAGE[0]) : int(OUTAGE[1])]) / (CALLS_PER_S * (OUTAGE[1] - OUTAGE[0]))


def simulate(name: str, make: Callable[[Provider, Callable[[], float]], Way]) -> Run:
    clock, source = Clock(), random.Random(SEED)
    provider = Provider(clock, OUTAGE)
    client = Client(clock, make(provider, source.random), source.random)
    arrivals = random.Random(SEED)  # the same calls for every way
    at = 0.0
    while (at := at + arrivals.expovariate(CALLS_PER_S)) < LENGTH_S:
        clock.after(at, client.call)
    clock.run()
    return Run(name, tuple(provider.requests[second] for second in range(int(LENGTH_S))), client.calls, client.failed)


def all_ways() -> list[Run]:
    return [
        simulate("client alone", lambda provider, _: Direct(provider)),
        simulate("through llm-triage", Ours),
        simulate("through a proxy without a budget", Unbounded),
    ]


def drawn(runs: list[Run]) -> str:
    return plot(
        [(f"{run.name}: ×{run.in_outage:.1f}", run.requests) for run in runs],
        title="Requests per second at a provider that answers 503 for a minute",
        shaded=OUTAGE,
        shade="503 to everything (×: requests a call)",
    )


def main() -> None:
    runs = all_ways()
    print(
        f"{CALLS_PER_S:.0f} calls/s, {CLIENT_RETRIES} client retries, provider down for {OUTAGE[1] - OUTAGE[0]:.0f} s"
    )
    print(f"{'':34}{'requests a call':>16}{'peak a second':>15}{'calls failed':>14}")
    for run in runs:
        print(f"{run.name:34}{run.in_outage:>16.2f}{max(run.requests):>15}{run.failed:>14}")
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent.parent / "docs" / "amplification.svg"
    path.write_text(drawn(runs), encoding="utf-8")
    print(f"plot: {path}")


if __name__ == "__main__":
    main()
