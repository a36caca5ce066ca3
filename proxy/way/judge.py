"""Is this answer a failure, and what does it mean? Reads no more of the body than the question needs."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from typing import Final

from proxy.classifier import Rules, classify, looks_like_error
from proxy.model import Action, Answer, Class, Confidence, Provider, Scope, Source, Verdict, Wait, WaitOrigin
from proxy.way.ask import CLASSIFIED, Answered, read_head

PEER: Final = "llm-triage"  # the provider name of an upstream that is itself this proxy
_WORD: Final = re.compile(r"[a-z0-9_.\-]{1,64}")


async def judge(
    answered: Answered, *, provider: Provider, rules: Rules, generates: bool, hold_s: float, peek_bytes: int
) -> None:
    """Sets `answered.verdict`. `generates`: a POST that generates or embeds, whose good answer is worth a look.
    """
    response = answered.response
    status = response.status
    if status >= 400:
        taken_over = peer_verdict(response.raw_headers) if provider.name == PEER else None
        if taken_over is not None:
            answered.verdict = taken_over
            return
        await read_head(answered, most=CLASSIFIED, hold_s=hold_s)
        answered.verdict = classify(_answer(answered, provider), rules, now=time.time())
    elif generates and status == 200 and _is_json(response.headers.get("Content-Type", "")):
        length = response.headers.get("Content-Length")
        if length is not None and length.isdigit() and int(length) > peek_bytes:
            return
        answered.first = response.content.read_nowait(-1)
        answered.ended = response.content.at_eof()
        if not answered.ended and hold_s:
            await read_head(answered, most=peek_bytes, hold_s=hold_s)
        if answered.ended and _may_be_error(answered, provider):
            answered.verdict = classify(_answer(answered, provider), rules, now=time.time())


def _is_json(content_type: str) -> bool:
    return content_type.startswith("application/json") or "+json" in content_type


def _may_be_error(answered: Answered, provider: Provider) -> bool:
    return looks_like_error(answered.first, provider)


def _answer(answered: Answered, provider: Provider) -> Answer:
    response = answered.response
    return Answer(
        status=response.status, headers=text_of(response.raw_headers), body=answered.first, provider=provider.name
    )


def text_of(raw: Sequence[tuple[bytes, bytes]]) -> tuple[tuple[str, str], ...]:
    """Headers as text, for reading only: their bytes go to the client as they came."""
    return tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in raw)


def peer_verdict(raw: Sequence[tuple[bytes, bytes]]) -> Verdict | None:
    """The verdict that another proxy of our kind has reached; None where its tags are not whole."""
    headers = {name.lower(): value for name, value in text_of(raw)}
    try:
        words = [headers["x-llm-error-reason"], headers["x-llm-error-rule"]]
        if not all(_WORD.fullmatch(word) for word in words):
            return None
        wait = headers.get("retry-after")
        return Verdict(
            cls=Class(headers["x-llm-error-class"]),
            reason=words[0],
            rule=words[1],
            confidence=Confidence(headers["x-llm-error-confidence"]),
            scope=Scope(headers["x-llm-error-scope"]),
            source=Source(headers["x-llm-error-source"]),
            action=Action(headers["x-llm-session-action"]),
            advice="".join(c for c in headers["x-llm-error-advice"] if " " <= c <= "~")[:160],
            wait=Wait(float(wait), WaitOrigin.RETRY_AFTER) if wait is not None and wait.isdigit() else None,
        )
    except (KeyError, ValueError):
        return None
