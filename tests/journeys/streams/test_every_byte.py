"""A recorded good stream of each dialect, cut after every single byte: the official clients raise, or have it whole."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

import anthropic
import openai
import pytest

from tests.journeys.streams.cutting import HOWS, STREAMS, Cutting, ends, near_ends

ASKED: Final[list[Any]] = [{"role": "user", "content": "Good day?"}]
MEMBERS: Final = {"class": "network", "reason": "truncated_stream", "session": "reset"}
# What came of the answer before its framing broke is lost where it comes in one read with the head: aiohttp's parser.
BEFORE_ANY_EVENT: Final = (
    tuple(MEMBERS.values()),
    ("network", "reset", "reset"),
    ("provider_error", "bad_answer", "reset"),
)
TAGS: Final = ("x-llm-error-class", "x-llm-error-reason", "x-llm-session-action")


@dataclass(frozen=True, slots=True)
class Read:
    """What an application has of a stream: what is told of the answer's content, and the client's own error."""

    told: tuple[object, ...]
    error: openai.APIError | anthropic.APIError | None = None


def chat(part: Any) -> object:
    return [(choice.delta.content, choice.finish_reason) for choice in part.choices] or None


def response(event: Any) -> object:
    return event.type


def message(event: Any) -> object:
    # Whether the last event is dispatched depends on its blank line, which tells nothing of the answer.
    return None if event.type == "message_stop" else event.type


TELLS: Final = MappingProxyType({"chat": chat, "responses": response, "anthropic": message})


def asking(name: str, client: Any) -> Any:
    match name:
        case "chat":
            return client.chat.completions.create(model="m", messages=ASKED, stream=True)
        case "responses":
            return client.responses.create(model="m", input="Good day?", stream=True)
        case _:
            return client.messages.create(model="m", max_tokens=64, messages=ASKED, stream=True)


def read_sync(name: str, client: Any) -> Read:
    told: list[object] = []
    try:
        told.extend(item for part in asking(name, client) if (item := TELLS[name](part)) is not None)
    except (openai.APIError, anthropic.APIError) as error:
        return Read(tuple(told), error)
    return Read(tuple(told))


async def read_async(name: str, client: Any) -> Read:
    told: list[object] = []
    try:
        async for part in await asking(name, client):
            if (item := TELLS[name](part)) is not None:
                told.append(item)  # noqa: PERF401 - what came before an error counts
    except (openai.APIError, anthropic.APIError) as error:
        return Read(tuple(told), error)
    return Read(tuple(told))


def members_of(error: openai.APIError | anthropic.APIError) -> Mapping[str, Any]:
    """Our members where the stream had begun; else the tags say the same, or that nothing came or no HTTP."""
    if isinstance(error, openai.APIStatusError | anthropic.APIStatusError) and error.status_code == 502:
        told = tuple(error.response.headers[tag] for tag in TAGS)
        assert told in BEFORE_ANY_EVENT
        return MEMBERS
    body: Any = error.body
    told = body.get("error", body)
    return {name: told[name] for name in MEMBERS}


def judge(name: str, at: int, how: str, read: Read, whole: Read) -> bool:
    """Whether the client has raised; fails where it has neither raised nor had all."""
    if read.error is None:
        assert read.told == whole.told, (name, at, how, read.told[-2:])
        return False
    assert read.told == whole.told[: len(read.told)], (name, at, how)
    assert members_of(read.error) == MEMBERS, (name, at, how, read.error)
    return True


def cuts_of(text: bytes) -> list[tuple[int, str]]:
    """Each byte in one way of ending, in turn; what lies near an event's end in all."""
    near = {at + by for at in ends(text) for by in (-1, 0, 1)}
    return [
        (at, how)
        for at in range(len(text) + 1)
        for turn, how in enumerate(HOWS)
        if at % len(HOWS) == turn or at in near
    ]


CLIENTS: Final[dict[str, Callable[[str], Any]]] = {
    "chat": lambda url: openai.OpenAI(base_url=url, api_key="k", max_retries=0),
    "responses": lambda url: openai.OpenAI(base_url=url, api_key="k", max_retries=0),
    "anthropic": lambda url: anthropic.Anthropic(base_url=url, api_key="k", max_retries=0),
}
ASYNC_CLIENTS: Final[dict[str, Callable[[str], Any]]] = {
    "chat": lambda url: openai.AsyncOpenAI(base_url=url, api_key="k", max_retries=0),
    "responses": lambda url: openai.AsyncOpenAI(base_url=url, api_key="k", max_retries=0),
    "anthropic": lambda url: anthropic.AsyncAnthropic(base_url=url, api_key="k", max_retries=0),
}


@pytest.mark.timeout(100)
@pytest.mark.parametrize("name", CLIENTS)
def test_cut_after_every_byte(cut: Cutting, name: str) -> None:
    text = STREAMS[name].text
    with CLIENTS[name](cut.base) as client:

        def read(place: tuple[int, str]) -> Read:
            return read_sync(name, client.with_options(base_url=cut.url(name, *place)))

        whole = read((len(text), "clean"))
        assert whole.error is None
        assert len(whole.told) >= 5
        places = cuts_of(text)
        with ThreadPoolExecutor(4) as threads:
            reads = threads.map(read, places)
            raised = [judge(name, *place, one, whole) for place, one in zip(places, reads, strict=True)]
    assert 0.7 < sum(raised) / len(raised) < 1


@pytest.mark.timeout(120)
@pytest.mark.parametrize("name", ASYNC_CLIENTS)
async def test_async_clients(cut: Cutting, name: str) -> None:
    text = STREAMS[name].text
    places = [(at, HOWS[at % len(HOWS)]) for at in near_ends(text)]
    at_once = asyncio.Semaphore(4)
    async with ASYNC_CLIENTS[name](cut.base) as client:

        async def read(at: int, how: str) -> Read:
            async with at_once:
                return await read_async(name, client.with_options(base_url=cut.url(name, at, how)))

        whole = await read(len(text), "clean")
        assert whole.error is None
        reading: list[Awaitable[Read]] = [read(*place) for place in places]
        reads = await asyncio.gather(*reading)
    raised = [judge(name, *place, one, whole) for place, one in zip(places, reads, strict=True)]
    assert any(raised)
    assert not all(raised)
