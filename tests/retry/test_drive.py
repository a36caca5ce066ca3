"""Attempts through aiohttp-retry: what it does by itself, and that none of it reaches a call."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Any

import pytest
from aiohttp_retry import ExponentialRetry, RetryClient
from aiohttp_retry.retry_options import RetryOptionsBase

from proxy.retry.decide import Retry, Stop, Why
from proxy.retry.drive import Driven, drive
from proxy.retry.pause import Pauses

SECRET = "sk-secret"


class BugError(Exception):
    pass


class Script:
    """A call whose outcomes are known; an outcome that is an exception is raised."""

    def __init__(self, *outcomes: Any) -> None:
        self.first, *self.rest = outcomes
        self.asked: list[int] = []
        self.decided: list[tuple[object, int]] = []
        self.waited: list[float] = []
        self.discarded: list[object] = []
        self.stop_after = 99

    async def again(self, retry: int) -> Any:
        self.asked.append(retry)
        outcome = self.rest.pop(0)
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    def decide(self, outcome: Any, retries: int) -> Retry | Stop | None:
        self.decided.append((outcome, retries))
        if outcome == "good":
            return None
        return Stop(Why.MAX) if retries >= self.stop_after else Retry(1.0 + retries)

    async def wait(self, seconds: float) -> bool:
        self.waited.append(seconds)
        return True

    async def run(self, **overrides: Any) -> Driven[Any]:
        parts: dict[str, Any] = {"again": self.again, "decide": self.decide, "wait": self.wait}
        return await drive(self.first, **(parts | {"discard": self.discarded.append} | overrides))


async def test_a_good_first_outcome_is_not_repeated():
    script = Script("good")
    assert await script.run() == Driven("good", 0, None)
    assert (script.asked, script.waited, script.discarded) == ([], [], [])


async def test_failures_are_repeated_until_one_is_good():
    script = Script("bad", "worse", "good", "never")
    assert await script.run() == Driven("good", 2, None)
    assert script.asked == [1, 2]
    assert script.decided == [("bad", 0), ("worse", 1), ("good", 2)]
    assert script.waited == [1.0, 2.0]
    assert script.discarded == ["bad", "worse"]


async def test_a_stop_answers_with_what_there_is():
    script = Script("bad", "worse", "worst", "never")
    script.stop_after = 2
    assert await script.run() == Driven("worst", 2, Stop(Why.MAX))
    assert script.discarded == ["bad", "worse"]


async def test_the_decision_is_asked_about_every_attempt_however_many():
    """The library does not ask about what it takes for the last one."""
    script = Script(*["bad"] * 300)
    script.stop_after = 299
    assert await script.run() == Driven("bad", 299, Stop(Why.MAX))
    assert [retries for _, retries in script.decided] == list(range(300))


@pytest.mark.parametrize("outcome", [500, 503, None, {"status": 503}])
async def test_an_outcome_may_be_anything(outcome):
    """The library looks at a status before it asks, and repeats every 5xx by default."""
    driven = await Script(outcome).run(decide=lambda *_: Stop(Why.CLASS))
    assert driven == Driven(outcome, 0, Stop(Why.CLASS))


async def test_a_failed_outcome_is_kept_while_its_retry_waits_and_then_let_go():
    """The library would release neither."""
    script = Script("bad", "good")

    async def wait(_: float) -> bool:
        assert script.discarded == []
        return True

    await script.run(wait=wait)
    assert script.discarded == ["bad"]


async def test_a_bug_in_an_attempt_is_raised_and_not_repeated():
    script = Script("bad", BugError(SECRET), "never")
    with pytest.raises(BugError):
        await script.run()
    assert script.asked == [1]
    assert script.discarded == ["bad"]


async def test_a_bug_in_the_decision_is_raised_and_not_repeated():
    """The library takes it for a failed request."""
    script = Script("bad", "never")

    def decide(*_):
        raise BugError(SECRET)

    with pytest.raises(BugError):
        await script.run(decide=decide)
    assert script.asked == []
    assert script.discarded == ["bad"]


async def test_nothing_is_logged(caplog):
    caplog.set_level(logging.DEBUG)
    with pytest.raises(BugError):
        await Script("bad", BugError(SECRET)).run()
    await Script("bad", "good").run()
    assert [record for record in caplog.records if record.name != "asyncio"] == []


async def test_only_the_wait_that_is_passed_in_is_waited():
    """No sleep of the library's own is added."""
    script = Script(*["bad"] * 20, "good")
    began = time.perf_counter()
    await script.run()
    assert len(script.waited) == 20
    assert time.perf_counter() - began < 0.2


async def test_a_drain_answers_a_waiting_call_with_its_last_real_answer():
    pauses, script = Pauses(), Script("bad", "never")
    call = asyncio.create_task(script.run(decide=lambda *_: Retry(60.0), wait=pauses.wait))
    await asyncio.sleep(0.01)
    pauses.end()
    async with asyncio.timeout(0.1):
        assert await call == Driven("bad", 0, Stop(Why.DRAINING))
    assert (script.asked, script.discarded) == ([], [])


async def test_a_client_that_leaves_ends_the_wait_at_once():
    pauses, script = Pauses(), Script("bad", "never")
    call = asyncio.create_task(script.run(decide=lambda *_: Retry(60.0), wait=pauses.wait))
    await asyncio.sleep(0.01)
    call.cancel()
    async with asyncio.timeout(0.1):
        with pytest.raises(asyncio.CancelledError):
            await call
    assert (script.asked, script.discarded, len(pauses)) == ([], ["bad"], 0)


async def test_a_client_that_leaves_during_an_attempt_ends_it():
    script, ended = Script("bad"), asyncio.Event()

    async def again(_: int) -> str:
        try:
            await asyncio.sleep(60)
        finally:
            ended.set()
        return "never"

    call = asyncio.create_task(script.run(again=again))
    await asyncio.sleep(0.01)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert ended.is_set()
    assert script.discarded == ["bad"]


async def test_a_wait_is_prolonged_by_what_was_stated_meanwhile():
    script, longer = Script("bad", "good"), [Retry(7.0), None]
    assert await script.run(decide_again=lambda: longer.pop(0)) == Driven("good", 1, None)
    assert script.waited == [1.0, 7.0]


async def test_what_was_stated_meanwhile_may_end_it():
    script = Script("bad", "never")
    assert await script.run(decide_again=lambda: Stop(Why.WAIT)) == Driven("bad", 0, Stop(Why.WAIT))
    assert (script.asked, script.discarded) == ([], [])


# What the library does by itself, which `drive` rests on or goes round: a new version that differs is to be noticed.


class Answer:
    method = "POST"
    closed = True

    def __init__(self, status: int = 200) -> None:
        self.status = status

    def close(self) -> None:
        raise AssertionError("closed")


class Session:
    def __init__(self, *outcomes) -> None:
        self.outcomes = list(outcomes)

    async def request(self, *_, **__):
        outcome = self.outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


class Options(RetryOptionsBase):
    def __init__(self, **options) -> None:
        super().__init__(**options)
        self.seen: list[object] = []

    def get_timeout(self, attempt, response=None):
        self.seen.append(response)
        return 0.0


def client(session: Any, retry_options: RetryOptionsBase) -> RetryClient:
    return RetryClient(session, retry_options=retry_options)


async def never_settled(_) -> bool:
    return False


async def test_the_library_counts_tries_and_does_not_ask_about_the_last():
    asked = []

    async def ask(answer) -> bool:
        asked.append(answer)
        return False

    session = Session(*[Answer() for _ in range(9)])
    await client(session, retry_options=Options(attempts=3, evaluate_response_callback=ask)).request("POST", "/")
    assert (len(asked), len(session.outcomes)) == (2, 6)


async def test_the_library_repeats_no_exception_by_default_and_does_not_ask():
    session = Session(OSError(), Answer())
    with pytest.raises(OSError):
        await client(session, retry_options=Options(evaluate_response_callback=never_settled)).request("POST", "/")
    assert len(session.outcomes) == 1


async def test_the_library_gives_no_exception_to_get_timeout():
    options = Options(exceptions={OSError})
    await client(Session(OSError(), Answer()), retry_options=options).request("POST", "/")
    assert options.seen == [None]


async def test_the_library_takes_a_bug_in_the_callback_for_a_failed_request():
    async def ask(_) -> bool:
        raise BugError

    session = Session(Answer(), Answer())
    options = Options(attempts=2, exceptions={BugError}, evaluate_response_callback=ask)
    await client(session, retry_options=options).request("POST", "/")
    assert session.outcomes == []


async def test_the_library_repeats_server_errors_without_asking():
    async def ask(_) -> bool:
        raise AssertionError("asked")

    session = Session(Answer(500), Answer(500))
    await client(session, retry_options=Options(attempts=2, evaluate_response_callback=ask)).request("POST", "/")
    assert session.outcomes == []


async def test_the_library_logs_exceptions_whole(caplog):
    caplog.set_level(logging.DEBUG, logger="aiohttp_retry")
    options = ExponentialRetry(attempts=2, exceptions={BugError}, start_timeout=0)
    await client(Session(BugError(SECRET), Answer()), retry_options=options).request("POST", "/")
    assert SECRET in caplog.text


async def test_the_library_sleeps_by_asyncios_own(monkeypatch):
    slept = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr("aiohttp_retry.client.asyncio.sleep", sleep)
    options = ExponentialRetry(attempts=2, start_timeout=3, evaluate_response_callback=never_settled)
    await client(Session(Answer(), Answer()), retry_options=options).request("POST", "/")
    assert slept == [6.0]
