"""Waits end by time, by a drain, or with the client."""

from __future__ import annotations

import asyncio
import time

import pytest

from proxy.retry.pause import Pauses


async def test_a_wait_ends_by_time():
    pauses = Pauses()
    began = time.perf_counter()
    assert await pauses.wait(0.03) is True
    assert time.perf_counter() - began >= 0.029
    assert len(pauses) == 0


async def test_a_drain_wakes_all_who_wait():
    pauses = Pauses()
    waits = [asyncio.create_task(pauses.wait(60)) for _ in range(10)]
    await asyncio.sleep(0)
    assert len(pauses) == 10
    pauses.end()
    async with asyncio.timeout(0.1):
        assert await asyncio.gather(*waits) == [False] * 10
    assert len(pauses) == 0


async def test_nobody_waits_after_a_drain_began():
    pauses = Pauses()
    pauses.end()
    async with asyncio.timeout(0.1):
        assert await pauses.wait(60) is False


async def test_a_client_that_leaves_ends_its_own_wait_only():
    pauses = Pauses()
    leaves, stays = asyncio.create_task(pauses.wait(60)), asyncio.create_task(pauses.wait(60))
    await asyncio.sleep(0)
    leaves.cancel()
    async with asyncio.timeout(0.1):
        with pytest.raises(asyncio.CancelledError):
            await leaves
    assert len(pauses) == 1
    assert not stays.done()
    pauses.end()
    assert await stays is False


async def test_a_drain_and_a_leaving_client_at_once():
    pauses = Pauses()
    wait = asyncio.create_task(pauses.wait(60))
    await asyncio.sleep(0)
    wait.cancel()
    pauses.end()
    with pytest.raises(asyncio.CancelledError):
        await wait
    assert len(pauses) == 0


async def test_a_wait_that_ended_early_leaves_no_timer_behind(monkeypatch):
    loop = asyncio.get_running_loop()
    timers, call_later = [], loop.call_later

    def watched(*args, **kwargs):
        timers.append(call_later(*args, **kwargs))
        return timers[-1]

    monkeypatch.setattr(loop, "call_later", watched)
    pauses = Pauses()
    wait = asyncio.create_task(pauses.wait(60))
    await asyncio.sleep(0)
    pauses.end()
    await wait
    assert [timer.cancelled() for timer in timers] == [True]
