"""The bench of what retries cost a good call: it runs, and its parts are what a good call passes."""

from __future__ import annotations

import asyncio

from bench.retry_cost import MOST_US, parts, timed


def test_a_good_call_pays_at_most_six_microseconds():
    loop = asyncio.new_event_loop()
    costs = [timed(once) for once in parts(loop).values()]
    loop.close()
    assert 0 < sum(costs) < MOST_US
