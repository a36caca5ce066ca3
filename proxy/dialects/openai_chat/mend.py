"""How a chat completions history is written to where it is mended. When and where is the session's to decide."""

from __future__ import annotations

from typing import Final

from proxy.dialects.openai_chat import history
from proxy.session.mending import NO_ANSWER, NO_BEGINNING, NO_RESULT, Mending, dump
from proxy.session.turn import Part


def placeholder(call: Part) -> bytes | None:
    return dump({"role": "tool", "tool_call_id": call.id, "content": NO_RESULT}) if call.id else None


MENDING: Final = Mending(
    entry=history.entry,
    content="content",
    placeholder=placeholder,
    carry=lambda results: results,
    shares=False,
    text=lambda string: b'{"type":"text","text":' + string + b"}",
    opening=dump({"role": "user", "content": NO_BEGINNING}),
    bridge=dump({"role": "assistant", "content": NO_ANSWER}),
    result="content",
    null_content=True,
)
