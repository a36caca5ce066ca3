"""Everything that the status shows, gathered into one JSON-able value for the page, its live events and /status.json."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

from proxy.admin.state import AdminState, QuarantinedTurn

MAX_TURNS: Final = 50


async def look(state: AdminState) -> dict[str, Any]:
    await state.refresh()
    turns = await state.turns(MAX_TURNS)
    return {
        "draining": state.is_draining(),
        **state.snapshot(),
        "quarantine": [_plain(turn) for turn in turns],
    }


def _plain(turn: QuarantinedTurn) -> dict[str, object]:
    return {
        "id": turn.id,
        "client": turn.client,
        "upstream": turn.upstream,
        "class": turn.cls,
        "reason": turn.reason,
        "since": _iso(turn.since),
        "until": _iso(turn.until),
        "refusals": turn.refusals,
    }


def _iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
