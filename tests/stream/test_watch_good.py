"""No good stream is ever hurt: it passes byte for byte, nothing is found in it, and its end is an end."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.model import Dialect
from proxy.stream import End, How, Watch
from tests.stream.good import ODD, RECORDED, Good

GOOD = (*RECORDED, *ODD)


def watch_of(good: Good) -> Watch:
    return Watch(good.dialect, is_array=good.is_array, ends_at_eof=good.ends_at_eof)


def passed_of(watch: Watch, reads: list[bytes]) -> bytes:
    out = []
    for read in reads:
        if read:
            out.append(watch.feed(read))
            assert watch.found is None, watch.found
    ending = watch.end(How.CLEAN)
    assert (ending.end, ending.reason) == (End.WHOLE, "")
    return b"".join(out) + ending.rest


@pytest.mark.parametrize("good", GOOD, ids=lambda good: good.name)
def test_in_one_read(good):
    assert passed_of(watch_of(good), [good.text]) == good.text


@pytest.mark.parametrize("good", GOOD, ids=lambda good: good.name)
def test_in_two_reads_cut_anywhere(good):
    text = good.text
    step = 1 if len(text) < 4000 else len(text) // 199
    for at in range(1, len(text), step):
        assert passed_of(watch_of(good), [text[:at], text[at:]]) == text


@pytest.mark.parametrize("good", GOOD, ids=lambda good: good.name)
def test_byte_by_byte(good):
    text = good.text[:3000] + good.text[-3000:] if len(good.text) > 6000 else good.text
    if text == good.text:
        assert passed_of(watch_of(good), [text[i : i + 1] for i in range(len(text))]) == text


@pytest.mark.parametrize("good", [good for good in GOOD if len(good.text) < 10_000], ids=lambda good: good.name)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_in_any_reads(good, data):
    cuts = sorted(data.draw(st.lists(st.integers(0, len(good.text)), max_size=12)))
    reads = [good.text[a:b] for a, b in zip([0, *cuts], [*cuts, len(good.text)], strict=True)]
    assert passed_of(watch_of(good), reads) == good.text


@pytest.mark.parametrize("good", [good for good in RECORDED if not good.is_array], ids=lambda good: good.name)
def test_an_event_that_has_come_whole_waits_for_nothing(good):
    """An event goes out with the read that ends it, whatever came with it."""
    watch = watch_of(good)
    blank = b"\r\n\r\n" if b"\r\n\r\n" in good.text else b"\n\n"
    for event in good.text.split(blank)[:-1]:
        half = len(event) // 2
        assert watch.feed(event[:half]) == b""
        assert watch.feed(event[half:] + blank) == event + blank


@pytest.mark.parametrize("good", RECORDED, ids=lambda good: good.name)
def test_a_whole_answer_is_whole_however_its_bytes_end(good):
    for how in How:
        watch = watch_of(good)
        out = watch.feed(good.text)
        ending = watch.end(how)
        assert ending.end is End.WHOLE
        assert out + ending.rest == good.text


def test_a_read_that_ends_with_an_event_is_not_copied():
    watch = watch_of(RECORDED[0])
    event = RECORDED[0].text.partition(b"\n\n")[0] + b"\n\n"
    for read in (event, event[:], bytes(bytearray(event))):
        assert watch.feed(read) is read


def test_only_events_with_data_beat():
    watch = Watch()
    for silent in (b": comment\n\n", b"event: ping\n\n", b'event: ping\ndata: {"type":"ping"}\n\n', b"retry: 5\n\n",
                   b'event: keepalive\ndata: {"type":"keepalive","sequence_number":3}\n\n', b'data: {"cho'):  # fmt: skip
        watch.feed(silent)
        assert watch.beats == 0
        assert not watch.is_decided
    watch.feed(b'ices":[]}\n\n')
    assert watch.beats == 1
    assert watch.is_decided


@pytest.mark.parametrize("good", RECORDED, ids=lambda good: good.name)
def test_silence_after_a_stream_of_another_kind_ends_nothing(good):
    watch = Watch(good.dialect)
    watch.feed(b'data: {"audio":"AA"}\n\n')
    assert watch.end(How.IDLE).end is End.WAIT


def test_no_heartbeat_to_clients_that_take_every_line_for_json():
    watch = Watch(Dialect.GEMINI)
    assert watch.heartbeat() == b""
    watch.feed(b'data: {"candidates":[]}\n\n')
    assert watch.heartbeat(b"x") == b""
    watch = Watch(Dialect.GEMINI)
    watch.feed(b'data: {"choices":[]}\n\n')
    assert watch.heartbeat() == b":\n"
    assert watch.heartbeat(b"x") == b": x\n"
    assert Watch(is_array=True).heartbeat() == b""


def test_text_that_is_no_json_is_another_kind_of_stream():
    watch = Watch(Dialect.OPENAI_CHAT)
    event = b"data: tick\n\n"
    for _ in range(10):
        assert watch.feed(event) == event
    assert watch._is_dull(event)
    assert watch.end(How.CLEAN).end is End.WHOLE
