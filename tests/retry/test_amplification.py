"""The whole of the retry decisions in a storm, in simulation, and the plot that is shown of it."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from bench.amplification import CLIENT_RETRIES, DOWN, Client, Clock, Ours, Provider, Run, all_ways, drawn
from proxy.model import Class, Wait, WaitOrigin

PLOT = Path(__file__).parents[2] / "docs" / "amplification.svg"
FOREVER = (0.0, float("inf"))


@pytest.fixture(scope="module")
def runs() -> list[Run]:
    return all_ways()


def storm(calls: int, *, seconds: float, client_retries: int, outage=FOREVER) -> tuple[Clock, Provider, Ours, Client]:
    """`calls` spread over so many seconds, by one credential."""
    clock, source = Clock(), random.Random(1)
    provider = Provider(clock, outage)
    ours = Ours(provider, source.random)
    client = Client(clock, ours, source.random, retries=client_retries)
    for n in range(calls):
        clock.after(n * seconds / calls, lambda: client.call("storm"))
    return clock, provider, ours, client


@pytest.mark.parametrize("seconds", [0.0, 1.0, 20.0])
def test_a_thousand_calls_that_all_fail_cost_a_quarter_more_at_most(seconds):
    clock, provider, ours, client = storm(1000, seconds=seconds, client_retries=0)
    clock.run()
    assert client.failed == 1000
    assert 150 <= ours.retries["storm"] <= 0.25 * 1000 + 3
    assert provider.requests.total() == 1000 + ours.retries["storm"]


def test_with_the_clients_own_retries_in_front_it_is_the_budgets_share_of_those():
    clock, provider, _, client = storm(1000, seconds=1.0, client_retries=CLIENT_RETRIES)
    clock.run()
    assert client.failed == 1000
    assert provider.requests.total() <= 1000 * (1 + CLIENT_RETRIES) * 1.2 + 3 * 7


def test_a_storm_of_one_credential_takes_nothing_from_another():
    """Its calls meet a short trouble in the midst of the storm, and each is saved."""
    clock, _, ours, _ = storm(1000, seconds=1.0, client_retries=0, outage=(0.0, 3.0))
    quiet = Client(clock, ours, lambda: 0.99, retries=0)
    clock.after(2.5, lambda: quiet.call("quiet"))
    clock.run()
    assert ours.retries["storm"] <= 0.25 * 1000 + 3
    assert ours.retries["quiet"] >= 1
    assert quiet.failed == 0


@pytest.mark.parametrize("wait_s", [0.2, 1.0, 5.0, 15.0, 25.0, 31.0, 45.0, 59.0, 90.0])
@pytest.mark.parametrize("calls", [1, 50])
def test_a_limit_that_states_its_wait_and_never_ends_costs_the_budgets_share_more(calls, wait_s):
    clock, source = Clock(), random.Random(2)
    provider = Provider(clock, FOREVER)
    limited = replace(DOWN, cls=Class.RATE_LIMITED, wait=Wait(wait_s, WaitOrigin.RETRY_AFTER))
    client = Client(clock, Ours(provider, source.random, verdict=limited), source.random, stated_s=wait_s)
    for _ in range(calls):
        client.call()
    clock.run()
    least = 3 * (1 + clock.now // 10)
    directly = calls * (1 + CLIENT_RETRIES)
    assert client.failed == calls
    assert directly <= provider.requests.total() <= directly + max(least, 0.2 * directly + 3)


def test_an_outage_costs_the_budgets_share_more_than_the_client_alone(runs):
    alone, ours, unbounded = runs
    assert ours.calls == alone.calls == unbounded.calls
    assert ours.in_outage <= 1.2 * alone.in_outage + 0.05
    assert unbounded.in_outage > 1.5 * ours.in_outage


def test_no_more_calls_fail_than_with_the_client_alone(runs):
    alone, ours, _ = runs
    assert 0 < ours.failed <= alone.failed


def test_when_the_outage_is_over_the_load_is_as_before(runs):
    _, ours, _ = runs
    assert sum(ours.requests[125:185]) <= 1.1 * sum(ours.requests[0:60])


def test_the_plot_in_the_docs_is_the_one_that_the_code_draws(runs):
    """`python -m bench.amplification` draws it anew."""
    assert PLOT.read_text(encoding="utf-8") == drawn(runs)
    ET.fromstring(drawn(runs))
