from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from proxy.admin import events


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "LOOK_S", 0.01)


async def next_snapshot(answer: Any) -> Any:
    """The data of the next event."""
    async with asyncio.timeout(5):
        async for line in answer.content:
            if line.startswith(b"data: "):
                return json.loads(line.removeprefix(b"data: "))
    raise EOFError


async def test_a_watcher_sees_the_state_at_once_and_every_change(admin: Any, rest: Any) -> None:
    client = await admin()
    answer = await client.get("/status/events")
    assert answer.headers["Content-Type"] == "text/event-stream"
    assert (await next_snapshot(answer))["verdicts"] == []
    rest.fails(call_id="call-7")
    while not (snapshot := await next_snapshot(answer))["verdicts"]:
        pass
    assert snapshot["verdicts"][0]["call_id"] == "call-7"
    answer.close()


async def test_the_page_is_told_its_parts(admin: Any, rest: Any) -> None:
    client = await admin()
    answer = await client.get("/status/events?view=page")
    first = await next_snapshot(answer)
    assert "No failure so far." in first["parts"]["verdicts"]
    rest.fails(call_id="call-8")
    while "call-8" not in (await next_snapshot(answer))["parts"]["verdicts"]:
        pass
    assert f'data-edition="{first["edition"]}"' in await (await client.get("/status")).text()
    answer.close()


async def test_what_changes_without_a_report_is_told_too(admin: Any, rest: Any) -> None:
    client = await admin()
    answer = await client.get("/status/events")
    assert (await next_snapshot(answer))["inflight"] == 0
    rest.reporter.inflight = 4
    assert (await next_snapshot(answer))["inflight"] == 4
    answer.close()


async def test_a_page_that_was_closed_makes_room(admin: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "MAX_WATCHERS", 1)
    client = await admin()
    first = await client.get("/status/events")
    await next_snapshot(first)
    second = await client.get("/status/events")
    assert second.status == 503
    assert "Retry-After" in second.headers
    first.close()
    async with asyncio.timeout(5):
        while (third := await client.get("/status/events")).status != 200:
            third.release()
    third.close()


async def test_watchers_do_not_hold_up_the_end(admin: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "LOOK_S", 60)
    client = await admin()
    answer = await client.get("/status/events")
    await next_snapshot(answer)
    async with asyncio.timeout(5):
        await client.server.close()
        assert await answer.content.read() in (b"\n", b"")


async def test_there_is_nothing_to_watch_in_a_head(admin: Any) -> None:
    client = await admin()
    assert (await client.head("/status/events")).status == 405
