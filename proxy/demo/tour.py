"""A round of calls through the proxy with the official openai client: every way to fail, and what came back of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from openai import APIError, APIStatusError, AsyncOpenAI

from proxy.demo.provider import Provider
from proxy.demo.row import Row

_ASKED: Final[list[Any]] = [{"role": "user", "content": "Good day?"}]
_PICTURE: Final = "data:image/png;base64,iVBORw0KGgo="


@dataclass(frozen=True, slots=True)
class Stop:
    """One call of the tour."""

    model: str
    path: str = "chat/completions"
    members: Mapping[str, Any] = field(default_factory=lambda: {"messages": _ASKED})
    streams: bool = False


TOUR: Final = (
    Stop("good"),
    Stop("good", streams=True),
    Stop("fail-budget"),
    Stop("fail-rate-limit"),
    Stop("fail-overloaded"),
    Stop("fail-then-good-1"),
    Stop("fail-auth"),
    Stop("fail-model"),
    Stop("fail-context"),
    Stop("fail-content-filter"),
    Stop("fail-bad-request"),
    Stop(
        "fail-orphan-tool-call",
        members={
            "messages": [
                *_ASKED,
                {
                    "role": "assistant",
                    "tool_calls": [{"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
                },
                *_ASKED,
            ]
        },
    ),
    Stop(
        "text-only",
        members={
            "messages": [
                {"role": "user", "content": [{"type": "image_url", "image_url": {"url": _PICTURE}}]},
            ]
        },
    ),
    Stop("fail-session-expired", "responses", {"input": "Good day?", "previous_response_id": "resp_of_yesterday"}),
    Stop("fail-server-error"),
    Stop("fail-html"),
    Stop("fail-network"),
    Stop("fail-timeout"),
    Stop("fail-unknown"),
    Stop("fail-error-in-200"),
    Stop("fail-stream-error-first", streams=True),
    Stop("fail-stream-error-later", streams=True),
    Stop("fail-midstream", streams=True),
    Stop("fail-early-end", streams=True),
)


async def tour(base_url: str, provider: Provider) -> AsyncIterator[Row]:
    """What came back of each call, as it comes. The client's own retries are off, so that a row is one call."""
    async with AsyncOpenAI(base_url=f"{base_url}/v1", api_key="demo", max_retries=0) as client:
        for stop in TOUR:
            before = len(provider.calls)
            row = await _call(client, stop)
            yield row.after(len(provider.calls) - before)


async def _call(client: AsyncOpenAI, stop: Stop) -> Row:
    create: Any = (client.chat.completions if stop.path == "chat/completions" else client.responses).with_raw_response
    try:
        answer = await create.create(model=stop.model, stream=stop.streams, **stop.members)
    except APIStatusError as error:
        return Row.of(stop.model, error.status_code, error.response.headers)
    row = Row.of(stop.model, answer.status_code, answer.headers)
    if stop.streams:
        try:
            async for _ in answer.parse():
                pass
        except APIError as error:
            return row.broken(error.body, error.message)
    return row
