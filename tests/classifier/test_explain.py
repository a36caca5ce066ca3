"""What an explanation says beside the verdict: why a good status is a failure, what was set aside, by what kind of evidence."""

from __future__ import annotations

import json
from typing import Any

import pytest

from proxy.classifier import load_rules
from proxy.classifier.evidence.telltale import telltale
from proxy.classifier.explain import Explanation, explain
from proxy.model import Answer

RULES = load_rules()
EVENT = (("content-type", "text/event-stream"),)


def explained(status: int, body: Any, *headers: tuple[str, str], provider: str = "") -> Explanation:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return explain(Answer(status=status, headers=headers, body=raw, provider=provider), RULES)


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"success": False, "message": "x"}, "the member `success` is false"),
        ({"error": {"message": "x"}}, "the member `error` holds an error"),
        ({"id": 1, "error": "x"}, "the member `error` holds an error"),
        ([{"error": {"message": "x"}}], "the member `error` holds an error"),
        ({"type": "error", "error": {"message": "x"}}, 'the member `type` is "error" and the member `error` holds an error'),
        ({"id": 7, "code": 1305, "msg": "x"}, "the member `code` is 1305, a business code of failure, beside `msg` and no result"),
        ({"base_resp": {"status_msg": "x", "status_code": 1008}}, "the member `base_resp.status_code` is 1008, a business code of failure"),
        ({"status": 429, "message": "x"}, "the member `status` is 429, beside `message` and no result"),
        ({"status": "error", "message": "x"}, 'the member `status` is "error"'),
        ({"status": {"code": 21351, "description": "x"}}, "the member `status.code` is 21351, a business code of failure"),
        ({"errors": [{"message": "x"}]}, "the member `errors` holds an error"),
        ({"response": {"error": {"message": "x"}}}, "the member `response.error` holds an error"),
        ({"promptFeedback": {"blockReason": "SAFETY"}}, 'the member `promptFeedback.blockReason` is "SAFETY"'),
        ({"candidates": [{"index": 0, "finishReason": "SAFETY"}, {"finishReason": "SAFETY"}]}, 'the member `candidates.finishReason` is "SAFETY"'),
        ({"choices": [{"finish_reason": "error", "error": {"message": "x"}}]}, "a choice ended with an error"),
        ({**{f"m{number}": number for number in range(70)}, "error": "x"}, "its members have the shape of an error"),
    ],
)  # fmt: skip
def test_the_members_by_which_a_good_status_fails(body: Any, told: str) -> None:
    assert explained(200, body).why[0] == f"a failure under the good status 200: {told}"


@pytest.mark.parametrize(
    ("body", "headers", "told"),
    [
        (b'data: {"error":{"message":"x"}}\n\n', EVENT, "in an event of the stream the member `error` holds an error"),
        (b"event: error\ndata: x\n\n", EVENT, 'an event of the stream is called "error"'),
        (b':HTTP_STATUS/429\ndata: {"a":1}\n\n', EVENT, "an event of the stream has the status 429 of its own"),
        (b"<html><title>Sign in</title></html>", (("content-type", "text/html"),), "a page for people stands where an answer was due"),
        (b"", (("x-amzn-waf-action", "challenge"),), "the header x-amzn-waf-action is challenge"),
        (b'{"message":"x"}', ((":exception-type", "throttlingException"),), "the header :exception-type is throttlingException"),
        (b'{"a":1}\n{"error":"x"}\n', (("content-type", "application/x-ndjson"),), "the member `error` holds an error"),
    ],
)  # fmt: skip
def test_what_else_tells_of_a_failure(body: bytes, headers: tuple[tuple[str, str], ...], told: str) -> None:
    assert explained(200, body, *headers).why[0] == f"a failure under the good status 200: {told}"


def test_a_providers_own_business_code_is_called_one() -> None:
    provider = next(one for one in RULES.providers.values() if one.business_codes)
    path = provider.business_codes[0]
    body: Any = 4711
    for name in reversed(path.split(".")):
        body = {name: body}
    told = telltale(Answer(status=200, body=json.dumps(body).encode(), provider=provider.name), provider)
    assert told == f"the member `{path}` is 4711, a business code of failure"


def test_a_status_that_fails_needs_no_other_telltale() -> None:
    assert not any("good status" in line for line in explained(429, {"error": {"message": "x"}}).why)


def test_a_quotation_of_the_request_is_shown_where_it_stood_and_told() -> None:
    message = "Invalid value: 'insufficient balance'. Supported values are: 'a'."
    told = explained(400, {"error": {"message": message}})
    assert f'the answer: says "{message}"' in told.evidence
    assert any(
        line.startswith("set aside as the caller's own") and "'insufficient balance'" in line for line in told.evidence
    )


def test_a_sentence_of_which_more_was_taken_out_is_shown_whole() -> None:
    message = "Invalid value: 'x y'. Request ID: req_12345678"
    told = explained(400, {"error": {"message": message}})
    assert f'the answer: says "{message}"' in told.evidence


@pytest.mark.parametrize(
    ("status", "message"), [(400, "The field 'x' is needed"), (500, "Invalid value: 'x' is what we read")]
)
def test_nothing_is_told_of_a_sentence_that_stays_whole(status: int, message: str) -> None:
    told = explained(status, {"error": {"message": message}})
    assert f'the answer: says "{message}"' in told.evidence
    assert not any("set aside" in line for line in told.evidence)


@pytest.mark.parametrize(
    ("status", "body", "headers", "tier"),
    [
        (200, b"<html><title>Sign in</title></html>", (("content-type", "text/html"),), "a judgement that any word"),
        (403, b'{"error":{"message":"x"}}', (("x-ratelimit-remaining", "0"),), "a judgement that any word"),
        (429, b'{"error":{"message":"too many requests in the system"}}', (), "a judgement of all that is said"),
        (429, b'{"error":{"message":"quota exceeded. try again in 3h"}}', (), "a judgement of all that is said"),
        (502, b'{"error":{"message":"upstream returned status 402"}}', (), "a judgement that ranks as prose"),
        (400, b'{"error":{"message":"slow down"}}', (), "a broad word"),
    ],
)
def test_a_judgement_is_not_called_a_word(
    status: int, body: bytes, headers: tuple[tuple[str, str], ...], tier: str
) -> None:
    told = explained(status, body, *headers)
    assert told.verdict is not None
    (decided,) = [line for line in told.why if " decided, as " in line]
    assert decided.partition(" decided, as ")[2].startswith(tier), told
    assert next(one for one in told.considered if one.rule == told.verdict.rule).tier.startswith(tier)
