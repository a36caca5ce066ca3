from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest

from proxy.app import rules_of
from proxy.classifier.api import classify_json
from proxy.config import from_values
from proxy.workers.pipe import GoneError, Pipe, Verb, open_pipe


class Other:
    """The other end: answers LOOK with what it was given, fails at RELEASE, is slow at DRAIN until told."""

    def __init__(self) -> None:
        self.told: list[tuple[Verb, object]] = []
        self.slow = asyncio.Event()

    async def handle(self, verb: Verb, value: Any) -> object:
        self.told.append((verb, value))
        if verb is Verb.RELEASE:
            raise KeyError("sk-secret")
        if verb is Verb.DRAIN:
            await self.slow.wait()
        return value


@contextlib.asynccontextmanager
async def pipe(other: Other) -> AsyncIterator[tuple[Pipe, Pipe]]:
    ours, theirs = socket.socketpair()
    ends = await open_pipe(ours, Other().handle), await open_pipe(theirs, other.handle)
    running = [asyncio.create_task(end.run()) for end in ends]
    try:
        yield ends
    finally:
        ends[0].close()
        await asyncio.gather(*running)


async def test_what_is_asked_is_answered_in_whatever_order() -> None:
    other = Other()
    async with pipe(other) as (one, _):
        slow = asyncio.create_task(one.ask(Verb.DRAIN, "later", timeout_s=5))
        assert await one.ask(Verb.LOOK, {"large": "x" * 1_000_000}, timeout_s=5) == {"large": "x" * 1_000_000}
        other.slow.set()
        assert await slow == "later"


async def test_both_ends_may_ask() -> None:
    async with pipe(Other()) as (one, other):
        asked = (end.ask(Verb.LOOK, number, timeout_s=5) for number, end in enumerate((one, other)))
        assert await asyncio.gather(*asked) == [0, 1]


async def test_what_is_told_has_no_answer() -> None:
    other = Other()
    async with pipe(other) as (one, _):
        one.tell(Verb.REVISION)
        await one.ask(Verb.LOOK, timeout_s=5)
    assert other.told == [(Verb.REVISION, None), (Verb.LOOK, None)]


async def test_a_fault_at_the_other_end_is_told_by_its_type_alone(caplog: pytest.LogCaptureFixture) -> None:
    async with pipe(Other()) as (one, _):
        with pytest.raises(GoneError, match=r"^KeyError$"):
            await one.ask(Verb.RELEASE, timeout_s=5)
        assert await one.ask(Verb.LOOK, "goes on", timeout_s=5) == "goes on"
    [record] = caplog.records
    assert record.message == "worker failed"


async def test_an_answer_that_takes_too_long_is_not_waited_for_and_does_no_harm_later() -> None:
    other = Other()
    async with pipe(other) as (one, _):
        with pytest.raises(TimeoutError):
            await one.ask(Verb.DRAIN, timeout_s=0.01)
        other.slow.set()
        assert await one.ask(Verb.LOOK, 1, timeout_s=5) == 1


async def test_when_one_end_is_gone_the_other_knows_at_once() -> None:
    async with pipe(Other()) as (one, other):
        waiting = asyncio.create_task(one.ask(Verb.DRAIN, timeout_s=5))
        await one.ask(Verb.LOOK, timeout_s=5)
        other.close()
        with pytest.raises(GoneError):
            await waiting
        with pytest.raises(GoneError):
            await one.ask(Verb.LOOK, timeout_s=5)
        one.tell(Verb.REVISION)  # into nothing


async def test_a_configuration_and_its_rules_arrive_whole() -> None:
    config = from_values(
        {
            "upstreams": [
                {
                    "name": "up",
                    "url": "https://api.openai.com",
                    "credential": "sk-1",
                    "allow": ["POST /v1/*"],
                    "headers": {"x-a": "b"},
                }
            ]
        }
    )
    async with pipe(Other()) as (one, _):
        arrived, rules = await one.ask(Verb.LOOK, (config, rules_of(config)), timeout_s=5)
    assert arrived == config
    answer = {"provider": "openai", "status": 429, "body": '{"error": {"code": "insufficient_quota"}}'}
    assert classify_json(answer, rules, now=0.0, explain=True) == classify_json(
        answer, rules_of(config), now=0.0, explain=True
    )
