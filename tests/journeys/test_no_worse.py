"""The first law: each scenario once direct and once through the proxy, with default clients; never worse, often better."""

from __future__ import annotations

import openai
import pytest

from proxy.demo.provider import start_provider
from proxy.demo.scenario import SCENARIOS
from tests.journeys.calls import FORMS, STREAMED

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
