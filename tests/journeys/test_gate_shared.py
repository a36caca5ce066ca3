"""The gate of two proxies that share a Redis store: what one is told the other knows, and one probe serves both."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from proxy.app import Service
from proxy.way import gate
from tests.journeys.conftest import start_proxy
from tests.journeys.troubles import good, limited
from tests.provider import Wire, provider, reply
from tests.redis_server import redis_server
from tests.wire import headers_of, post, status_of, talk

PROBE_EVERY_S = 0.8
NO_MONEY = reply(429, b'{"error": {"message": "No money", "code": "insufficient_quota"}}')
GOOD = good("openai_chat")


class Account:
    """A provider that answers every call with what the account has come to."""

    def __init__(self, answer: bytes) -> None:
        self.answer = answer
        self.calls = 0

    async def __call__(self, wire: Wire) -> None:
        while True:
            await wire.request()
            self.calls += 1
            await wire.act(self.answer)


@contextlib.asynccontextmanager
async def replicas(account: Account, directory: Path) -> AsyncIterator[tuple[Service, Service]]:
    async with provider(account) as up, redis_server(directory) as store:
        settings = {"gate": True, "store": store}
        async with start_proxy(up.url, **settings) as one, start_proxy(up.url, **settings) as other:
            yield one, other


async def ask(service: Service, key: str = "k", *more: str) -> bytes:
    return await talk(service, post(b'{"model":"m"}', "/v1/chat/completions", f"Authorization: Bearer {key}", *more))


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "PROBE_EVERY_S", PROBE_EVERY_S)


async def test_what_one_was_told_the_other_answers_with(tmp_path: Path) -> None:
    account = Account(NO_MONEY)
    async with replicas(account, tmp_path) as (one, other):
        told = headers_of(await ask(one))
        again = headers_of(await ask(other))
        assert account.calls == 1
        assert (told["x-llm-error-source"], again["x-llm-error-source"]) == ("upstream", "proxy")
        assert again["x-llm-error-reason"] == told["x-llm-error-reason"]
        assert "x-llm-replayed" in again
        assert headers_of(await ask(other, "another"))["x-llm-error-source"] == "upstream"


async def test_a_stated_wait_counts_down_for_both(tmp_path: Path) -> None:
    account = Account(limited({"retry-after": "30"}))
    async with replicas(account, tmp_path) as (one, other):
        await ask(one)
        await asyncio.sleep(1.0)
        assert 27 <= int(headers_of(await ask(other))["retry-after"]) <= 29
        assert account.calls == 1


async def test_a_crowd_before_both_sends_one_probe_an_interval_and_a_good_one_opens_both(
    often: None, tmp_path: Path
) -> None:
    account = Account(NO_MONEY)
    async with replicas(account, tmp_path) as (one, other):
        await ask(one)
        for probes in (1, 2):
            await asyncio.sleep(PROBE_EVERY_S + 0.05)
            begun = time.monotonic()
            await asyncio.gather(*(ask(each) for each in (one, other) for _ in range(10)))
            assert time.monotonic() - begun < PROBE_EVERY_S, "too slow to tell one interval from the next"
            assert account.calls == 1 + probes
        account.answer = GOOD
        await asyncio.sleep(PROBE_EVERY_S + 0.05)
        answers = await asyncio.gather(*(ask(each) for each in (one, other)))
        assert 200 in map(status_of, answers)
        assert [status_of(await ask(each)) for each in (one, other)] == [200, 200]
