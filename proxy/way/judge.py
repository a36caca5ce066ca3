"""Is this answer a failure, and what does it mean? Reads no more of the body than the question needs."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Final, NamedTuple

import aiohttp

from proxy.classifier import classify, looks_like_error, own_verdict
from proxy.classifier.evidence.decode import text_of as inflated
from proxy.model import Action, Answer, Class, Confidence, Dialect, Provider, Scope, Source, Verdict, Wait, WaitOrigin
from proxy.stream import CodedWatch, End, How, Watch, watch_for
from proxy.way.ask import CLASSIFIED, Answered, read_head, rest_of
from proxy.way.familiar import Familiar, text_of

HOLD_S: Final = 5.0  # how long a failure's body is waited for where nothing is to be held: a failure delays nobody
CODED_ERROR: Final = 8 * 1024  # a compressed answer above this is no error

PEER: Final = "llm-triage"  # the provider name of an upstream that is itself this proxy
# Objects in lines: https://docs.spring.io/spring-framework/docs/5.3.x/javadoc-api/org/springframework/http/MediaType.html
_LINES: Final = "application/stream+json"
_WORD: Final = re.compile(r"[a-z0-9_.\-]{1,64}")


class Look(NamedTuple):
    """How closely one call's answers are looked at. A tuple: made for every call, in a third of a frozen dataclass's time."""

    provider: Provider
    familiar: Familiar  # the rules, and what was heard before
    path: str
    dialect: Dialect | None
    generates: bool  # a POST that generates or embeds: its good answer is worth a look
    hold_s: float  # 0: nothing waits
    peek_bytes: int
    ends_at_eof: bool
    observes: bool  # nothing is held, what is found is only counted and told


async def judge(answered: Answered, look: Look) -> None:
    """Sets `answered.verdict` where the answer is a failure, and `answered.watch` where it is an event stream."""
    response = answered.response
    status = response.status
    if look.provider.name == PEER and (status >= 400 or status == 200):
        answered.verdict = peer_verdict(response.raw_headers)
        answered.is_peers = answered.verdict is not None
        if answered.is_peers:
            return
    if status >= 400:
        await read_head(answered, most=CLASSIFIED, hold_s=look.hold_s or HOLD_S)
        answered.verdict = look.familiar.verdict(
            status, response.raw_headers, answered.first, look.provider.name, now=time.time()
        )
        return
    if status != 200:
        return
    headers = response.headers
    kind = headers.get("Content-Type", "")
    watch = watch_for(
        path=look.path,
        dialect=look.dialect if look.generates else None,
        content_type=kind,
        content_coding=headers.get("Content-Encoding", ""),
        provider=look.provider,
        ends_at_eof=look.ends_at_eof,
        peek_bytes=look.peek_bytes,
    )
    if watch is not None:
        answered.watch = watch
        if look.observes:
            _what_is_there(answered, watch)
        elif look.hold_s:
            await _first_event(answered, watch, look)
    elif look.generates and _is_json(kind):
        length = headers.get("Content-Length")
        if length is not None and length.isdigit() and int(length) > look.peek_bytes:
            return
        if look.observes:
            answered.seen, answered.seen_bytes = [], look.peek_bytes
        else:
            await _whole(answered, look)


def seen_error(answered: Answered, look: Look) -> Verdict | None:
    """What an error inside a 200 means that has passed already, in observe mode."""
    if not answered.seen:
        return None
    answered.first = b"".join(answered.seen)
    return _hidden(answered, look)


def _what_is_there(answered: Answered, watch: Watch | CodedWatch) -> None:
    content = answered.response.content
    if content.exception() is None:
        answered.first = content.read_nowait(-1)
        answered.ended = content.at_eof()
        watch.feed(answered.first)
    answered.is_early = not watch.is_decided


async def _whole(answered: Answered, look: Look) -> None:
    """A good status with JSON: looked at only while it is small and comes at once."""
    response = answered.response
    content = response.content
    if content.exception() is None:
        answered.first = content.read_nowait(-1)
        answered.ended = content.at_eof()
    if not answered.ended and look.hold_s:
        await read_head(answered, most=look.peek_bytes, hold_s=look.hold_s)
    if answered.ended:
        answered.verdict = _hidden(answered, look)


def _hidden(answered: Answered, look: Look) -> Verdict | None:
    body = answered.first
    coding = answered.response.headers.get("Content-Encoding")
    if coding is not None:
        # An error is short; inflating every good answer to look for one would cost more than it finds.
        if len(body) > CODED_ERROR:
            return None
        body = inflated(body, coding).encode()
    if not looks_like_error(body, look.provider):
        return None
    return classify(_answer(answered, look.provider), look.familiar.rules, now=time.time())


async def _first_event(answered: Answered, watch: Watch | CodedWatch, look: Look) -> None:
    """An event stream: its head waits for the first event with data, which may be an error."""
    content = answered.response.content
    pieces: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(look.hold_s):
            while size < look.peek_bytes:
                data = await content.readany()
                answered.came_at = time.monotonic()
                if not data:
                    break
                size += len(data)
                _feed(watch, data, pieces)
                if watch.is_decided:
                    break
    except TimeoutError:
        answered.came_at = time.monotonic()
    except (aiohttp.ClientError, OSError):
        rest = rest_of(content)
        if rest:
            _feed(watch, rest, pieces)
        answered.broke = True
    answered.first = pieces[0] if len(pieces) == 1 else b"".join(pieces)
    answered.ended = content.at_eof() and not answered.broke
    if not watch.is_decided and (answered.ended or answered.broke):
        # An error without its blank line is found at the end only; an answer that never began is none.
        ending = watch.end(How.BROKEN if answered.broke else How.CLEAN)
        answered.is_cut = watch.found is None and ending.end is End.TELL
    found = watch.found
    if found is not None and found.is_first:
        watch.found = None
        answered.verdict = verdict_on_event(found.text, look)


def _feed(watch: Watch | CodedWatch, data: bytes, pieces: list[bytes]) -> None:
    """What the watch lets pass of it is put to the pieces; an error's place is told within all of them."""
    before = sum(map(len, pieces))
    pieces.append(watch.feed(data))
    if watch.found is not None:
        watch.found = replace(watch.found, end=watch.found.end + before)


def verdict_on_event(text: bytes, look: Look) -> Verdict:
    """What an error event means, as it stood on the wire."""
    answer = Answer(status=200, body=text, provider=look.provider.name, stream=True)
    return classify(answer, look.familiar.rules, now=time.time()) or own_verdict("unrecognised", source=Source.UPSTREAM)


def _is_json(content_type: str) -> bool:
    """Whether the body is one JSON text. Texts that come one by one (`application/jsonl`) do not wait for the last."""
    kind = content_type.partition(";")[0].rstrip().lower()
    return kind == "application/json" or (kind.endswith("+json") and kind != _LINES)


def _answer(answered: Answered, provider: Provider) -> Answer:
    response = answered.response
    return Answer(
        status=response.status, headers=text_of(response.raw_headers), body=answered.first, provider=provider.name
    )


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
