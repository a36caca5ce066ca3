"""A compressed stream is watched, and nothing is written into it."""

from __future__ import annotations

import zlib

from proxy.model import Dialect
from proxy.stream import CodedWatch, End, How, Watch
from proxy.stream.coding import decoder_of
from tests.stream.good import CHAT
from tests.stream.test_watch_broken import PROBLEM


def coded() -> CodedWatch:
    decoder = decoder_of("gzip")
    assert decoder is not None
    return CodedWatch(Watch(Dialect.OPENAI_CHAT), decoder)


def gzipped(text: bytes) -> bytes:
    squeeze = zlib.compressobj(wbits=31)
    return squeeze.compress(text) + squeeze.flush(zlib.Z_SYNC_FLUSH)


def test_a_good_one_is_good():
    for how in How:
        watch = coded()
        data = gzipped(CHAT)
        assert watch.feed(data) is data
        ending = watch.end(how)
        assert (ending.end, ending.rest) == (End.WHOLE, b"")
        assert watch.is_decided
        assert watch.beats == 1


def test_a_cut_one_is_broken_off():
    watch = coded()
    data = gzipped(CHAT[: len(CHAT) // 2])
    assert watch.feed(data) is data
    ending = watch.end(How.CLEAN)
    assert (ending.end, ending.reason, ending.rest) == (End.BREAK_OFF, "truncated_stream", b"")


def test_an_error_is_found_and_no_comment_follows():
    watch = coded()
    watch.feed(gzipped(CHAT.partition(b"\n\n")[0] + b'\n\ndata: {"error":{"message":"x"}}\n\n'))
    assert watch.found is not None
    assert watch.found.text == b'data: {"error":{"message":"x"}}\n\n'
    watch.found = None
    assert getattr(watch, "found", 0) is None
    assert (watch.comment(PROBLEM), watch.error_event(PROBLEM), watch.heartbeat()) == (b"", b"", b"")


def test_what_cannot_be_decoded_passes_unseen():
    watch = coded()
    assert watch.feed(b"plain text") == b"plain text"
    assert watch.feed(b"more") == b"more"
    assert watch.is_decided
    assert not watch.dialect_told
    assert watch.beats == 2
    assert watch.end(How.CLEAN).end is End.WHOLE
    assert watch.end(How.BROKEN).end is End.BREAK_OFF
    assert watch.end(How.IDLE).end is End.WAIT
