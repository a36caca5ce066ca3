"""Calls leave no reference cycles behind: then the collector may look as seldom as it is set to."""

from __future__ import annotations

import asyncio
import gc
import subprocess
from collections import Counter
from collections.abc import Iterator

import pytest

from bench.cases import Case
from bench.targets import PATH, answers, free_port
from bench.tools import arguments, read, tools
from proxy import collector
from proxy.app import Service, rules_of
from proxy.config import from_values

RULER = tools(in_python=True)

CASES = (
    Case(name="json", title="", connections=4, seconds=0.3),
    Case(name="large", title="", connections=2, seconds=0.3, prompt_bytes=300_000),
    Case(name="error", title="", connections=4, seconds=0.3, model="error-429", status=429),
    Case(name="stream", title="", connections=8, seconds=0.4, model="stream-3x20"),
    Case(name="burst", title="", connections=8, seconds=0.3, in_bursts=True),
)


@pytest.fixture
def upstream() -> Iterator[str]:
    port = free_port()
    process = subprocess.Popen([*RULER.upstream, str(port)])
    url = f"http://127.0.0.1:{port}"
    while not answers(url + PATH):
        assert process.poll() is None
    yield url
    process.terminate()
    process.wait()


@pytest.fixture
def collecting() -> Iterator[None]:
    """The collector as it was, afterwards."""
    thresholds = gc.get_threshold()
    yield
    gc.set_debug(0)
    gc.garbage.clear()
    gc.enable()
    gc.set_threshold(*thresholds)
    gc.unfreeze()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
@pytest.mark.usefixtures("collecting")
async def test_calls_leave_no_cycles(upstream, case):
    config = from_values(
        {
            "listen": "127.0.0.1:0",
            "admin": "127.0.0.1:0",
            "upstreams": [{"name": "bench", "url": upstream, "provider": "openai"}],
        }
    )
    service = Service(config, rules_of(config))
    await service.start()
    assert gc.get_threshold() == collector.THRESHOLDS
    try:
        await put_on(service, case)  # what is made once
        gc.collect()
        gc.disable()
        calls = await put_on(service, case)
        await asyncio.sleep(0.05)
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        # asyncio's own transports end as cycles, uvloop's do not.
        ours = ("proxy", "aiohttp") if isinstance(asyncio.get_running_loop(), asyncio.BaseEventLoop) else ("",)
        left = Counter(type(each).__qualname__ for each in gc.garbage if type(each).__module__.startswith(ours))
        # The clients' process is started by the loop too, which may leave a cycle of its own: not one a call.
        assert left.total() < calls, left.most_common(10)
    finally:
        gc.set_debug(0)
        await service.close()


async def put_on(service: Service, case: Case) -> int:
    """How many calls came back good."""
    clients = await asyncio.create_subprocess_exec(
        *RULER.load, *arguments(case, service.data_url + PATH, ()), stdout=asyncio.subprocess.PIPE
    )
    output, _ = await clients.communicate()
    load = read(output.decode())
    assert not load.failed
    assert load.requests
    return load.requests


@pytest.mark.usefixtures("collecting")
def test_a_cycle_would_be_seen():
    gc.collect()
    gc.set_debug(gc.DEBUG_SAVEALL)
    for _ in range(5):
        _knot()
    gc.collect()
    assert sum(isinstance(each, list) and len(each) == 1 and each[0] is each for each in gc.garbage) == 5


def _knot() -> None:
    knot: list[object] = []
    knot.append(knot)
