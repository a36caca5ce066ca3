"""The official clients read what goes out of a broken stream: they raise an error of their own, with our members."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import anthropic
import httpx2
import openai
import pytest

from proxy.model import Dialect
from proxy.stream import End, How
from tests.stream.good import ANTHROPIC, CHAT, RECORDED, RESPONSES
from tests.stream.test_watch_broken import MEMBERS, sent

GOOD = {good.name: good for good in RECORDED}


def answering(body: bytes) -> httpx2.Client:
    def handle(_: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, headers={"content-type": "text/event-stream"}, content=body)

    return httpx2.Client(transport=httpx2.MockTransport(handle))


def chat(body: bytes) -> list[object]:
    with openai.OpenAI(api_key="k", base_url="http://test", http_client=answering(body), max_retries=0) as client:
        stream = client.chat.completions.create(model="m", messages=[{"role": "user", "content": "a"}], stream=True)
        return [chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices]


def response(body: bytes) -> list[object]:
    with openai.OpenAI(api_key="k", base_url="http://test", http_client=answering(body), max_retries=0) as client:
        return [event.type for event in client.responses.create(model="m", input="a", stream=True)]


def message(body: bytes) -> list[object]:
    with anthropic.Anthropic(api_key="k", base_url="http://test", http_client=answering(body), max_retries=0) as client:
        stream = client.messages.create(
            model="m", max_tokens=9, messages=[{"role": "user", "content": "a"}], stream=True
        )
        return [event.type for event in stream if event.type != "message_stop"]


def error_of(raised: Any) -> dict[str, Any]:
    """What the SDK hands out of the error: OpenAI's the error object, Anthropic's the body around it."""
    body: dict[str, Any] = raised.body
    error: dict[str, Any] = body.get("error", body)
    return error


CLIENTS: dict[str, tuple[Callable[[bytes], list[object]], type[Exception]]] = {
    "chat": (chat, openai.APIError),
    "responses": (response, openai.APIError),
    "anthropic": (message, anthropic.APIStatusError),
}


def cuts(text: bytes) -> list[int]:
    """Every event's end and one byte to each side, and some seeded ones between."""
    ends = [at + 2 for at in range(len(text)) if text.startswith(b"\n\n", at)]
    near = {at + by for at in ends for by in (-2, -1, 0, 1)}
    return sorted(at for at in near | set(random.Random(4).sample(range(len(text)), 40)) if 0 <= at <= len(text))


@pytest.mark.parametrize("how", [How.CLEAN, How.BROKEN])
@pytest.mark.parametrize("name", CLIENTS)
def test_a_client_raises_with_our_members_or_has_had_the_whole_answer(name, how):
    read, error = CLIENTS[name]
    good = GOOD[name]
    whole = read(good.text)
    ends = set()
    for at in cuts(good.text):
        out, end = sent(good, [good.text[:at]], how)
        ends.add(end)
        if end is End.WHOLE:
            assert read(out) == whole, at
            continue
        with pytest.raises(error) as raised:
            read(out)
        told = error_of(raised.value)
        assert {member: told[member] for member in MEMBERS} == MEMBERS
    assert ends == {End.TELL, End.WHOLE}


@pytest.mark.parametrize(("name", "text"), [("chat", CHAT), ("responses", RESPONSES), ("anthropic", ANTHROPIC)])
def test_before_any_event(name, text):
    read, error = CLIENTS[name]
    dialect = {"chat": Dialect.OPENAI_CHAT, "responses": Dialect.RESPONSES, "anthropic": Dialect.ANTHROPIC}[name]
    assert GOOD[name].dialect is dialect
    out, _ = sent(GOOD[name], [text[:20]], How.IDLE)
    with pytest.raises(error):
        read(out)
