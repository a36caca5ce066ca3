"""How Gemini contents are written to where they are mended. When and where is the session's to decide."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from proxy.dialects.gemini import history
from proxy.session import span
from proxy.session.mending import NO_ANSWER, NO_BEGINNING, NO_RESULT, Mending, dump
from proxy.session.turn import Part


def placeholder(call: Part) -> bytes | None:
    numbered = {"id": call.id} if call.id else {}
    return dump({"functionResponse": numbered | {"name": call.name, "response": {"output": NO_RESULT}}})


def carry(results: Sequence[bytes]) -> Sequence[bytes]:
    return (b'{"role":"user","parts":[' + b",".join(results) + b"]}",)


def unsigned(part: bytes) -> bytes:
    """A call needs some signature in newer models; other parts do without."""
    names = {member.name for member in span.members(part)}
    for name in names & {"thoughtSignature", "thought_signature"}:
        if names & {"functionCall", "function_call"}:
            part = span.with_member(part, name, dump(history.NO_SIGNATURE))
        else:
            part = span.without_member(part, name)
    return part


MENDING: Final = Mending(
    entry=history.entry,
    content="parts",
    placeholder=placeholder,
    carry=carry,
    shares=True,
    text=lambda string: b'{"text":' + string + b"}",
    opening=dump({"role": "user", "parts": [{"text": NO_BEGINNING}]}),
    bridge=dump({"role": "model", "parts": [{"text": NO_ANSWER}]}),
    unsigned=unsigned,
)
