"""The quick look at a read says what reading it in full would say: nothing is overlooked for speed."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.dialects.anthropic.stream import AnthropicCourse
from proxy.dialects.gemini.stream import GeminiCourse
from proxy.dialects.openai_chat.stream import ChatCourse
from proxy.dialects.responses.stream import ResponsesCourse
from proxy.stream import How, Watch
from proxy.stream.sse import events
from tests.stream.good import ANTHROPIC, CHAT, ODD, RECORDED, RESPONSES, _chat, _sse
from tests.stream.test_watch_errors import FORMS

TEXTS = {good.name: good.text for good in (*RECORDED, *ODD) if not good.is_array and len(good.text) < 10_000}
EVENTS = sorted(
    {event.raw for text in TEXTS.values() for event in events(text)} | {_sse(form) for form in FORMS.values()}
)


def told(reads: list[bytes], *, is_quick: bool) -> tuple[object, ...]:
    watch = Watch()
    found = []
    for read in reads:
        if not is_quick:
            watch._is_dull = lambda _: False
        watch.feed(read)
        if watch.found is not None:
            found.append((watch.found.text, watch.found.end, watch.found.is_first))
            watch.found = None
    return (
        watch.beats,
        watch.dialect_told,
        tuple(found),
        *(watch.end(how) for how in (How.IDLE, How.BROKEN, How.CLEAN)),
    )


@pytest.mark.parametrize("name", TEXTS)
def test_event_by_event(name):
    reads = [event.raw for event in events(TEXTS[name])]
    for count in range(1, len(reads) + 1):
        for width in (1, 2, 3):
            grouped = [b"".join(reads[:count][at : at + width]) for at in range(0, count, width)]
            assert told(grouped, is_quick=True) == told(grouped, is_quick=False)


@settings(max_examples=400, deadline=None)
@given(
    begin=st.sampled_from([CHAT, ANTHROPIC, RESPONSES]),
    reads=st.lists(st.lists(st.sampled_from(EVENTS), min_size=1, max_size=3)),
)
def test_any_events_in_any_order(begin, reads):
    first = begin.partition(b"\n\n")[0] + b"\n\n"
    joined = [first, *(b"".join(read) for read in reads)]
    assert told(joined, is_quick=True) == told(joined, is_quick=False)


DULL = {
    ChatCourse: _sse(_chat('"content":" hello"', more=',"obfuscation":"x"')),
    AnthropicCourse: ANTHROPIC.split(b"\n\n")[3] + b"\n\n",
    ResponsesCourse: RESPONSES.split(b"\n\n")[3] + b"\n\n",
    GeminiCourse: b'data: {"candidates": [{"content": {"parts": [{"text": "a"}]}}],"usageMetadata": {}}\r\n\r\n',
}


@pytest.mark.parametrize("course", DULL, ids=lambda course: course.__name__)
def test_what_most_reads_look_like_is_dull(course):
    """Else the quick look would be slow, and nobody would notice."""
    assert course().is_dull(DULL[course])
    looked = course()
    assert looked.is_dull(DULL[course])
    assert looked.is_dull(DULL[course])
    assert looked.is_dull(DULL[course] * 2)


@pytest.mark.parametrize("text", [
    _sse(_chat('"content":"a"'), _chat('"content":"b"', index=1)),
    _sse(_chat('"content":"a"') + "\n\n" + _chat('"content":"a"', '"stop"')),
    _sse(_chat('"content":"a"'), "data: [DONE]"),
    _sse(_chat('"content":"a"', more=',"error":{"message":"x"}')),
    _sse('data: {"choices":[{"index":0,"delta":{},"finish_reason":null},{"index":1,"delta":{},"finish_reason":null}]}'),
    _sse('data: {"choices":[{"index":0,"text":"","finish_reason":null},{"index":1,"text":"","finish_reason":null}]}'),
    _sse(_chat('"content":"a"'))[:-1],
])  # fmt: skip
def test_what_has_to_be_read_is_not_dull(text):
    course = ChatCourse()
    course.is_dull(DULL[ChatCourse])  # has seen how dull reads begin
    assert not course.is_dull(text)
