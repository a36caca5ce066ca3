"""Who repeats what: the clients' own retries are on, and the provider counts the calls."""

from __future__ import annotations

import pytest

from tests.journeys.calls import FORMS, chat, messages

NEVER_REPEATED = [
    "fail-budget",
    "fail-auth",
    "fail-context",
    "fail-content-filter",
    "fail-bad-request",
    "fail-session-expired",
]


@pytest.mark.parametrize("model", NEVER_REPEATED)
@pytest.mark.parametrize("form", FORMS)
async def test_what_no_retry_can_mend_costs_one_call(provider, proxy, form, model):
    outcome = await FORMS[form](proxy.data_url, model)
    assert outcome.headers["x-should-retry"] == "false"
    assert len(provider.calls) == 1


async def test_without_the_proxy_a_drained_account_is_called_three_times(provider):
    """What the tag is worth: the official client repeats every 429."""
    await chat(provider.url, "fail-budget")
    assert len(provider.calls) == 3


@pytest.mark.parametrize(
    "model", ["fail-overloaded", "fail-rate-limit", "fail-network", "fail-html", "fail-server-error"]
)
@pytest.mark.parametrize("form", FORMS)
async def test_what_passes_by_itself_is_waited_out(provider, proxy, form, model):
    outcome = await FORMS[form](proxy.data_url, f"{model}-then-good-2")
    assert outcome.is_good
    assert len(provider.calls) == 3


@pytest.mark.parametrize("form", [chat, messages], ids=["openai", "anthropic"])
async def test_the_proxy_outlasts_what_a_client_would_give_up(provider, proxy, form):
    """Three failures are one more than an official client bears."""
    assert not (await form(provider.url, "fail-then-good-3")).is_good
    assert (await form(proxy.data_url, "fail-rate-limit-then-good-3")).is_good


async def test_a_client_can_switch_the_proxys_retries_off(provider, proxy):
    outcome = await chat(proxy.data_url, "fail-overloaded", max_retries=0, default_headers={"x-llm-retry": "off"})
    assert outcome.headers["x-llm-retries"] == "0"
    assert outcome.headers["x-should-retry"] == "true"
    assert len(provider.calls) == 1


async def test_a_storm_is_not_multiplied(provider, proxy):
    """The client's three tries and the budget's three repeats, not one times the other."""
    await chat(proxy.data_url, "fail-overloaded")
    assert len(provider.calls) <= 6


async def test_an_error_as_first_event_is_repeated_like_any_failure(provider, proxy):
    outcome = await FORMS["openai_chat_stream"](proxy.data_url, "fail-stream-error-first-then-good-1")
    assert outcome.is_good
    assert len(provider.calls) == 2


async def test_after_the_first_byte_nothing_is_repeated(provider, proxy):
    outcome = await FORMS["openai_chat_stream"](proxy.data_url, "fail-midstream-then-good-1")
    assert outcome.error is not None
    assert len(provider.calls) == 1
