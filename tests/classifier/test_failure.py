"""Which 200s are failures, and the cheap search that comes before."""

from __future__ import annotations

import json
from typing import Any

import pytest

from proxy.classifier import builtin, classify, classify_event, looks_like_error
from proxy.classifier.evidence.failure import CODES, ERRORS, SUCCESS
from proxy.model import Answer, Class

FAILURES: list[tuple[Any, str]] = [
    ({"error": {"message": "x"}}, ""),
    ({"error": {"code": 429}}, ""),
    ({"error": "insufficient credits"}, ""),
    ([{"error": {"code": 503, "status": "UNAVAILABLE"}}], ""),
    ({"choices": [], "error": {"message": "No capacity"}}, ""),
    ({"base_resp": {"status_code": 1002, "status_msg": "rate limit"}}, "minimax"),
    ({"error_code": 336003, "error_msg": "x"}, "baidu"),
    ({"Response": {"Error": {"Code": "LimitExceeded", "Message": "x"}}}, "tencent"),
    ({"header": {"code": 11202, "message": "x"}}, "iflytek"),
    ({"promptFeedback": {"blockReason": "SAFETY"}}, "gemini"),
    ({"object": "response", "status": "failed", "error": {"code": "server_error"}}, ""),
]
GOOD: list[Any] = [
    {"choices": [{"message": {"content": '{"error": {"code": "insufficient_quota"}}'}}], "error": None},
    {"choices": [{"message": {"content": "x"}}], "error": {}},
    {"choices": [{"message": {"content": "x"}}], "error": ""},
    {"choices": [{"message": {"content": "x"}}], "error": {"code": 0, "message": ""}},
    {"choices": [{"message": {"content": "x"}}], "base_resp": {"status_code": 0, "status_msg": "success"}},
    {"object": "fine_tuning.job", "error": {"code": "x", "message": "y"}},
    {"object": "batch", "errors": {"data": [{"code": "x"}]}},
    {"object": "list", "data": [{"id": "file-1", "filename": "error-429.log"}]},
    {"success": True, "errors": [], "result": {"response": "Error 1015"}},
    {"code": 0, "message": "ok", "data": []},
    {"code": 200, "msg": "success", "data": {"id": 1}},
    {"candidates": [{"content": {"parts": [{"text": "x"}]}, "finishReason": "SAFETY"}]},
    {"candidates": [{"content": {"parts": [{"text": "x"}]}}], "promptFeedback": {"safetyRatings": []}},
    {"embeddings": [[0.1]]},
    [1, 2, 3],
    "text",
]


@pytest.mark.parametrize(("body", "provider"), FAILURES)
def test_a_failure_under_a_200_is_found_by_the_search_and_told(body: Any, provider: str) -> None:
    raw = json.dumps(body).encode()
    assert classify(Answer(status=200, body=raw, provider=provider)) is not None
    assert (
        looks_like_error(raw, builtin().provider(provider))
        or "Response" in body
        or (isinstance(body, dict) and "header" in body)
    )


@pytest.mark.parametrize("body", GOOD)
@pytest.mark.parametrize("provider", ["", "openai", "minimax", "gemini"])
def test_a_good_answer_is_left_alone(body: Any, provider: str) -> None:
    assert classify(Answer(status=200, body=json.dumps(body).encode(), provider=provider)) is None


@pytest.mark.parametrize(
    ("body", "hit"),
    [
        (b'{"error":{"message":"x"}}', True),
        (b'{"error" : "x"}', True),
        (b'{"Error":{"Code":"x"}}', True),
        (b'{"error":null}', False),
        (b'{"error":{}}', False),
        (b'{"error":""}', False),
        (b'{"error":[]}', False),
        (b'{"error":false}', False),
        (rb'{"content":"{\"error\":{\"message\":\"x\"}}"}', False),
        (b'{"errors":[{"message":"x"}]}', False),
        (b'{"base_resp":{"status_code":1008}}', False),
        (b"", False),
    ],
)
def test_the_search(body: bytes, hit: bool) -> None:
    assert looks_like_error(body) is hit


@pytest.mark.parametrize(
    ("body", "hit"),
    [
        (b'{"base_resp":{"status_code":1008,"status_msg":"insufficient balance"}}', True),
        (b'{"base_resp":{"status_code": 0,"status_msg":"success"}}', False),
        (b'{"base_resp":{"status_msg":"success","status_code":0}}', False),
        (b'{"base_resp":{"status_code":0 }}', False),
        (rb'{"content":"\"status_code\": 1008"}', False),
    ],
)
def test_the_search_for_a_providers_business_code(body: bytes, hit: bool) -> None:
    assert looks_like_error(body, builtin().provider("minimax")) is hit


@pytest.mark.parametrize("status", [100, 101, 204, 301, 304, 200])
def test_other_good_statuses_are_good(status: int) -> None:
    assert classify(Answer(status=status)) is None


STREAMS = {
    "an error event": b'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}\n\n',
    "an error after good events": b'data: {"choices":[{"delta":{"content":"x"}}]}\n\ndata: {"error":{"message":"overloaded"}}\n\n',
    "a failed response": b'event: response.failed\ndata: {"type":"response.failed","response":{"error":{"code":"server_is_overloaded"}}}\n\n',
    "a bare line at the end": b'data: {"candidates":[{"content":{"parts":[{"text":"x"}]}}]}\n\n{"error":{"code":503,"message":"The model is overloaded.","status":"UNAVAILABLE"}}\n',
    "carriage returns": b'event: error\r\ndata: {"error":{"type":"overloaded_error"}}\r\n\r\n',
    "several data lines": b'event: error\ndata: {"error":\ndata: {"type":"overloaded_error"}}\n\n',
    "text instead of JSON": b"event: error\ndata: the server is overloaded\n\n",
    "no blank line at the end": b'data: {"error":{"message":"overloaded"}}',
}


@pytest.mark.parametrize("name", STREAMS)
def test_errors_in_streams(name: str) -> None:
    verdict = classify(Answer(status=200, body=STREAMS[name], stream=True))
    assert verdict is not None
    assert verdict.cls is Class.OVERLOADED


@pytest.mark.parametrize(
    ("data", "event", "cls"),
    [
        (b'{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}', "error", Class.OVERLOADED),
        ('{"error":{"message":"x","code":429}}', "", Class.RATE_LIMITED),
        (b"the service is busy", "error", Class.OVERLOADED),
    ],
)
def test_one_event(data: bytes | str, event: str, cls: Class) -> None:
    verdict = classify_event(data, event)
    assert verdict is not None
    assert verdict.cls is cls


def test_one_good_event() -> None:
    assert classify_event('{"choices":[{"delta":{"content":"error: overloaded"}}]}') is None


@pytest.mark.parametrize("name", [*ERRORS, *SUCCESS, *CODES])
def test_what_fails_an_object_fails_an_event_too(name: str) -> None:
    member: Any = {"message": "x"} if name in ERRORS else False if name in SUCCESS else "E_429"
    body = {name: member, "message": "no more"}
    assert classify(Answer(status=200, body=json.dumps(body).encode())) is not None
    assert classify_event(json.dumps(body)) is not None


@pytest.mark.parametrize(
    "body",
    [
        {"resultCode": "0000", "resultMsg": "success", "text": "x"},
        {"code": "A0000", "message": "ok", "text": "x"},
        {"code": 202, "message": "accepted", "task_id": "1"},
        {"status": {"code": "COMPLETED", "message": "done"}, "id": "1"},
        {"status": {"code": 202, "message": "accepted"}, "job": "1"},
        {"error": {"code": "0", "msg": "操作成功"}, "result": "hi"},
        {"error": {"code": 200, "message": "OK"}, "result": "x"},
        {"error": "No error.", "text": "x"},
        {"fehler": "keiner", "antwort": "x"},
        {"success": False, "choices": [{"message": {"content": "x"}}]},
        {"name": "models/x/operations/1", "done": True, "error": {"code": 3, "message": "boom"}},
    ],
)
def test_other_ways_to_say_that_all_is_well(body: dict[str, Any]) -> None:
    assert classify(Answer(status=200, body=json.dumps(body).encode())) is None


@pytest.mark.parametrize("event", ["response.mcp_call.failed", "thread.run.step.failed"])
def test_a_step_that_failed_is_a_part_of_an_answer(event: str) -> None:
    body = f'event: {event}\ndata: {{"type":"{event}","sequence_number":1}}\n\n'.encode()
    assert classify(Answer(status=200, body=body, stream=True)) is None


def test_the_head_of_a_good_answer_is_good() -> None:
    headers = (("content-type", "application/json"), ("content-length", "4096"))
    body = b'{"choices": [{"message": {"content": "The three'
    assert classify(Answer(status=200, headers=headers, body=body)) is None


def test_lone_surrogates_are_text_too() -> None:
    assert classify_event('{"error": {"message": "x \\ud83d"}}') is not None
    assert classify_event('{"error": {"message": "x \ud83d"}}') is not None
