"""A failed attempt may be repeated: this asks whether, waits, and asks upstream again. What it decides by is `retry/`'s."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Hashable, Mapping
from dataclasses import dataclass, field, replace

import orjson

from proxy.config import Retry as RetrySettings
from proxy.model import Verdict
from proxy.report.reporter import Reporter
from proxy.retry.budget import Budget
from proxy.retry.decide import Backoff, Failed, Retry, Stop, Why, decide, decide_again
from proxy.retry.drive import Driven, drive
from proxy.retry.pace import Pace
from proxy.retry.patience import Limits, limits_of, patience_of
from proxy.retry.pause import Pauses
from proxy.way.ask import Answered, Ask, Attempt
from proxy.way.heartbeat import Heartbeat
from proxy.way.refuse import Refusal


@dataclass(slots=True)
class Persistence:
    """What the retries of all calls share."""

    budget: Budget
    pace: Pace = field(default_factory=Pace)
    pauses: Pauses = field(default_factory=Pauses)
    chance: Callable[[], float] = random.random


@dataclass(frozen=True, slots=True, kw_only=True)
class Persist:
    """How far the proxy goes with one call that failed."""

    shared: Persistence
    settings: RetrySettings
    ask: Ask
    request: Mapping[str, str]  # headers that the proxy reads
    caller: Hashable  # one credential at one upstream
    started_at: float  # loop time of the first attempt
    clock: Callable[[], float]
    reporter: Reporter
    call_id: str
    heart: Heartbeat | None = None  # beats while a retry waits

    async def run(self, first: Attempt, again: Callable[[int], Awaitable[Attempt]]) -> Driven[Attempt]:
        """The attempt that the client is answered with. What no retry can mend need not come to the library."""
        if first.verdict is None or not first.verdict.can_retry:
            return Driven(first, 0, None)
        limits, pace_key = self.limits(), self._pace_key()
        told = ""

        def decide_on(attempt: Attempt, retries: int) -> Retry | Stop | None:
            nonlocal told
            failed = attempt.verdict
            if failed is None:
                return None
            told = f"attempt={retries + 1}/{limits.retries} class={failed.cls}"
            decision = self.decide(attempt, failed, retries, limits, pace_key)
            if isinstance(decision, Retry):
                self.reporter.retrying(
                    self.ask.target.route.name,
                    failed,
                    call_id=self.call_id,
                    attempt=retries + 1,
                    wait_s=decision.wait_s,
                )
            elif decision.why is Why.BUDGET:
                self.reporter.retry_budget_spent(self.ask.target.route.name)
            return decision

        def decide_once_more() -> Retry | Stop | None:
            return decide_again(
                now=self.clock(), limits=limits, paced_until=self.shared.pace.until(pace_key), chance=self.shared.chance
            )

        async def wait(seconds: float) -> bool:
            pause = self.shared.pauses.wait
            self.reporter.waiting += 1
            try:
                return await (pause(seconds) if self.heart is None else self.heart.wait(seconds, pause, told))
            finally:
                self.reporter.waiting -= 1

        return await drive(first, again, decide_on, wait=wait, decide_again=decide_once_more, discard=discard)

    def would_retry(self, first: Attempt) -> Retry | None:
        """How a failed attempt would be repeated: for those who only want to know."""
        verdict = first.verdict
        if verdict is None or not verdict.can_retry:
            return None
        decision = self.decide(first, verdict, 0, self.limits(), self._pace_key())
        return decision if isinstance(decision, Retry) else None

    def limits(self) -> Limits:
        limits = limits_of(
            patience_of(self.request),
            retries=self.settings.max,
            deadline_s=self.settings.deadline,
            started_at=self.started_at,
        )
        total = self.ask.deadline
        return limits if total is None else replace(limits, until=min(limits.until, total))

    def decide(
        self, attempt: Attempt, verdict: Verdict, retries: int, limits: Limits, pace_key: Hashable
    ) -> Retry | Stop:
        result = attempt.result
        answered = result if isinstance(result, Answered) else None
        now = self.clock()
        if verdict.can_retry and verdict.wait is not None:
            self.shared.pace.state(pace_key, verdict.wait.seconds, now)
        return decide(
            Failed(
                verdict=verdict,
                retries=retries,
                may_repeat=not isinstance(result, Refusal) and self._may_repeat(attempt, verdict),
                said=None if answered is None else answered.response.headers.get("x-should-retry"),
                is_peer=answered is not None and answered.is_peers,
            ),
            now=now,
            limits=limits,
            backoff=Backoff(self.settings.base, self.settings.cap),
            paced_until=self.shared.pace.until(pace_key),
            chance=self.shared.chance,
            spend=lambda: self.shared.budget.spend(self.caller, now, self.settings.budget),
        )

    def _may_repeat(self, attempt: Attempt, verdict: Verdict) -> bool:
        result = attempt.result
        return self.ask.may_repeat(
            result.response.status if isinstance(result, Answered) and not result.broke else None,
            was_connected=attempt.progress.connected,
            states_wait=verdict.wait is not None,
        )

    def _pace_key(self) -> Hashable:
        body = None if self.ask.body is None else self.ask.body.kept()
        return self.caller, model_of(body, self.ask.target.path)


def model_of(body: bytes | None, path: str) -> str:
    """Which model a call names, in its body or, as Gemini's do, in its path."""
    if body:
        try:
            request = orjson.loads(body)
        except orjson.JSONDecodeError:
            request = None
        if isinstance(request, dict) and isinstance(request.get("model"), str):
            return str(request["model"])[:200]
    _, found, rest = path.partition("/models/")
    return rest.partition(":")[0].partition("/")[0] if found else ""


def discard(attempt: Attempt) -> None:
    """An answer that nobody will read: one that came whole leaves its connection to the next call."""
    result = attempt.result
    if isinstance(result, Answered):
        result.response.close()
