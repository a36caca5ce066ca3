"""No broken stream looks whole: a client raises with our members, or has had the whole answer."""

from __future__ import annotations

import json
from typing import Any

import pytest

from proxy.dialects import STATUS_OF_CLASS, Problem
from proxy.model import Action, Class, Confidence, Dialect, Scope, Source, Verdict
from proxy.stream import End, How, Watch
from proxy.stream.sse import events
from tests.stream.good import DONE, RECORDED, Good, _block, _chat, _sse
from tests.stream.test_watch_good import watch_of

VERDICT = Verdict(
    cls=Class.NETWORK,
    reason="truncated_stream",
    rule="proxy.truncated_stream",
    confidence=Confidence.CODE,
    scope=Scope.PROVIDER,
    action=Action.RESET,
    advice="The stream ended before the answer was complete.",
    source=Source.TRANSPORT,
)
PROBLEM = Problem(
    status=STATUS_OF_CLASS[VERDICT.cls],
    verdict=VERDICT,
    message=VERDICT.advice,
    call_id="0123456789abcdef",
    action=VERDICT.action,
    retry=True,
)
COMMENT = b": llm-error class=network reason=truncated_stream retry=true session=reset\n"
MEMBERS = {"class": "network", "reason": "truncated_stream", "session": "reset"}
BROKEN = [How.CLEAN, How.BROKEN, How.IDLE]


def answer_in(text: bytes, *, is_array: bool) -> list[dict[str, Any]]:
    """What a client sees: the data of the events, without pings and [DONE]; whatever is no whole event is lost on it."""
    if is_array:
        whole = text.decode() if text.rstrip().endswith(b"]") else text.decode() + "]"
        return list(json.loads(whole))
    data = [event.data for event in events(text) if event.data is not None]
    return [json.loads(item) for item in data if item != b"[DONE]" and b'"ping"' not in item]


def sent(good: Good, reads: list[bytes], how: How) -> tuple[bytes, End]:
    watch = watch_of(good)
    out = b"".join(watch.feed(read) for read in reads if read)
    assert watch.found is None
    ending = watch.end(how)
    out += ending.rest
    if ending.end is End.TELL:
        assert ending.reason == ("stream_idle" if how is How.IDLE else "truncated_stream")
        out += watch.error_event(PROBLEM)
    return out, ending.end


@pytest.mark.parametrize("how", BROKEN)
@pytest.mark.parametrize("good", RECORDED, ids=lambda good: good.name)
def test_cut_after_every_byte(good, how):
    whole = answer_in(good.text, is_array=good.is_array)
    for at in range(len(good.text)):
        text = good.text[:at]
        out, end = sent(good, [text[: at // 2], text[at // 2 :]], how)
        if end is End.WHOLE:
            content = [item for item in whole if item.get("choices") != [] and item.get("type") != "message_stop"]
            seen = answer_in(out if good.name != "gemini" else out + b"\r\n\r\n", is_array=good.is_array)
            assert seen[: len(content)] == content, (at, text[-60:])
            continue
        assert end is End.TELL
        if not good.is_array:
            assert out.endswith(b"\n" + COMMENT)
            assert not out.endswith(b"\n\n" + COMMENT + b"\n")
        seen = answer_in(out, is_array=good.is_array)
        assert seen[:-1] == whole[: len(seen) - 1]
        assert find_members(seen[-1]) == MEMBERS, at


def find_members(event: dict[str, Any]) -> dict[str, Any]:
    return {name: event["error"][name] for name in MEMBERS}


def last(out: bytes) -> tuple[bytes, dict[str, Any]]:
    event = events(out)[-1]
    assert event.data is not None
    return event.name, json.loads(event.data)


def test_each_dialect_says_it_in_its_own_words():
    said = {}
    for good in RECORDED:
        text = good.text[: len(good.text) * 6 // 10]
        out, _ = sent(good, [text], How.BROKEN)
        if good.is_array:
            said[good.name] = (b"", json.loads(out.decode() + "]")[-1])
            assert b'"x"},\r\n{"error":' in out
        else:
            said[good.name] = last(out)
    message = VERDICT.advice
    openai = {"message": message, "type": "api_connection_error", "param": None, "code": "truncated_stream"} | MEMBERS
    assert said["chat"] == (b"", {"error": openai})
    assert said["anthropic"] == (
        b"error",
        {"type": "error", "error": {"type": "api_error", "message": message} | MEMBERS, "request_id": PROBLEM.call_id},
    )
    gemini = {"error": {"code": 502, "message": message, "status": "UNAVAILABLE"} | MEMBERS}
    assert said["gemini"] == (b"", gemini)
    assert said["gemini array"] == (b"", gemini)
    name, failed = said["responses"]
    assert name == b"response.failed"
    assert failed["sequence_number"] == 4
    assert failed["response"]["id"] == "resp_1"
    assert failed["response"]["created_at"] == 1759510079
    assert failed["response"]["status"] == "failed"
    assert failed["response"]["error"] == {"code": "truncated_stream", "message": message} | MEMBERS
    assert failed["error"] == openai


def test_responses_has_no_response_to_fail_before_one_was_created():
    out, end = sent(Good("", b"", Dialect.RESPONSES), [b"event: response.cr"], How.BROKEN)
    assert end is End.TELL
    name, body = last(out)
    assert name == b"error"
    assert body["type"] == "error"
    assert body["sequence_number"] == 0
    assert body["code"] == "truncated_stream"
    assert find_members(body) == MEMBERS


def test_an_array_that_was_closed_too_early_is_opened_again():
    text = b'[{"candidates":[{"content":{}}]}\n]'
    out, end = sent(Good("", b"", Dialect.GEMINI, is_array=True), [text], How.CLEAN)
    assert end is End.TELL
    assert out.startswith(b'[{"candidates":[{"content":{}}]},\r\n{"error":')
    assert out.endswith(b"}}")


@pytest.mark.parametrize("dialect", Dialect)
@pytest.mark.parametrize("text", [b"", b": comment\n\n", b"event: mess", b'data: {"cho'])
def test_before_any_event_the_path_tells_the_dialect(dialect, text):
    out, end = sent(Good("", b"", dialect), [text], How.CLEAN)
    assert end is End.TELL
    assert find_members(last(out)[1]) == MEMBERS


def test_events_outweigh_the_path():
    good = Good("", b"", Dialect.OPENAI_CHAT)
    out, _ = sent(good, [_sse(_block("message_start", ',"message":{}'))], How.CLEAN)
    assert last(out)[0] == b"error"


def test_one_of_two_choices_has_not_finished():
    text = _sse(
        _chat('"content":"a"'), *[_chat('"content":"a"')] * 3, _chat('"content":"b"', index=1), _chat("", '"stop"')
    )
    assert sent(Good("", b""), [text], How.CLEAN)[1] is End.TELL


def test_a_reset_before_done_may_have_lost_the_usage():
    text = _sse(_chat('"content":"a"'), _chat("", '"stop"'))
    assert sent(Good("", b""), [text], How.BROKEN)[1] is End.TELL
    assert sent(Good("", b"", ends_at_eof=True), [text], How.BROKEN)[1] is End.WHOLE
    assert sent(Good("", b""), [text], How.IDLE)[1] is End.WHOLE


def test_a_reason_with_every_piece_is_no_end_of_a_reset_stream():
    pieces = [f'data: {{"candidates":[{{"finishReason":"STOP","text":"{text}"}}]}}' for text in "abc"]
    assert sent(Good("", b""), [_sse(*pieces)], How.BROKEN)[1] is End.TELL


def test_eof_ends_no_half_event():
    text = _sse(_chat('"content":"a"')) + b'data: {"choices'
    assert sent(Good("", b"", ends_at_eof=True), [text], How.CLEAN)[1] is End.TELL


@pytest.mark.parametrize("how", [How.BROKEN, How.CLEAN])
def test_half_of_a_long_event_went_out_so_nothing_can_be_written(how):
    watch = Watch(Dialect.OPENAI_CHAT, peek_bytes=1000)
    head = _sse(_chat('"content":"a"'))
    half = b'data: {"choices":[{"index":0,"delta":{"content":"' + b"x" * 2000
    assert watch.feed(head) == head
    assert watch.feed(half) == half
    ending = watch.end(how)
    assert (ending.end, ending.reason, ending.rest) == (End.BREAK_OFF, "truncated_stream", b"")
    assert watch.heartbeat() == b""


def test_a_stream_of_another_kind_breaks_as_its_framing_does():
    watch = Watch(Dialect.OPENAI_CHAT)
    watch.feed(b'data: {"type":"speech.audio.delta"}\n\ndata: {"ty')
    ending = watch.end(How.BROKEN)
    assert (ending.end, ending.reason, ending.rest) == (End.BREAK_OFF, "truncated_body", b'data: {"ty')


@pytest.mark.parametrize("eol", [b"\n", b"\r\n", b"\r"])
def test_what_we_write_between_two_reads_makes_no_event(eol):
    """A heartbeat or comment, and the other half of a CRLF after it, dispatch nothing in a client."""
    text = _sse("id: 1\n" + _chat('"content":"a"'), _chat("", '"stop"'), DONE).replace(b"\n", eol)
    expected = [event.data for event in events(text)]
    for at in range(1, len(text)):
        watch = Watch()
        first = watch.feed(text[:at])
        out = first + watch.heartbeat(b"llm-retry attempt=2/5") + watch.heartbeat() + watch.comment(PROBLEM)
        out += watch.feed(text[at:])
        out += watch.end(How.CLEAN).rest
        assert [event.data for event in events(out)] == expected


def test_a_ten_megabyte_event_passes_without_being_held():
    watch = Watch(peek_bytes=64 * 1024)
    read = b"A" * 16_000
    head = b'data: {"candidates":[{"content":{"parts":[{"inlineData":{"data":"'
    most = 0
    out = len(watch.feed(head))
    for _ in range(10 * 1024 * 1024 // len(read)):
        out += len(watch.feed(read))
        most = max(most, len(watch._boundary.held) + len(watch._last) + len(watch._long))
    tail = b'"}}]},"finishReason":"STOP"}]}\n\n'
    out += len(watch.feed(tail))
    assert out == len(head) + len(read) * (10 * 1024 * 1024 // len(read)) + len(tail)
    assert most < 3 * 64 * 1024
    assert watch.end(How.BROKEN).end is End.WHOLE
