"""Errors that a provider sends inside a stream, in all their forms, are found; each where it stands."""

from __future__ import annotations

import pytest

from proxy.model import Dialect
from proxy.stream import End, How, Watch
from tests.stream.good import ANTHROPIC, CHAT, DONE, GEMINI, RESPONSES, _block, _chat, _sse

# A first event each; public sources stand where the form is a provider's own.
FORMS = {
    "OpenAI": 'data: {"error":{"message":"The server had an error","type":"server_error","param":null,"code":null}}',
    "a text": 'data: {"error":"boom"}',
    # https://openrouter.ai/docs/api-reference/errors#mid-stream-error-format
    "OpenRouter": _chat(
        '"content":""', '"error"', more=',"error":{"code":"server_error","message":"Provider disconnected"}'
    ),
    "finish_reason error": _chat('"content":""', '"error"'),
    "Anthropic": 'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}',
    "Anthropic without event lines": 'data: {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}',
    "an error that is no JSON": "event: error\ndata: upstream connect error",
    "Responses": _block("error", ',"sequence_number":3,"code":"server_error","message":"at capacity"'),
    "Responses without event lines": 'data: {"type":"error","code":"server_error","message":"at capacity"}',
    "response.failed": _block(
        "response.failed", ',"response":{"id":"r","status":"failed","error":{"code":"x","message":"y"}}'
    ),
    "Gemini": 'data: {"error": {"code": 503,"message": "The model is overloaded.","status": "UNAVAILABLE"}}',
    # https://help.aliyun.com/zh/model-studio/error-code
    "DashScope": 'id:1\nevent:error\n:HTTP_STATUS/429\ndata:{"code":"Throttling.AllocationQuota","message":"quota"}',
    # https://github.com/vllm-project/vllm/pull/4258
    "older vLLM": 'data: {"object":"error","message":"too long","type":"BadRequestError","code":400}',
    "CRLF": 'event: error\r\ndata: {"type":"error","error":{"type":"api_error","message":"x"}}',
}


@pytest.mark.parametrize("form", FORMS)
def test_as_the_first_event(form):
    event = _sse(FORMS[form])
    text = b": keep-alive\n\n" + event
    for at in range(len(text)):
        watch = Watch()
        out = b"".join(watch.feed(read) for read in (text[:at], text[at:]) if read)
        assert out == text
        found = watch.found
        assert found is not None
        assert found.is_first
        assert found.text == event
        assert watch.end(How.CLEAN).end is End.WHOLE


def has_found(watch: Watch) -> bool:
    return watch.found is not None


# What is an error in one dialect only.
ONLY = {"finish_reason error": CHAT, "response.failed": RESPONSES}
LATER = [
    pytest.param(form, good, id=f"{name}: {form}")
    for form in FORMS
    for name, good in {"chat": CHAT, "anthropic": ANTHROPIC, "responses": RESPONSES, "gemini": GEMINI}.items()
    if ONLY.get(form, good) is good
]


@pytest.mark.parametrize(("form", "good"), LATER)
def test_later_on(form, good):
    watch = Watch()
    eol = b"\r\n\r\n" if good is GEMINI else b"\n\n"
    before = b"".join(part + eol for part in good.split(eol)[:2])
    for event in before.split(eol)[:-1]:
        watch.feed(event + eol)
        assert not has_found(watch)
    event = _sse(FORMS[form])
    behind = _sse(DONE)
    assert watch.feed(event + behind) == event + behind
    found = watch.found
    assert found is not None
    assert not found.is_first
    assert found.text == event
    assert found.end == len(event)
    # The client knows: nothing is written into it again.
    assert {watch.end(how).end for how in How} == {End.WHOLE}


def test_a_business_code_that_the_provider_is_known_for():
    codes = ("base_resp.status_code",)
    watch = Watch(business_codes=codes)
    watch.feed(b'data: {"choices":[],"base_resp":{"status_code":0,"status_msg":""}}\n\n')
    assert watch.found is None
    watch = Watch(business_codes=codes)
    watch.feed(b'data: {"choices":[],"base_resp":{"status_code":1008,"status_msg":"insufficient balance"}}\n\n')
    assert watch.found is not None


@pytest.mark.parametrize("at", range(0, 60, 7))
def test_vertex_ends_a_cancelled_stream_with_an_object_that_is_no_event(at):
    error = b'{\n  "error": {\n    "code": 499,\n    "message": "The operation was cancelled.",\n    "status": "CANCELLED"\n  }\n}\n'
    text = b'data: {"candidates":[{"finishReason":"STOP"}]}\n\n' + error
    watch = Watch(Dialect.GEMINI)
    out = b"".join(watch.feed(read) for read in (text[:at], text[at:]) if read)
    ending = watch.end(How.CLEAN)
    assert out + ending.rest == text
    assert ending.end is End.WHOLE
    assert watch.found is not None
    assert watch.found.text == error


def test_a_body_that_is_an_error_but_calls_itself_a_stream():
    text = b'{"error":{"message":"Selected model is at capacity."}}'
    watch = Watch(Dialect.OPENAI_CHAT)
    assert watch.feed(text) == b""
    ending = watch.end(How.CLEAN)
    assert (ending.end, ending.rest) == (End.WHOLE, text)
    assert watch.found is not None
    assert watch.found.is_first
    watch.found = None
    # Whoever judges the head may ask before the relay does: the error is not found again.
    assert watch.end(How.CLEAN) == ending
    assert not has_found(watch)


@pytest.mark.parametrize("text", [
    b'[{"error": {"code": 503, "message": "x", "status": "UNAVAILABLE"}}]',
    b'{"error": {"code": 503, "message": "x", "status": "UNAVAILABLE"}}',
])  # fmt: skip
def test_the_first_object_of_an_array(text):
    for at in range(1, len(text)):
        watch = Watch(Dialect.GEMINI, is_array=True)
        out = watch.feed(text[:at]) + watch.feed(text[at:])
        ending = watch.end(How.CLEAN)
        assert out + ending.rest == text
        assert watch.found is not None
        assert watch.found.is_first
        assert ending.end is End.WHOLE


def test_a_later_object_of_an_array():
    watch = Watch(Dialect.GEMINI, is_array=True)
    watch.feed(b'[{"candidates":[{"content":{}}]}')
    out = watch.feed(b',\r\n{"error":{"code":503,"message":"x"}}')
    assert watch.found is not None
    assert watch.found.end == len(out)
    assert not watch.found.is_first


def test_a_failed_response_that_is_longer_than_what_is_held():
    watch = Watch(peek_bytes=1000)
    watch.feed(_sse(_block("response.created", ',"response":{"id":"r"}')))
    text = _sse(_block("response.failed", f',"response":{{"error":{{"code":"x"}},"instructions":"{"y" * 5000}"}}'))
    for at in range(0, len(text), 500):
        watch.feed(text[at : at + 500])
    assert watch.found is not None
    assert watch.found.text.startswith(b"event: response.failed")
    assert watch.end(How.CLEAN).end is End.WHOLE
