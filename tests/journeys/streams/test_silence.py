"""A stream that falls silent, read by the official clients: they raise a failure that has our members, in each dialect."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.journeys.streams.cutting import STREAMS, Cutting, cutting, ends
from tests.journeys.streams.test_every_byte import CLIENTS, read_sync

MEMBERS = {"class": "timeout", "reason": "stream_idle", "session": "reset"}


@pytest.fixture(scope="module")
def idle() -> Iterator[Cutting]:
    with cutting(stream={"idle_timeout": "150ms"}) as cut:
        yield cut


@pytest.mark.parametrize("half", [0, 7], ids=["behind an event", "in the middle of one"])
@pytest.mark.parametrize("name", CLIENTS)
def test_the_client_raises(idle: Cutting, name: str, half: int) -> None:
    text = STREAMS[name].text
    with CLIENTS[name](idle.base) as client:
        whole = read_sync(name, client.with_options(base_url=idle.url(name, len(text), "silent")))
        read = read_sync(name, client.with_options(base_url=idle.url(name, ends(text)[1] + half, "silent")))
    assert whole.error is None
    assert read.error is not None
    assert read.told == whole.told[:2]
    body: Any = read.error.body
    assert MEMBERS.items() <= body.get("error", body).items()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of Google's client
def test_googles_own_client_raises(idle: Cutting) -> None:
    genai = pytest.importorskip("google.genai")
    url = idle.url("gemini", ends(STREAMS["gemini"].text)[0] + 7, "silent")
    client = genai.Client(api_key="k", http_options=genai.types.HttpOptions(base_url=url))
    told: list[str] = []
    with pytest.raises(genai.errors.APIError) as raised:  # noqa: PT012 - what came before counts
        for part in client.models.generate_content_stream(model="m", contents="Good day?"):
            told.append(part.text)  # noqa: PERF401
    assert told == ["Hello"]
    details = raised.value.details.get("error", raised.value.details)
    assert MEMBERS.items() <= details.items()
