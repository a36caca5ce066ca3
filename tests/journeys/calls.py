"""One question in every form in which the official clients can put it, and what came of it.

A form is `async (base_url, model, **client options) -> Outcome`. Nothing but the base URL tells a direct call from one
through the proxy.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

import anthropic
import httpx2
import openai

from proxy.demo.shape import TEXT

QUESTION: Final[list[Any]] = [{"role": "user", "content": "Good day?"}]

# What an application catches: anthropic lets a connection that breaks inside a stream through as the transport's own.
RAISED: Final = (openai.APIError, anthropic.APIError, httpx2.TransportError)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an application has: a text, or what the client raised; a text beside an error is what had come before it."""

    text: str = ""
    error: Exception | None = None

    @property
    def is_good(self) -> bool:
        """The whole answer, and no doubt about it."""
        return self.error is None and self.text == TEXT

    @property
    def is_silent_half(self) -> bool:
        """An answer that is not there and nothing that says so: the worst outcome."""
        return self.error is None and self.text != TEXT

    @property
    def headers(self) -> Mapping[str, str]:
        """The failed answer's, as the client's exception has them."""
        return self._answer.headers

    @property
    def status(self) -> int:
        return self._answer.status_code

    @property
    def body(self) -> bytes:
        return self._answer.content

    @property
    def _answer(self) -> httpx2.Response:
        assert isinstance(self.error, openai.APIStatusError | anthropic.APIStatusError), self
        return self.error.response


Form = Callable[..., Awaitable[Outcome]]


def _openai(url: str, options: Mapping[str, Any]) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{url}/v1", api_key="sk-of-nobody", **options)


def _async_openai(url: str, options: Mapping[str, Any]) -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="sk-of-nobody", **options)


def _anthropic(url: str, options: Mapping[str, Any]) -> anthropic.Anthropic:
    return anthropic.Anthropic(base_url=url, api_key="sk-of-nobody", **options)


def _async_anthropic(url: str, options: Mapping[str, Any]) -> anthropic.AsyncAnthropic:
    return anthropic.AsyncAnthropic(base_url=url, api_key="sk-of-nobody", **options)


async def chat(url: str, model: str, **options: Any) -> Outcome:
    async with _async_openai(url, options) as client:
        try:
            done = await client.chat.completions.create(model=model, messages=QUESTION)
        except RAISED as error:
            return Outcome(error=error)
        return Outcome(done.choices[0].message.content or "" if done.choices else "")


async def chat_stream(url: str, model: str, **options: Any) -> Outcome:
    text = ""
    async with _async_openai(url, options) as client:
        try:
            async for part in await client.chat.completions.create(model=model, messages=QUESTION, stream=True):
                text += part.choices[0].delta.content or "" if part.choices else ""
        except RAISED as error:
            return Outcome(text, error)
    return Outcome(text)


async def chat_sync(url: str, model: str, **options: Any) -> Outcome:
    def call() -> Outcome:
        with _openai(url, options) as client:
            try:
                done = client.chat.completions.create(model=model, messages=QUESTION)
            except RAISED as error:
                return Outcome(error=error)
            return Outcome(done.choices[0].message.content or "" if done.choices else "")

    return await asyncio.to_thread(call)


async def chat_sync_stream(url: str, model: str, **options: Any) -> Outcome:
    def call() -> Outcome:
        text = ""
        with _openai(url, options) as client:
            try:
                for part in client.chat.completions.create(model=model, messages=QUESTION, stream=True):
                    text += part.choices[0].delta.content or "" if part.choices else ""
            except RAISED as error:
                return Outcome(text, error)
        return Outcome(text)

    return await asyncio.to_thread(call)


async def responses(url: str, model: str, **options: Any) -> Outcome:
    async with _async_openai(url, options) as client:
        try:
            done = await client.responses.create(model=model, input="Good day?")
        except RAISED as error:
            return Outcome(error=error)
        return Outcome(done.output_text if done.output else "")


async def responses_stream(url: str, model: str, **options: Any) -> Outcome:
    text = ""
    async with _async_openai(url, options) as client:
        try:
            async for part in await client.responses.create(model=model, input="Good day?", stream=True):
                if part.type == "response.output_text.delta":
                    text += part.delta
                elif part.type == "response.failed":
                    # The client hands this one out instead of raising: every application looks at it.
                    return Outcome(text, openai.OpenAIError(str(part.response.error)))
        except RAISED as error:
            return Outcome(text, error)
    return Outcome(text)


async def messages(url: str, model: str, **options: Any) -> Outcome:
    async with _async_anthropic(url, options) as client:
        try:
            done = await client.messages.create(model=model, max_tokens=64, messages=QUESTION)
        except RAISED as error:
            return Outcome(error=error)
        return Outcome("".join(block.text for block in done.content or () if block.type == "text"))


async def messages_stream(url: str, model: str, **options: Any) -> Outcome:
    text = ""
    async with _async_anthropic(url, options) as client:
        try:
            async with client.messages.stream(model=model, max_tokens=64, messages=QUESTION) as stream:
                async for part in stream.text_stream:
                    text += part
        except RAISED as error:
            return Outcome(text, error)
    return Outcome(text)


async def messages_sync(url: str, model: str, **options: Any) -> Outcome:
    def call() -> Outcome:
        with _anthropic(url, options) as client:
            try:
                done = client.messages.create(model=model, max_tokens=64, messages=QUESTION)
            except RAISED as error:
                return Outcome(error=error)
            return Outcome("".join(block.text for block in done.content or () if block.type == "text"))

    return await asyncio.to_thread(call)


async def messages_sync_stream(url: str, model: str, **options: Any) -> Outcome:
    def call() -> Outcome:
        text = ""
        with _anthropic(url, options) as client:
            try:
                with client.messages.stream(model=model, max_tokens=64, messages=QUESTION) as stream:
                    for part in stream.text_stream:
                        text += part
            except RAISED as error:
                return Outcome(text, error)
        return Outcome(text)

    return await asyncio.to_thread(call)


WHOLE: Final[Mapping[str, Form]] = MappingProxyType(
    {
        "openai_chat": chat,
        "openai_chat_sync": chat_sync,
        "openai_responses": responses,
        "anthropic": messages,
        "anthropic_sync": messages_sync,
    }
)
STREAMED: Final[Mapping[str, Form]] = MappingProxyType(
    {
        "openai_chat_stream": chat_stream,
        "openai_chat_sync_stream": chat_sync_stream,
        "openai_responses_stream": responses_stream,
        "anthropic_stream": messages_stream,
        "anthropic_sync_stream": messages_sync_stream,
    }
)
FORMS: Final[Mapping[str, Form]] = MappingProxyType({**WHOLE, **STREAMED})
