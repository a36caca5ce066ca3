"""Threads that a failure could brick: a small application that stores before it knows, and does what the tags say."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import openai
import pytest

from proxy.app import Service
from proxy.demo.provider import Provider

IMAGE = [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}]
TOOL_CALL = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}

ProxyBefore = Callable[..., AbstractAsyncContextManager[Service]]


class Thread:
    """One conversation. `minds` says whether the application looks at the tags at all."""

    def __init__(self, url: str, model: str, *, minds: bool = True) -> None:
        self.model = model
        self.minds = minds
        self.history: list[Any] = []
        self.url = url

    async def say(self, content: Any) -> bool:
        """Whether an answer came."""
        self.history.append({"role": "user", "content": content})
        at_once = {"x-llm-retry": "off"}
        async with openai.AsyncOpenAI(
            base_url=f"{self.url}/v1", api_key="k", max_retries=0, default_headers=at_once
        ) as client:
            try:
                done = await client.chat.completions.create(model=self.model, messages=self.history)
            except openai.APIStatusError as error:
                if self.minds:
                    self.mend(error.response.headers)
                return False
        self.history.append({"role": "assistant", "content": done.choices[0].message.content})
        return True

    def mend(self, tags: Any) -> None:
        match tags["x-llm-session-action"]:
            case "rollback":
                del self.history[-int(tags["x-llm-session-rollback"]) :]
            case "repair":
                faults = re.findall(r"messages\[(\d+)\]: orphan_tool_call", tags["x-llm-session-fault"])
                for at in sorted(map(int, faults), reverse=True):
                    del self.history[at]
            case "keep" | "reset":
                self.history.pop()  # the question is asked anew
            case other:
                raise AssertionError(other)


async def test_a_thread_that_showed_a_rate_limit_goes_on(provider: Provider, proxy: Service):
    thread = Thread(proxy.data_url, "fail-rate-limit-then-good-1")
    assert not await thread.say("Hello")
    assert await thread.say("Hello")
    assert not await thread.say("Go on")
    assert await thread.say("Go on")
    assert [message["role"] for message in thread.history] == ["user", "assistant"] * 2


async def test_an_image_bricks_a_thread_of_which_nobody_minds_the_tags(provider: Provider, proxy: Service):
    thread = Thread(proxy.data_url, "text-only", minds=False)
    assert await thread.say("Hello")
    assert [await thread.say(content) for content in (IMAGE, "Still there?", "Hello?")] == [False] * 3


async def test_an_image_is_rolled_back_and_the_thread_goes_on(provider: Provider, proxy: Service):
    thread = Thread(proxy.data_url, "text-only")
    assert await thread.say("Hello")
    assert not await thread.say(IMAGE)
    assert await thread.say("Still there?")
    assert len(thread.history) == 4


@pytest.mark.parametrize("before", [0, 1, 3])
async def test_an_orphan_tool_call_is_dropped_where_the_tags_say(provider: Provider, proxy: Service, before: int):
    thread = Thread(proxy.data_url, "fail-orphan-tool-call")
    for turn in range(before):
        assert await thread.say(f"turn {turn}")
    thread.history += [{"role": "user", "content": "Use it"}, {"role": "assistant", "tool_calls": [TOOL_CALL]}]
    assert not await thread.say("Well?")
    assert await thread.say("And now?")


async def test_a_stale_id_is_cleared_once_and_not_looped(provider: Provider, proxy: Service):
    previous: str | None = None
    said: list[Any] = []
    outcomes = []
    async with openai.AsyncOpenAI(base_url=f"{proxy.data_url}/v1", api_key="k") as client:
        for turn in range(4):
            if turn == 2:
                provider.resources.forget()  # as after a restart
            said.append({"role": "user", "content": f"turn {turn}"})
            for _ in range(2):
                handle: dict[str, Any] = {"previous_response_id": previous} if previous else {}
                try:
                    done = await client.responses.create(model="m", input=said[-1:] if previous else said, **handle)
                except openai.APIStatusError as error:
                    outcomes.append(error.response.headers["x-llm-session-action"])
                    assert error.response.headers["x-llm-session-fault"] == "previous_response_id"
                    previous = None
                    continue
                previous = done.id
                outcomes.append("answered")
                break
    assert outcomes == ["answered", "answered", "new_session", "answered", "answered"]
    assert len(provider.calls) == 5


async def test_the_same_words_of_another_thread_are_untouched(provider: Provider, proxy: Service):
    one, other = (Thread(proxy.data_url, "text-only") for _ in range(2))
    assert not await one.say(IMAGE)
    assert await other.say("Hello")
    assert await one.say("Hello")


async def test_a_restart_of_the_proxy_is_unnoticed(provider: Provider, proxied: ProxyBefore):
    async with proxied(provider.url) as first:
        thread = Thread(first.data_url, "text-only")
        assert await thread.say("Hello")
        assert not await thread.say(IMAGE)
    async with proxied(provider.url) as second:
        thread.url = second.data_url
        assert await thread.say("Still there?")
