"""Gemini's streams, cut: Google's own client raises or has had all; a JSON array that is broken is never closed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest

from tests.journeys.streams.cutting import HOWS, STREAMS, Cutting, near_ends
from tests.journeys.streams.test_every_byte import MEMBERS, cuts_of

ARRAY = "gemini-array"
PATH = "/v1beta/models/m:streamGenerateContent"
END = json.loads(STREAMS[ARRAY].text)[-1]


def test_an_array_cut_after_every_byte(cut: Cutting) -> None:
    text = STREAMS[ARRAY].text
    places = cuts_of(text)
    with httpx2.Client() as client, ThreadPoolExecutor(4) as threads:

        def read(place: tuple[int, str]) -> httpx2.Response:
            return client.post(cut.url(ARRAY, *place) + PATH, json={})

        answers = list(threads.map(read, places))
    broken = [judge_array(place, answer) for place, answer in zip(places, answers, strict=True)]
    assert 0.7 < sum(broken) / len(broken) < 1


def judge_array(place: tuple[int, str], answer: httpx2.Response) -> bool:
    """Whether it is told to be broken; fails where it is neither that nor whole."""
    if answer.status_code == 502:
        assert answer.json()["error"]["status"] == "UNAVAILABLE"
        return True
    assert answer.status_code == 200
    objects = list(objects_in(answer.text))
    if "error" not in objects[-1]:
        assert END in objects, place
        return False
    assert {name: objects[-1]["error"][name] for name in MEMBERS} == MEMBERS, place
    assert not answer.text.rstrip().endswith("]"), place
    assert objects[:-1] == json.loads(STREAMS[ARRAY].text)[: len(objects) - 1], place
    return True


def objects_in(text: str) -> Iterator[dict[str, Any]]:
    """As clients read such an array while it comes; what is no object between them fails."""
    decoder = json.JSONDecoder()
    assert text.startswith("[")
    at = 1
    while rest := text[at:].lstrip(" \r\n,]"):
        found, length = decoder.raw_decode(rest)
        at = len(text) - len(rest) + length
        yield found


@pytest.mark.timeout(120)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of Google's client
def test_googles_own_client(cut: Cutting) -> None:
    genai = pytest.importorskip("google.genai")
    text = STREAMS["gemini"].text
    places = [(len(text), "clean"), *((at, HOWS[at % len(HOWS)]) for at in near_ends(text))]

    def read(place: tuple[int, str]) -> tuple[list[str], Any]:
        options = genai.types.HttpOptions(base_url=cut.url("gemini", *place))
        told: list[str] = []
        client = genai.Client(api_key="k", http_options=options)
        try:
            for part in client.models.generate_content_stream(model="m", contents="Good day?"):
                told.append(part.text)  # noqa: PERF401 - what came before an error counts
        except genai.errors.APIError as error:
            return told, error
        return told, None

    with ThreadPoolExecutor(4) as threads:
        (whole, none), *answers = threads.map(read, places)
    assert none is None
    assert len(whole) == 3
    raised = 0
    for place, (told, error) in zip(places[1:], answers, strict=True):
        assert told == whole[: len(told)], place
        if error is None:
            assert told == whole, place
        elif error.response is None or error.code == 502:
            raised += 1
        else:
            details = error.details.get("error", error.details)
            assert {name: details[name] for name in MEMBERS} == MEMBERS, place
            raised += 1
    assert 0 < raised < len(answers)
