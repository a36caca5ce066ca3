"""Heal mode: threads that a plain proxy leaves bricked go on, though the application neither reads tags nor mends anything.

The application here stores before it knows, as most do. The proxy forgets nothing that a restart or a second replica
has to know where they share a store.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import anthropic
import httpx2
import openai
import pytest

from proxy.app import Service
from proxy.demo.provider import Provider
from tests.redis_server import redis_server

PNG = "iVBORw0KGgo="
OPENAI_IMAGE = [{"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}}]
RESPONSES_IMAGE = [{"type": "input_image", "image_url": f"data:image/png;base64,{PNG}"}]
ANTHROPIC_IMAGE = [{"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}}]
GEMINI_IMAGE = [{"inlineData": {"mimeType": "image/png", "data": PNG}}]

ProxyBefore = Callable[..., AbstractAsyncContextManager[Service]]
HEAL = {"history": "heal"}


class Thread:
    """A conversation of an application that keeps everything it ever said. `told`: `x-llm-history` of each answer."""

    image: Any = None

    def __init__(self, url: str, model: str = "text-only", key: str = "sk-one") -> None:
        self.url = url
        self.model = model
        self.key = key
        self.history: list[Any] = []
        self.told: list[str] = []

    async def say(self, content: Any) -> bool:
        """Whether an answer came."""
        self.history.append(self.user(content))
        answered = await self.ask()
        if answered is not None:
            self.history.append(answered)
        return answered is not None

    def user(self, content: Any) -> Any:
        return {"role": "user", "content": content}

    async def ask(self) -> Any:
        raise NotImplementedError

    def note(self, headers: Any) -> None:
        self.told.append(headers.get("x-llm-history", ""))


class Chat(Thread):
    image = OPENAI_IMAGE
    call = (
        {
            "role": "assistant",
            "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
        },
    )

    async def ask(self) -> Any:
        async with openai.AsyncOpenAI(base_url=f"{self.url}/v1", api_key=self.key) as client:
            try:
                raw = await client.chat.completions.with_raw_response.create(model=self.model, messages=self.history)
            except openai.APIStatusError as error:
                return self.note(error.response.headers)
        self.note(raw.headers)
        return {"role": "assistant", "content": raw.parse().choices[0].message.content}


class Response(Thread):
    image = RESPONSES_IMAGE
    call = ({"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"},)

    async def ask(self) -> Any:
        async with openai.AsyncOpenAI(base_url=f"{self.url}/v1", api_key=self.key) as client:
            try:
                raw = await client.responses.with_raw_response.create(model=self.model, input=self.history)
            except openai.APIStatusError as error:
                return self.note(error.response.headers)
        self.note(raw.headers)
        return {"role": "assistant", "content": raw.parse().output_text}


class Message(Thread):
    image = ANTHROPIC_IMAGE
    call = ({"role": "assistant", "content": [{"type": "tool_use", "id": "c1", "name": "f", "input": {}}]},)

    async def ask(self) -> Any:
        async with anthropic.AsyncAnthropic(base_url=self.url, api_key=self.key) as client:
            try:
                raw = await client.messages.with_raw_response.create(
                    model=self.model, max_tokens=64, messages=self.history
                )
            except anthropic.APIStatusError as error:
                return self.note(error.response.headers)
        self.note(raw.headers)
        return {"role": "assistant", "content": (await _parsed(raw)).content[0].text}


async def _parsed(raw: Any) -> Any:
    done = raw.parse()
    return await done if asyncio.iscoroutine(done) else done


class Contents(Thread):
    """Gemini's API as its REST documentation has it."""

    image = GEMINI_IMAGE
    call = ({"role": "model", "parts": [{"functionCall": {"name": "f", "args": {}}}]},)

    def user(self, content: Any) -> Any:
        return {"role": "user", "parts": [{"text": content}] if isinstance(content, str) else content}

    async def ask(self) -> Any:
        async with httpx2.AsyncClient(headers={"x-goog-api-key": self.key}) as client:
            answer = await client.post(
                f"{self.url}/v1beta/models/{self.model}:generateContent", json={"contents": self.history}
            )
        self.note(answer.headers)
        return answer.json()["candidates"][0]["content"] if answer.status_code == 200 else None


KINDS = [Chat, Response, Message, Contents]


@pytest.mark.parametrize("kind", KINDS)
async def test_an_image_bricks_a_thread_without_healing(
    kind: type[Thread], provider: Provider, proxied: ProxyBefore
) -> None:
    async with proxied(provider.url) as service:
        thread = kind(service.data_url)
        assert await thread.say("Hello")
        assert [await thread.say(content) for content in (thread.image, "Still there?", "Hello?")] == [False] * 3
    assert thread.told == ["", "", "known=2-2", "known=2-2"]


@pytest.mark.parametrize("kind", KINDS)
async def test_an_image_that_was_refused_is_left_out_of_the_thread(
    kind: type[Thread], provider: Provider, proxied: ProxyBefore
) -> None:
    async with proxied(provider.url, **HEAL) as service:
        thread = kind(service.data_url)
        assert await thread.say("Hello")
        assert not await thread.say(thread.image)
        assert await thread.say("Still there?")
        assert await thread.say("Go on")
    assert thread.told == ["", "", "dropped=2-2", "dropped=2-2"]
    assert all(PNG.encode() not in call.body for call in list(provider.calls)[2:])


@pytest.mark.parametrize("kind", KINDS)
async def test_a_history_with_an_orphan_tool_call_heals_on_reload(
    kind: type[Any], provider: Provider, proxied: ProxyBefore
) -> None:
    """The application was stopped while the tool ran, and loads what it had stored."""
    stored = [kind("").user("Use it"), *kind.call]
    for settings, goes_on in (({}, False), (HEAL, True)):
        async with proxied(provider.url, **settings) as service:
            thread = kind(service.data_url, "fail-orphan-tool-call")
            thread.history += stored
            assert await thread.say("Well?") is goes_on
            if goes_on:
                assert thread.told == ["repaired=orphan_tool_call@1"]
                assert await thread.say("And now?")


@pytest.mark.parametrize("kind", KINDS)
async def test_another_tenant_with_the_same_words_is_untouched(
    kind: type[Thread], provider: Provider, proxied: ProxyBefore
) -> None:
    async with proxied(provider.url, **HEAL) as service:
        one, other = kind(service.data_url), kind(service.data_url, key="sk-two")
        assert not await one.say(one.image)
        assert await one.say("Hello")
        # To the other one the provider says itself what it thinks of the image.
        other.history = [other.user(other.image)]
        assert not await other.say("Hello")
    assert one.told == ["", "dropped=0-0"]
    assert other.told == [""]
    assert PNG.encode() in provider.calls[-1].body


@pytest.mark.parametrize("kind", [Chat, Message])
async def test_a_rate_limit_leaves_no_mark_on_a_thread(
    kind: type[Thread], provider: Provider, proxied: ProxyBefore
) -> None:
    async with proxied(provider.url, **HEAL, retry={"max": 0}) as service:
        thread = kind(service.data_url, "fail-rate-limit-then-good-1")
        assert await thread.say("Hello")
        assert await thread.say("Go on")
    assert set(thread.told) == {""}
    assert [entry["role"] for entry in thread.history] == ["user", "assistant"] * 2


async def test_a_stale_id_beside_the_whole_history_is_dropped_once(provider: Provider, proxied: ProxyBefore) -> None:
    """An application that sends both is answered at once; one that relies on the id alone is told, and not looped."""
    async with (
        proxied(provider.url, **HEAL) as service,
        openai.AsyncOpenAI(base_url=f"{service.data_url}/v1", api_key="k") as client,
    ):
        said: list[Any] = [{"role": "user", "content": "Hello"}]
        first = await client.responses.create(model="m", input=said)
        provider.resources.forget()  # as after a restart
        said += [{"role": "assistant", "content": first.output_text}, {"role": "user", "content": "Go on"}]
        before = len(provider.calls)
        raw = await client.responses.with_raw_response.create(model="m", input=said, previous_response_id=first.id)
        assert raw.headers["x-llm-history"] == "forgot=previous_response_id"
        assert len(provider.calls) == before + 2
        assert "previous_response_id" not in provider.calls[-1].document
        assert provider.calls[-1].document["input"] == said
        with pytest.raises(openai.BadRequestError) as refused:
            await client.responses.create(model="m", input=said[-1:], previous_response_id=first.id)
        assert len(provider.calls) == before + 3
        assert refused.value.response.headers["x-llm-session-action"] == "new_session"
        assert refused.value.response.headers["x-llm-session-fault"] == "previous_response_id"


# -- what a shared store keeps


@pytest.mark.parametrize("kind", KINDS)
async def test_a_restart_and_a_second_replica_keep_a_thread_healed(
    kind: type[Thread], provider: Provider, proxied: ProxyBefore, tmp_path: Path
) -> None:
    async with redis_server(tmp_path) as store:
        async with proxied(provider.url, **HEAL, store=store) as first:
            thread = kind(first.data_url)
            assert not await thread.say(thread.image)
        async with proxied(provider.url, **HEAL, store=store) as restarted:
            thread.url = restarted.data_url
            assert await thread.say("Still there?")
            async with proxied(provider.url, **HEAL, store=store) as replica:
                thread.url = replica.data_url
                assert await thread.say("Go on")
    assert thread.told == ["", "dropped=0-0", "dropped=0-0"]


async def test_without_its_store_a_proxy_goes_on_with_what_it_knows(
    provider: Provider, proxied: ProxyBefore, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with contextlib.AsyncExitStack() as redis:
        store = await redis.enter_async_context(redis_server(tmp_path))
        async with proxied(provider.url, **HEAL, store=store) as service:
            thread = Chat(service.data_url)
            assert not await thread.say(thread.image)
            await redis.aclose()
            assert await thread.say("Still there?")
            other = Chat(service.data_url, key="sk-two")
            assert not await other.say(other.image)
            assert await other.say("Hello")
            assert service.store.failures >= 1
    assert thread.told == ["", "dropped=0-0"]
    assert other.told == ["", "dropped=0-0"]
    assert [record.message for record in caplog.records].count("store is away, each process goes on alone") == 1
