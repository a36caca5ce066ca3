"""What an official client would do by itself, held against the official clients themselves."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import anthropic._base_client
import anthropic._constants
import openai._base_client
import openai._constants
import pytest

from proxy.retry.alone import REPEATS, Alone
from proxy.retry.decide import Backoff, Failed, Retry, decide
from proxy.retry.patience import Limits
from tests.retry.test_decide import verdict

CLIENTS = [
    (openai.OpenAI(api_key="k"), openai._base_client, openai._constants),
    (anthropic.Anthropic(api_key="k"), anthropic._base_client, anthropic._constants),
]
NAMES = ["openai", "anthropic"]


def waits_of(client: Any, base: ModuleType, monkeypatch: pytest.MonkeyPatch, chance: float) -> list[float]:
    monkeypatch.setattr(base, "random", lambda: chance)
    options = base.FinalRequestOptions.construct(method="post", url="/")
    return [client._calculate_retry_timeout(client.max_retries - made, options, None) for made in range(REPEATS)]


@pytest.mark.parametrize(("client", "base", "constants"), CLIENTS, ids=NAMES)
def test_they_repeat_a_call_twice(client: Any, base: ModuleType, constants: ModuleType) -> None:
    assert client.max_retries == constants.DEFAULT_MAX_RETRIES == REPEATS
    assert [Alone(0).repeats_left(ours) for ours in range(4)] == [2, 1, 0, 0]
    assert [Alone(1).repeats_left(ours) for ours in range(3)] == [1, 0, 0]
    assert Alone(7).repeats_left(0) == 0


@pytest.mark.parametrize(("client", "base", "constants"), CLIENTS, ids=NAMES)
def test_their_shortest_waits(
    client: Any, base: ModuleType, constants: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    shortest = waits_of(client, base, monkeypatch, 1.0)
    assert [Alone(0).wait_s(ours) for ours in range(REPEATS)] == pytest.approx(shortest)
    assert Alone(1).wait_s(0) == Alone(0).wait_s(1)
    assert Alone(99).wait_s(99_999) == constants.MAX_RETRY_DELAY * 0.75


@pytest.mark.parametrize("theirs", [0.0, 0.3, 0.999_999])
@pytest.mark.parametrize("ours", [0.0, 0.3, 0.999_999])
@pytest.mark.parametrize(("client", "base", "constants"), CLIENTS, ids=NAMES)
def test_whatever_chance_brings_a_repeat_in_their_place_comes_no_later(
    client: Any, base: ModuleType, constants: ModuleType, monkeypatch: pytest.MonkeyPatch, theirs: float, ours: float
) -> None:
    """And not so early that a trouble which they outlast by themselves has used the repeats up."""
    for retries, wait_s in enumerate(waits_of(client, base, monkeypatch, theirs)):
        decision = decide(
            Failed(verdict=verdict(), retries=retries, may_repeat=True),
            now=0.0,
            limits=Limits(5, 60.0, alone=Alone(0)),
            backoff=Backoff(),
            paced_until=0.0,
            chance=lambda: ours,
            spend=lambda: True,
        )
        assert isinstance(decision, Retry)
        assert 0.67 * wait_s <= decision.wait_s <= wait_s
