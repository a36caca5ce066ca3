"""Events as the WHATWG's specification reads them."""

from __future__ import annotations

import pytest

from proxy.stream.sse import Event, events, is_blank


@pytest.mark.parametrize(("text", "expected"), [
    (b"data: a\n\n", [(b"", b"a")]),
    (b"data:a\n\n", [(b"", b"a")]),
    (b"data:  a\n\n", [(b"", b" a")]),
    (b"data\n\n", [(b"", b"")]),
    (b"data: a\ndata: b\n\n", [(b"", b"a\nb")]),
    (b"data: a\r\ndata: b\r\n\r\n", [(b"", b"a\nb")]),
    (b"data: a\rdata: b\r\r", [(b"", b"a\nb")]),
    (b"event: x\ndata: a\n\n", [(b"x", b"a")]),
    (b"event: x\nevent: y\ndata: a\n\n", [(b"y", b"a")]),
    (b"event: ping\n\n", [(b"ping", None)]),
    (b": comment\n\n", []),
    (b": comment\ndata: a\n\n", [(b"", b"a")]),
    (b"\n\n\ndata: a\n\n\n\n", [(b"", b"a")]),
    (b"unknown: a\n\n", []),
    (b"Data: a\n\n", []),
    (b"data: a\n\ndata: b\n\n", [(b"", b"a"), (b"", b"b")]),
    (b"data: a\n\ndata: b\n", [(b"", b"a")]),
    (b"data: a", []),
])  # fmt: skip
def test_events(text, expected):
    assert [(event.name, event.data) for event in events(text)] == expected


@pytest.mark.parametrize("text", [b"data: a", b"data: a\n", b"data: a\r\n"])
def test_the_last_may_lack_its_blank_line(text):
    assert [event.data for event in events(text, unfinished=True)] == [b"a"]


def test_id_and_retry():
    (event,) = events(b"id: 7\nretry: 100\ndata: a\n\n")
    assert (event.id, event.retry_ms) == (b"7", 100)
    (event,) = events(b"id: 7\0\nretry: soon\ndata: a\n\n")
    assert (event.id, event.retry_ms) == (None, None)


def test_raw_is_all_of_the_text():
    text = b": one\ndata: a\n\n:HTTP_STATUS/429\nevent:error\ndata: b\r\n\r\n"
    assert b"".join(event.raw for event in events(text)) == text


def test_a_ping():
    assert Event(b"", b"ping", b"{}").is_ping
    assert not Event(b"", b"message", b"{}").is_ping


@pytest.mark.parametrize("text", [b"", b"\n", b": a\r\n\r\n: b", b":"])
def test_blank(text):
    assert is_blank(text)
    assert not is_blank(text + b"\ndata")
