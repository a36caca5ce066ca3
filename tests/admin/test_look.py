from __future__ import annotations

from typing import Any

from proxy.admin.look import MAX_TURNS
from proxy.session.quarantine import Turn


async def test_the_turns_in_quarantine_are_told_and_bounded(admin: Any, rest: Any) -> None:
    rest.quarantined = [
        Turn(
            id=f"turn-{number}", length=2, cls="content_filter", reason="image", rule="any.rule", action="rollback",
            client="web", upstream="openai", since=0.0, until=86_400.0, refusals=2,
        )
        for number in range(MAX_TURNS + 1)
    ]  # fmt: skip
    client = await admin()
    told = (await (await client.get("/status.json")).json())["quarantine"]
    assert len(told) == MAX_TURNS
    assert told[0] == {
        "id": "turn-0", "client": "web", "upstream": "openai", "class": "content_filter", "reason": "image",
        "since": "1970-01-01T00:00:00Z", "until": "1970-01-02T00:00:00Z", "refusals": 2,
    }  # fmt: skip
    assert "turn-0" in await (await client.get("/status")).text()
