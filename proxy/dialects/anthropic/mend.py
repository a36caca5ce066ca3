"""How an Anthropic history is written to where it is mended. When and where is the session's to decide."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from proxy.dialects.anthropic import history
from proxy.session.mending import NO_ANSWER, NO_BEGINNING, NO_RESULT, Mending, dump
from proxy.session.turn import Part


def placeholder(call: Part) -> bytes | None:
    if not call.id or call.hosted:
        return None
    return dump({"type": "tool_result", "tool_use_id": call.id, "content": NO_RESULT})


def carry(results: Sequence[bytes]) -> Sequence[bytes]:
    return (b'{"role":"user","content":[' + b",".join(results) + b"]}",)


MENDING: Final = Mending(
    entry=history.entry,
    content="content",
    placeholder=placeholder,
    carry=carry,
    shares=True,
    text=lambda string: b'{"type":"text","text":' + string + b"}",
    opening=dump({"role": "user", "content": NO_BEGINNING}),
    bridge=dump({"role": "assistant", "content": NO_ANSWER}),
    result="content",
)
