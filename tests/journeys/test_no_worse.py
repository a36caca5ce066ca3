"""The first law: each scenario once direct and once through the proxy, with default clients; never worse, often better."""

from __future__ import annotations

import asyncio
import statistics
import time

import anthropic
import openai
import pytest

from proxy.demo.provider import start_provider
from proxy.demo.scenario import SCENARIOS
from tests.journeys.calls import FORMS, QUESTION, STREAMED, chat, messages
from tests.journeys.conftest import start_proxy

SHARE = 0.2  # of the requests, that the proxy may repeat
BUDGET = 3  # repeats that the proxy may make beyond its share, in any ten seconds

MODELS = [
    "any-model",
    *(model for model in SCENARIOS if model != "fail-stall"),
    *(f"{model}-then-good-1" for model in ("fail-network", "fail-html", "fail-stream-error-first", "fail-midstream")),
    *(f"{model}-then-good-2" for model in ("fail-overloaded", "fail-rate-limit", "fail-server-error")),
]
BROKEN_STREAMS = ["fail-midstream", "fail-early-end", "fail-stream-error-later"]


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("form", [form for form in FORMS if "sync" not in form])
async def test_through_the_proxy_no_call_fares_worse(proxied, form, model):
    async with start_provider(wait_s=0.05, slow_s=0.2) as provider:
        direct = await FORMS[form](provider.url, model)
        made_directly = len(provider.calls)
    async with start_provider(wait_s=0.05, slow_s=0.2) as provider, proxied(provider.url) as proxy:
        through = await FORMS[form](proxy.data_url, model)
        made_through = len(provider.calls)
    if direct.is_good:
        assert through.is_good
    if direct.error is not None:
        assert not through.is_silent_half
    assert len(through.text) >= len(direct.text) or through.error is not None
    assert made_through <= made_directly + BUDGET


@pytest.mark.parametrize("model", BROKEN_STREAMS)
@pytest.mark.parametrize("form", STREAMED)
async def test_no_broken_stream_looks_whole(provider, proxy, form, model):
    outcome = await FORMS[form](proxy.data_url, model)
    assert outcome.error is not None


@pytest.mark.parametrize("form", ["openai_chat_stream", "openai_chat_sync_stream"])
@pytest.mark.parametrize("model", ["fail-midstream", "fail-early-end"])
async def test_a_cut_stream_is_raised_with_class_reason_and_session(provider, proxy, form, model):
    outcome = await FORMS[form](proxy.data_url, model)
    assert isinstance(outcome.error, openai.APIError)
    told = outcome.error.body
    assert isinstance(told, dict)
    assert (told["class"], told["reason"], told["session"]) == ("network", "truncated_stream", "reset")


async def first_event_s(url: str, model: str, dialect: str) -> float:
    """How long a client waits for the first event of its answer."""
    begun = time.perf_counter()
    if dialect == "openai":
        async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="k") as chats:
            chunks = await chats.chat.completions.create(model=model, messages=QUESTION, stream=True)
            await anext(aiter(chunks))
            return time.perf_counter() - begun
    async with anthropic.AsyncAnthropic(base_url=url, api_key="k") as client:
        events = await client.messages.create(model=model, max_tokens=64, messages=QUESTION, stream=True)
        await anext(aiter(events))
        return time.perf_counter() - begun


@pytest.mark.parametrize("model", ["any-model", "fail-timeout", "fail-midstream", "fail-stream-error-later"])
@pytest.mark.parametrize("dialect", ["openai", "anthropic"])
async def test_the_first_good_event_comes_at_most_50_ms_later(dialect, model):
    async with start_provider(wait_s=0.05, slow_s=0.2, pace_s=0.02) as provider, start_proxy(provider.url) as proxy:
        ways: list[list[float]] = [[], []]
        for _ in range(7):
            for times, url in zip(ways, (provider.url, proxy.data_url), strict=True):
                times.append(await first_event_s(url, model, dialect))
    direct_s, through_s = map(statistics.median, ways)
    assert through_s - direct_s < 0.05


@pytest.mark.parametrize(
    "model", ["fail-overloaded", "fail-server-error", "fail-network", "fail-html", "fail-rate-limit"]
)
@pytest.mark.parametrize("form", [chat, messages], ids=["openai", "anthropic"])
async def test_many_calls_that_fail_cost_the_budgets_share_more(proxied, form, model):
    """The clients' own retries are on, here as there."""
    async with start_provider(wait_s=0.01) as provider:
        await asyncio.gather(*(form(provider.url, model) for _ in range(40)))
        made_directly = len(provider.calls)
    async with start_provider(wait_s=0.01) as provider, proxied(provider.url) as proxy:
        begun = time.monotonic()
        await asyncio.gather(*(form(proxy.data_url, model) for _ in range(40)))
        made_through = len(provider.calls)
        least = BUDGET * (1 + (time.monotonic() - begun) // 10)
    assert made_directly == 40 * 3
    assert made_through <= made_directly * (1 + SHARE) + least


@pytest.mark.parametrize("form", [form for form in FORMS if "sync" not in form])
async def test_a_stream_that_falls_silent_ends_as_directly(provider, proxy, form):
    """By the client's own patience, which the proxy has no default to shorten."""
    options = {"timeout": 0.5, "max_retries": 0}
    direct = await FORMS[form](provider.url, "fail-stall", **options)
    through = await FORMS[form](proxy.data_url, "fail-stall", **options)
    assert type(through.error) is type(direct.error)
    assert through.text == direct.text
