"""What is passed on ends at an event's end, and any cutting gives the same events."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.stream.array import ArrayBoundary
from proxy.stream.boundary import EventBoundary
from proxy.stream.sse import Event, events

EOLS = st.sampled_from(["\n", "\r\n", "\r"])
LINES = st.sampled_from(
    ["data: a", "data:b", "data", ": comment", "event: x", "event:y", "id: 7", "retry: 10", "", "other: z", "data: é"]
)
TEXTS = st.lists(st.tuples(LINES, EOLS), max_size=20).map(lambda lines: "".join(a + b for a, b in lines).encode())


def reads_of(text: bytes, cuts: list[int]) -> list[bytes]:
    cuts = sorted({min(cut, len(text)) for cut in cuts})
    return [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True) if a < b]


def said(found: list[Event]) -> list[tuple[object, ...]]:
    """Without `raw`: comments before a cut belong to the event before or after it."""
    return [(event.name, event.data, event.id, event.retry_ms) for event in found]


@settings(max_examples=500, deadline=None)
@given(text=TEXTS, cuts=st.lists(st.integers(0, 200), max_size=8))
def test_any_cutting_gives_the_same_events(text, cuts):
    boundary = EventBoundary(1000)
    passed = [boundary.feed(read) for read in reads_of(text, cuts)]
    held = boundary.release()
    assert b"".join(passed) + held == text
    found = [event for part in passed for event in events(part)]
    assert said(found + events(held, unfinished=True)) == said(events(text, unfinished=True))


@settings(max_examples=500, deadline=None)
@given(text=TEXTS, cuts=st.lists(st.integers(0, 200), max_size=8), most=st.integers(1, 20))
def test_longer_events_pass_as_they_come(text, cuts, most):
    """Nothing is lost, little is held, and what is called whole is whole."""
    boundary = EventBoundary(most)
    out = b""
    whole = set()
    for read in reads_of(text, cuts):
        passed = boundary.feed(read)
        assert len(boundary.held) <= most
        assert 0 <= boundary.start <= boundary.stop <= len(passed)
        for event in events(passed[boundary.start : boundary.stop]):
            whole.add((event.name, event.data))
        out += passed
    assert out + boundary.release() == text
    assert whole <= {(event.name, event.data) for event in events(text)}


@pytest.mark.parametrize(
    "text", [b"data: a\n\n", b"data: a\r\n\r\n", b"data: a\r\r", b"data: a\n\r\n", b"data: a\r\r\n"]
)
def test_a_read_that_ends_with_an_event_passes_uncopied(text):
    assert EventBoundary(100).feed(text) is text


def test_the_beginning_of_an_event_waits():
    boundary = EventBoundary(100)
    assert boundary.feed(b"data: a\n\ndata: ") == b"data: a\n\n"
    assert boundary.feed(b"b\n") == b""
    assert boundary.held == b"data: b\n"
    assert boundary.feed(b"\ndata: c") == b"data: b\n\n"
    assert boundary.release() == b"data: c"
    assert boundary.held == b""


def test_behind_a_long_event_holding_begins_again():
    boundary = EventBoundary(10)
    assert boundary.feed(b"data: 0123456789") == b"data: 0123456789"
    assert (boundary.is_inside, boundary.held) == (True, b"")
    assert boundary.feed(b"abc\n") == b"abc\n"
    text = b"\ndata: b\n\ndata:"
    assert boundary.feed(text) == b"\ndata: b\n\n"
    assert (boundary.start, boundary.stop) == (1, 10)
    assert (boundary.is_inside, boundary.held) == (False, b"data:")


# -- arrays

STRINGS = st.text(st.sampled_from('ab{}[]",\\\n é'), max_size=8)
VALUES = st.recursive(
    st.none() | st.integers() | STRINGS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(STRINGS, inner, max_size=3),
    max_leaves=8,
)
OBJECTS = st.lists(st.dictionaries(STRINGS, VALUES, max_size=3), max_size=5)
BETWEEN = st.sampled_from([",", "\n,\r\n", " , "])


def array_of(objects: list[Any], between: str, indent: int | None) -> bytes:
    return ("[" + between.join(json.dumps(item, indent=indent) for item in objects) + "\n]\n").encode()


@settings(max_examples=200, deadline=None)
@given(
    objects=OBJECTS, between=BETWEEN, indent=st.sampled_from([None, 2]), cuts=st.lists(st.integers(0, 400), max_size=8)
)
def test_any_cutting_gives_the_same_objects(objects, between, indent, cuts):
    text = array_of(objects, between, indent)
    boundary = ArrayBoundary(100_000)
    passed = [boundary.feed(read) for read in reads_of(text, cuts)]
    assert b"".join(passed) + boundary.held == text
    found = [json.loads(event.raw) for part in passed for event in ArrayBoundary.events(part)]
    assert found == objects
    assert all(not part or part.endswith(b"}") for part in passed)
    assert boundary.held.strip() == (b"]" if objects else text.strip())


@settings(max_examples=200, deadline=None)
@given(objects=OBJECTS, cuts=st.lists(st.integers(0, 400), max_size=8), most=st.integers(1, 30))
def test_longer_objects_pass_as_they_come(objects, cuts, most):
    text = array_of(objects, ",", None)
    boundary = ArrayBoundary(most)
    out = b""
    for read in reads_of(text, cuts):
        passed = boundary.feed(read)
        assert len(boundary.held) <= most
        for event in ArrayBoundary.events(passed[boundary.start : boundary.stop]):
            assert json.loads(event.raw) in objects
        out += passed
    assert out + boundary.release() == text


def test_an_object_is_cut_nowhere():
    boundary = ArrayBoundary(1000)
    assert boundary.feed(b'{"error":{"details":[{}]},') == b""
    assert boundary.feed(b'"a":{}}') == b""
    assert boundary.release() == b'{"error":{"details":[{}]},"a":{}}'
