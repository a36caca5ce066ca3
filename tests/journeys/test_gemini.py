"""Gemini's dialect through the proxy, as any HTTP client sees it: events and arrays, good, refused and broken."""

from __future__ import annotations

import json

import pytest

from proxy.app import Service
from proxy.demo.provider import Provider
from tests.provider import Message, exchange, request

FORMS = {"whole": "generateContent", "events": "streamGenerateContent?alt=sse", "array": "streamGenerateContent"}
BODY = json.dumps({"contents": [{"role": "user", "parts": [{"text": "Good day?"}]}]}).encode()


async def ask(url: str, form: str, model: str) -> Message:
    headers = {"content-type": "application/json", "x-goog-api-key": "k", "x-llm-retry": "off"}
    return await exchange(url, request("POST", f"/v1beta/models/{model}:{FORMS[form]}", BODY, headers))


@pytest.mark.parametrize("form", FORMS)
async def test_good_answers_are_the_same_bytes(provider: Provider, proxy: Service, form: str):
    direct = await ask(provider.url, form, "any-model")
    through = await ask(proxy.data_url, form, "any-model")
    assert through.whole
    assert unnumbered(through.body) == unnumbered(direct.body)
    assert provider.calls[0].path == provider.calls[1].path


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("model", "cls"),
    [
        ("fail-budget", "budget_exhausted"),
        ("fail-rate-limit", "rate_limited"),
        ("fail-overloaded", "overloaded"),
        ("fail-auth", "auth"),
        ("fail-model", "model"),
        ("fail-context", "context"),
        ("fail-session-expired", "session_expired"),
    ],
)
async def test_refusals_are_tagged(provider: Provider, proxy: Service, form: str, model: str, cls: str):
    answer = await ask(proxy.data_url, form, model)
    assert answer.text("x-llm-error-class") == cls


async def test_a_wait_that_stands_in_the_body_is_told_in_a_header(provider: Provider, proxy: Service):
    provider.wait_s = 7.0
    answer = await ask(proxy.data_url, "whole", "fail-rate-limit")
    assert answer.text("retry-after") == "7"


@pytest.mark.parametrize("model", ["fail-midstream", "fail-early-end"])
async def test_a_cut_event_stream_ends_in_an_error_object(provider: Provider, proxy: Service, model: str):
    answer = await ask(proxy.data_url, "events", model)
    *_, last = [line for line in answer.body.split(b"\n") if line.startswith(b"data: ")]
    error = json.loads(last.removeprefix(b"data: "))["error"]
    assert (error["class"], error["reason"]) == ("network", "truncated_stream")


@pytest.mark.parametrize("model", ["fail-midstream", "fail-early-end"])
async def test_a_cut_array_ends_in_an_error_object_and_is_not_closed(provider: Provider, proxy: Service, model: str):
    answer = await ask(proxy.data_url, "array", model)
    with pytest.raises(json.JSONDecodeError):
        json.loads(answer.body)
    *_, last = json.loads(answer.body.decode() + "]")
    assert (last["error"]["class"], last["error"]["reason"]) == ("network", "truncated_stream")


def unnumbered(body: bytes) -> bytes:
    """Without the number that tells one answer of the built-in provider from the next."""
    return body.replace(b"demo-1", b"demo-N").replace(b"demo-2", b"demo-N")
