"""Only what is known to be a stream of events, or Gemini's array, is watched."""

from __future__ import annotations

import pytest

from proxy.model import Dialect, Provider
from proxy.stream import CodedWatch, End, How, Watch, watch_for

PROVIDER = Provider(name="openai")
CHAT = "/v1/chat/completions"
GEMINI = "/v1beta/models/gemini-2.5-flash:streamGenerateContent"


def choose(
    path: str = CHAT,
    content_type: str = "text/event-stream",
    content_coding: str = "",
    provider: Provider = PROVIDER,
    *,
    ends_at_eof: bool = False,
) -> Watch | CodedWatch | None:
    return watch_for(
        path=path,
        dialect=Dialect.OPENAI_CHAT,
        content_type=content_type,
        content_coding=content_coding,
        provider=provider,
        ends_at_eof=ends_at_eof,
        peek_bytes=1000,
    )


@pytest.mark.parametrize("content_type", ["text/event-stream", "text/event-stream; charset=utf-8", "Text/Event-Stream"])
def test_event_streams(content_type):
    assert type(choose(content_type=content_type)) is Watch


@pytest.mark.parametrize("content_type", ["", "application/json", "application/x-ndjson", "application/vnd.amazon.eventstream",
                                          "audio/mpeg", "multipart/mixed", "text/plain"])  # fmt: skip
def test_anything_else_passes(content_type):
    assert choose(content_type=content_type) is None


def test_geminis_array():
    watch = choose(GEMINI, "application/json; charset=UTF-8")
    assert watch is not None
    assert watch.feed(b'[{"candidates":[]}\n,') == b'[{"candidates":[]}'
    assert choose(GEMINI.replace("stream", ""), "application/json") is None


def test_codings():
    assert type(choose(content_coding="identity")) is Watch
    assert type(choose(content_coding="gzip")) is CodedWatch
    assert choose(content_coding="unknown") is None


def test_the_rule_file_or_the_operator_says_that_streams_just_end():
    half = b'data: {"choices":[{"index":0,"delta":{}}]}\n\n'
    for watch in (choose(provider=Provider(name="x", stream_end="eof")), choose(ends_at_eof=True)):
        assert watch is not None
        watch.feed(half)
        assert watch.end(How.CLEAN).end is End.WHOLE
    watch = choose()
    assert watch is not None
    watch.feed(half)
    assert watch.end(How.CLEAN).end is End.TELL
