"""Failures: what an application finds on the exception that its client raises."""

from __future__ import annotations

import json
from typing import Any

import anthropic
import openai
import pytest

from tests.journeys.calls import FORMS, chat, messages, responses
from tests.provider import refusing_port

# Model: the class, the session action, whether clients shall retry (None: left open), the statuses of OpenAI, Anthropic.
FAILURES = {
    "fail-budget": ("budget_exhausted", "keep", False, 429, 400),
    "fail-rate-limit": ("rate_limited", "reset", True, 429, 429),
    "fail-overloaded": ("overloaded", "reset", True, 503, 529),
    "fail-auth": ("auth", "keep", False, 401, 401),
    "fail-context": ("context", "compact", False, 400, 400),
    "fail-content-filter": ("content_filter", "rollback", False, 400, 400),
    "fail-bad-request": ("bad_request", "keep", False, 400, 400),
    "fail-session-expired": ("session_expired", "new_session", False, 404, 404),
    "fail-server-error": ("provider_error", "reset", True, 500, 500),
    "fail-html": ("provider_error", "reset", True, 502, 502),
    "fail-network": ("network", "reset", True, 502, 502),
    "fail-unknown": ("unknown", "keep", None, 460, 460),
}
# Each call comes back at once: neither the client nor the proxy repeats it.
ONCE = {"max_retries": 0, "default_headers": {"x-llm-retry": "off"}}


@pytest.mark.parametrize("model", FAILURES)
@pytest.mark.parametrize(
    "form", ["openai_chat", "openai_chat_stream", "openai_chat_sync", "anthropic", "anthropic_sync"]
)
async def test_the_exception_says_what_failed_and_what_to_do(provider, proxy, form, model):
    cls, action, retry, openai_status, anthropic_status = FAILURES[model]
    outcome = await FORMS[form](proxy.data_url, model, **ONCE)
    tags = outcome.headers
    assert tags["x-llm-error-class"] == cls
    assert tags["x-llm-session-action"] == action
    assert tags["x-llm-session-reset"] == str(action in ("reset", "new_session")).lower()
    assert tags.get("x-should-retry") == (None if retry is None else str(retry).lower())
    assert tags["x-llm-error-source"] == ("transport" if model == "fail-network" else "upstream")
    assert tags["x-llm-retries"] == "0"
    assert tags["x-llm-call-id"]
    assert tags["x-llm-error-advice"].isascii()
    status = openai_status if form.startswith("openai") else anthropic_status
    assert outcome.status == status


async def test_a_model_that_is_none(provider, proxy):
    outcome = await chat(proxy.data_url, "fail-model", **ONCE)
    assert isinstance(outcome.error, openai.NotFoundError)
    assert outcome.headers["x-llm-error-class"] == "model"


@pytest.mark.parametrize(("form", "client"), [(chat, openai), (messages, anthropic)], ids=["openai", "anthropic"])
async def test_the_provider_can_be_gone_altogether(proxied, form, client):
    with refusing_port() as port:
        async with proxied(f"http://127.0.0.1:{port}") as proxy:
            outcome = await form(proxy.data_url, "any-model", **ONCE)
    assert isinstance(outcome.error, client.InternalServerError)
    assert outcome.status == 502
    assert outcome.headers["x-llm-error-class"] == "network"
    assert outcome.headers["x-llm-error-reason"] == "refused"
    assert json.loads(outcome.body)["error"]["message"] in str(outcome.error)


async def test_a_wait_is_told_to_clients(provider, proxy):
    provider.wait_s = 7.0
    told = (await chat(proxy.data_url, "fail-rate-limit", **ONCE)).headers
    assert told["retry-after"] == "7"
    assert told["retry-after-ms"] == "7000"


@pytest.mark.parametrize("model", ["fail-budget", "fail-rate-limit", "fail-auth", "fail-html"])
@pytest.mark.parametrize("form", [chat, messages], ids=["openai", "anthropic"])
async def test_the_body_is_the_providers_own_byte_for_byte(provider, proxy, form, model):
    direct = await form(provider.url, model, **ONCE)
    through = await form(proxy.data_url, model, **ONCE)
    assert through.body == direct.body
    assert str(through.error) == str(direct.error)


async def test_a_stale_response_id_names_the_member_to_forget(provider, proxy):
    async with openai.AsyncOpenAI(base_url=f"{proxy.data_url}/v1", api_key="k") as client:
        first = await client.responses.create(model="m", input="Hello")
        provider.resources.forget()
        with pytest.raises(openai.BadRequestError) as raised:
            await client.responses.create(model="m", input="Go on", previous_response_id=first.id)
    tags = raised.value.response.headers
    assert tags["x-llm-error-class"] == "session_expired"
    assert tags["x-llm-session-action"] == "new_session"
    assert tags["x-llm-session-fault"] == "previous_response_id"


async def test_an_orphan_tool_call_is_shown_where_it_stands(provider, proxy):
    call = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    history: list[Any] = [
        {"role": "user", "content": "Hello"},
        {"role": "assistant", "tool_calls": [call]},
        {"role": "user", "content": "Well?"},
    ]
    async with openai.AsyncOpenAI(base_url=f"{proxy.data_url}/v1", api_key="k") as client:
        with pytest.raises(openai.BadRequestError) as raised:
            await client.chat.completions.create(model="fail-orphan-tool-call", messages=history)
        tags = raised.value.response.headers
        assert tags["x-llm-session-action"] == "repair"
        assert tags["x-llm-session-fault"] == "messages[1]: orphan_tool_call"
        mended = [*history[:2], {"role": "tool", "tool_call_id": "call_1", "content": "42"}, history[2]]
        assert (await client.chat.completions.create(model="fail-orphan-tool-call", messages=mended)).choices


async def test_an_image_at_a_text_only_model_says_how_far_to_roll_back(provider, proxy):
    history: list[Any] = [
        {"role": "user", "content": "Hello"},
        {"role": "assistant", "content": "Good day."},
        {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}]},
    ]
    async with openai.AsyncOpenAI(base_url=f"{proxy.data_url}/v1", api_key="k") as client:
        with pytest.raises(openai.BadRequestError) as raised:
            await client.chat.completions.create(model="text-only", messages=history)
        tags = raised.value.response.headers
        assert tags["x-llm-session-action"] == "rollback"
        count = int(tags["x-llm-session-rollback"])
        assert (await client.chat.completions.create(model="text-only", messages=history[:-count])).choices


async def test_an_error_under_a_good_status_is_tagged(provider, proxy):
    async with openai.AsyncOpenAI(base_url=f"{proxy.data_url}/v1", api_key="k") as client:
        raw = await client.chat.completions.with_raw_response.create(
            model="fail-error-in-200", messages=[{"role": "user", "content": "Hello"}]
        )
    assert raw.status_code == 200
    assert raw.headers["x-llm-error-class"] == "budget_exhausted"
    assert raw.headers["x-should-retry"] == "false"


async def test_a_stored_response_that_is_unknown(provider, proxy):
    outcome = await responses(proxy.data_url, "fail-session-expired", **ONCE)
    assert outcome.headers["x-llm-error-reason"] == "previous_response_not_found"


async def test_clients_do_not_see_each_others_failures(provider, proxy):
    assert (await chat(proxy.data_url, "fail-budget", **ONCE)).headers["x-llm-error-class"] == "budget_exhausted"
    assert (await chat(proxy.data_url, "any-model", **ONCE)).is_good
