"""Good calls: with nothing but the base URL changed, applications cannot tell the proxy from the provider."""

from __future__ import annotations

import asyncio
import itertools
import time

import anthropic
import openai
import pytest

from proxy.demo.provider import Received, start_provider
from proxy.demo.shape import TEXT
from tests.journeys.calls import FORMS, QUESTION, chat_stream

# Named by a connection, not by a call.
OF_A_HOP = {"host", "connection"}


@pytest.mark.parametrize("form", FORMS)
async def test_every_form_of_call_works(provider, proxy, form):
    outcome = await FORMS[form](proxy.data_url, "any-model")
    assert outcome.error is None
    assert outcome.text == TEXT
    assert len(provider.calls) == 1


@pytest.mark.parametrize("form", FORMS)
async def test_the_provider_receives_what_it_would_receive_directly(provider, proxy, form):
    await FORMS[form](provider.url, "any-model")
    await FORMS[form](proxy.data_url, "any-model")
    direct, through = provider.calls
    assert through.body == direct.body
    assert (through.method, through.path) == (direct.method, direct.path)
    assert headers_of(through) == headers_of(direct)


@pytest.mark.parametrize("form", FORMS)
async def test_a_client_keeps_working_when_it_calls_again_and_again(provider, proxy, form):
    outcomes = [await FORMS[form](proxy.data_url, f"model-{n}") for n in range(5)]
    assert all(outcome.is_good for outcome in outcomes)


async def test_many_at_once_get_each_their_own(provider, proxy):
    async with openai.AsyncOpenAI(base_url=f"{proxy.data_url}/v1", api_key="k") as client:
        models = [f"model-{n}" for n in range(60)]
        done = await asyncio.gather(
            *(client.chat.completions.create(model=m, messages=[{"role": "user", "content": m}]) for m in models)
        )
    assert [answer.model for answer in done] == models


async def test_models_embeddings_files_and_stored_responses(provider, proxy):
    async with openai.AsyncOpenAI(base_url=f"{proxy.data_url}/v1", api_key="k") as client:
        assert "good" in [model.id async for model in client.models.list()]
        embedded = await client.embeddings.create(model="m", input="words")
        assert embedded.data[0].embedding == [0.5, -0.25, 0.125, 0.75]
        file = await client.files.create(file=b"\x00\xff some bytes", purpose="user_data")
        assert (await client.files.retrieve(file.id)).id == file.id
        first = await client.responses.create(model="m", input="Hello")
        follow_up = await client.responses.create(model="m", input="Go on", previous_response_id=first.id)
        assert follow_up.output_text == TEXT
        assert (await client.responses.retrieve(first.id)).id == first.id
        await client.responses.delete(first.id)
        with pytest.raises(openai.NotFoundError):
            await client.responses.retrieve(first.id)


async def test_an_upload_arrives_byte_for_byte(provider, proxy):
    content = bytes(range(256)) * 8192
    async with openai.AsyncOpenAI(base_url=f"{proxy.data_url}/v1", api_key="k") as client:
        await client.files.create(file=content, purpose="user_data")
    assert content in provider.calls[-1].body


async def test_tokens_are_counted(provider, proxy):
    async with anthropic.AsyncAnthropic(base_url=proxy.data_url, api_key="k") as client:
        counted = await client.messages.count_tokens(model="m", messages=[{"role": "user", "content": "words"}])
    assert counted.input_tokens == 8


async def test_good_answers_have_no_tags(provider, proxy):
    async with openai.AsyncOpenAI(base_url=f"{proxy.data_url}/v1", api_key="k") as client:
        raw = await client.chat.completions.with_raw_response.create(model="m", messages=QUESTION)
    assert [name for name in raw.headers if name.startswith("x-llm-") or name == "x-should-retry"] == []
    assert raw.headers["x-request-id"] == f"req_{int(raw.headers['x-request-id'].removeprefix('req_'))}"


async def test_a_stream_comes_as_it_is_made(proxied):
    """What the provider paces over 0.6 s is not collected first."""
    async with (
        start_provider(pace_s=0.05) as paced,
        proxied(paced.url) as proxy,
        openai.AsyncOpenAI(base_url=f"{proxy.data_url}/v1", api_key="k") as client,
    ):
        stream = await client.chat.completions.create(model="m", messages=QUESTION, stream=True)
        times = [time.monotonic() async for _ in stream]
    assert len(times) > 10
    assert all(0.02 < later - earlier < 0.3 for earlier, later in itertools.pairwise(times))


async def test_the_first_event_is_not_later_than_directly(provider, proxy):
    async def first_event_s(url: str) -> float:
        async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="k") as client:
            begun = time.perf_counter()
            stream = await client.chat.completions.create(model="m", messages=QUESTION, stream=True)
            async for _ in stream:
                taken = time.perf_counter() - begun
                await stream.close()
                return taken
        raise AssertionError("no event came")

    await chat_stream(proxy.data_url, "warm")
    direct = sorted([await first_event_s(provider.url) for _ in range(9)])[4]
    through = sorted([await first_event_s(proxy.data_url) for _ in range(9)])[4]
    assert through - direct < 0.05


def headers_of(received: Received) -> list[tuple[str, str]]:
    return sorted((name.lower(), value) for name, value in received.headers.items() if name.lower() not in OF_A_HOP)
