"""Two workers as people run them: `llm-triage serve` with `workers: 2`, real processes and signals."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from tests.wire import OK, Connection, Request, Upstream, upstream
from tests.workers.conftest import Proxy, Start, lives, until, write

REFUSED = b"HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"


@contextlib.asynccontextmanager
async def gated(gate: asyncio.Event) -> AsyncIterator[Upstream]:
    """Answers once the gate is open; what comes to /v1/embeddings is refused at once."""

    async def script(connection: Connection, request: Request) -> None:
        if request.target == b"/v1/embeddings":
            await connection.send(REFUSED)
            return
        await gate.wait()
        await connection.send(OK)

    async with upstream(script) as server:
        yield server


async def inflight(proxy: Proxy, count: int) -> list[int]:
    """Waits until so many calls are under way, and tells how they are spread."""

    async def look() -> list[int] | None:
        status = await proxy.status()
        spread = [worker["inflight"] for worker in status["workers"] if "inflight" in worker]
        return spread if sum(spread) == status["inflight"] == count else None

    found: list[int] = await until(look)
    return found


async def ready(proxy: Proxy) -> list[int]:
    """Waits until every place is filled, and tells by whom."""

    async def look() -> list[int] | None:
        workers = await proxy.workers()
        return [w["pid"] for w in workers] if all(w["state"] == "ready" for w in workers) else None

    found: list[int] = await until(look)
    return found


async def test_both_serve_and_what_they_count_adds_up(start: Start) -> None:
    gate = asyncio.Event()
    async with gated(gate) as server, start(server.url) as proxy:
        assert await proxy.get("/readyz") == (200, "ready\n")
        assert await proxy.get("/healthz") == (200, "ok\n")
        calls = [asyncio.create_task(proxy.call()) for _ in range(30)]
        spread = await inflight(proxy, 30)
        assert all(spread), "the kernel gave every connection to one worker"
        assert await proxy.metric("inflight_requests") == 30
        gate.set()
        assert [status for status, _ in await asyncio.gather(*calls)] == [200] * 30
        refused = await asyncio.gather(*(proxy.call("/v1/embeddings") for _ in range(12)))
        assert [status for status, _ in refused] == [400] * 12

        async def all_counted() -> bool:
            return await proxy.metric("requests_total") == 42

        await until(all_counted)
        assert await proxy.metric("requests_total", outcome="ok", endpoint="chat_completions") == 30
        assert await proxy.metric("errors_total", upstream="up", error_class="bad_request") == 12
        assert await proxy.metric("request_duration_seconds_count") == 42
        assert await proxy.metric("request_duration_seconds_bucket", le="+Inf") == 42
        assert await proxy.metric("inflight_requests") == 0
        assert await proxy.metric("build_info") == 1
        assert await proxy.metric("upstream_up", upstream="up") == 1
        status = await proxy.status()
        assert status["failures_last_hour"]["by_class"] == {"bad_request": 12}
        assert len({verdict["call_id"] for verdict in status["verdicts"]}) == 12
        assert (await proxy.get("/status"))[0] == 200


async def test_the_admin_port_answers_for_all(start: Start) -> None:
    gate = asyncio.Event()
    async with gated(gate) as server, start(server.url) as proxy:
        answer = {"provider": "openai", "status": 429, "body": '{"error": {"code": "insufficient_quota"}}'}
        async with proxy.http.post(proxy.admin + "/classify", json=answer) as verdict:
            assert (await verdict.json())["class"] == "budget_exhausted"
        async with proxy.http.delete(proxy.admin + f"/quarantine/{'0' * 32}") as released:
            assert released.status == 404
        async with proxy.http.get(proxy.admin + "/status/events") as events:
            assert await total_in_next(events) == 0
            await proxy.call("/v1/embeddings")
            assert await until(lambda: total_in_next(events)) == 1


async def total_in_next(events: aiohttp.ClientResponse) -> int:
    while not (line := await events.content.readline()).startswith(b"data: "):
        assert line, "the events ended"
    total: int = json.loads(line[6:])["failures_last_hour"]["total"]
    return total


async def test_a_worker_that_dies_is_replaced_and_only_its_calls_are_lost(start: Start) -> None:
    gate = asyncio.Event()
    async with gated(gate) as server, start(server.url) as proxy:
        before = await ready(proxy)
        gate.set()
        assert (await proxy.call())[0] == 200
        gate.clear()
        calls = [asyncio.create_task(proxy.call()) for _ in range(30)]
        spread = await inflight(proxy, 30)
        os.kill(before[0], signal.SIGKILL)
        await proxy.said("worker died")
        gate.set()
        ended = await asyncio.gather(*calls, return_exceptions=True)
        assert sum(isinstance(end, BaseException) for end in ended) == spread[0]
        assert [end[0] for end in ended if not isinstance(end, BaseException)] == [200] * spread[1]

        async def replaced() -> bool:
            workers = await proxy.workers()
            return (workers[0]["replaced"], workers[0]["state"]) == (1, "ready")

        await until(replaced)
        after = await ready(proxy)
        assert after[0] != before[0]
        assert after[1] == before[1]
        assert [status for status, _ in await asyncio.gather(*(proxy.call() for _ in range(20)))] == [200] * 20
        assert await proxy.metric("inflight_requests") == 0, "what a dead worker had in flight is gone with it"
        [line] = [line for line in proxy.lines if "worker died" in line]
        assert "ERROR" in line
        assert f"pid={before[0]} end=SIGKILL" in line


async def test_a_running_call_ends_while_new_ones_are_turned_away(start: Start) -> None:
    gate = asyncio.Event()
    async with gated(gate) as server, start(server.url, drain="20s") as proxy:
        pids = await ready(proxy)
        running = asyncio.create_task(proxy.call())
        await inflight(proxy, 1)
        proxy.signal(signal.SIGTERM)

        async def turned_away() -> bool:
            return await proxy.call("/v1/embeddings") == (503, "draining")

        await until(turned_away)
        assert await asyncio.gather(*(turned_away() for _ in range(20))) == [True] * 20, "some worker does not drain"
        assert await proxy.get("/readyz") == (503, "draining\n")
        assert not running.done()
        gate.set()
        assert (await running)[0] == 200
        assert await proxy.ended() == 0
        assert not any(map(lives, pids))
        assert not directories(proxy.pid)
        assert not any("worker died" in line for line in proxy.lines)


async def test_while_it_is_a_lame_duck_all_goes_on_and_a_second_signal_hurries(start: Start) -> None:
    gate = asyncio.Event()
    gate.set()
    async with gated(gate) as server, start(server.url, lame_duck="60s") as proxy:
        pids = await ready(proxy)
        proxy.signal(signal.SIGTERM)

        async def unready() -> bool:
            return await proxy.get("/readyz") == (503, "draining\n")

        await until(unready)
        assert (await proxy.call())[0] == 200
        for pid in pids:
            os.kill(pid, signal.SIGTERM)  # as a service manager does that signals every process of a service
        assert (await proxy.call())[0] == 200
        proxy.signal(signal.SIGINT)
        assert await proxy.ended() == 0
        assert not any(map(lives, pids))


async def test_a_reload_reaches_every_worker_and_a_bad_file_none(start: Start) -> None:
    gate = asyncio.Event()
    gate.set()
    async with gated(gate) as first, gated(gate) as second, start(first.url) as proxy:
        before = await ready(proxy)
        write(proxy.config, second.url)
        proxy.signal(signal.SIGHUP)
        await proxy.said("INFO reloaded")
        await asyncio.gather(*(proxy.call() for _ in range(20)))
        assert (len(first.requests), len(second.requests)) == (0, 20)
        assert await ready(proxy) == before
        assert await proxy.metric("config_reloads_total", result="ok") == 1

        proxy.config.write_text("upstreams: [{url: nowhere}]\n")
        proxy.signal(signal.SIGHUP)
        await proxy.said("reload refused")
        assert await proxy.metric("config_reloads_total", result="refused") == 1
        os.kill(before[1], signal.SIGKILL)
        await proxy.said("worker died")
        await ready(proxy)
        await asyncio.gather(*(proxy.call() for _ in range(20)))
        assert len(second.requests) == 40, "a replacement serves what is in force, not what stands in the file"


IMPATIENT = """
import proxy.workers.parent, proxy.workers.worker
proxy.workers.parent.LOOK_S = proxy.workers.parent.RELOAD_S = proxy.workers.parent.DRAIN_MORE_S = 0.3
proxy.workers.worker.CLOSE_S = 0.3
"""


async def test_a_worker_that_hangs_delays_nobody_and_is_replaced_where_it_does_not_reload(start: Start) -> None:
    gate = asyncio.Event()
    gate.set()
    async with gated(gate) as server, start(server.url, first=IMPATIENT, drain="0s") as proxy:
        before = await ready(proxy)
        await proxy.call("/v1/embeddings")
        assert (await proxy.status())["failures_last_hour"]["total"] == 1
        os.kill(before[0], signal.SIGSTOP)
        assert (await proxy.status())["failures_last_hour"]["total"] == 1, "what it last told is shown still"
        write(proxy.config, server.url, drain="0s", log={"level": "debug"})
        proxy.signal(signal.SIGHUP)
        await proxy.said(f"worker did not reload worker=0 pid={before[0]}")
        await proxy.said(f"pid={before[0]} end=SIGKILL")
        after = await ready(proxy)
        assert after[0] != before[0]
        assert after[1] == before[1]
        os.kill(after[1], signal.SIGSTOP)
        proxy.signal(signal.SIGTERM)
        assert await proxy.ended() == 0
        assert not any(map(lives, after))


NO_PROCESS_ONCE = """
import subprocess
class Popen(subprocess.Popen):
    started = 0
    def __init__(self, *words, **options):
        Popen.started += 1
        if Popen.started == 3:
            raise BlockingIOError(11, "Resource temporarily unavailable")
        super().__init__(*words, **options)
subprocess.Popen = Popen
"""


async def test_a_place_is_filled_though_the_system_refuses_a_process_for_a_while(start: Start) -> None:
    gate = asyncio.Event()
    gate.set()
    async with gated(gate) as server, start(server.url, first=NO_PROCESS_ONCE) as proxy:
        before = await ready(proxy)
        os.kill(before[1], signal.SIGKILL)
        await proxy.said('worker died worker=1 pid=0 end="could not be started"')
        after = await ready(proxy)
        assert after[0] == before[0]
        assert after[1] not in before
        assert (await proxy.workers())[1]["replaced"] == 2


async def test_nothing_is_left_of_a_parent_that_was_killed(start: Start) -> None:
    gate = asyncio.Event()
    async with gated(gate) as server, start(server.url) as proxy:
        pids = await ready(proxy)
        running = asyncio.create_task(proxy.call())
        await inflight(proxy, 1)
        assert directories(proxy.pid)
        proxy.signal(signal.SIGKILL)
        with pytest.raises(aiohttp.ClientError):
            await running

        async def gone() -> bool:
            return not any(map(lives, pids)) and not directories(proxy.pid)

        await until(gone)


async def test_an_address_is_not_shared_with_another_proxy(start: Start, tmp_path: Path) -> None:
    gate = asyncio.Event()
    async with gated(gate) as server, start(server.url) as proxy:
        other = tmp_path / "other.yaml"
        write(other, server.url, listen=proxy.url.removeprefix("http://"))
        done = await asyncio.to_thread(serve, "-m", "proxy", "serve", "--config", str(other))
    assert done.returncode == 1
    assert "in use" in done.stderr
    assert "Traceback" not in done.stderr


def test_workers_that_do_not_come_to_serve_end_the_start(tmp_path: Path) -> None:
    write(tmp_path / "proxy.yaml", "http://127.0.0.1:9")
    words = ["serve", "--config", str(tmp_path / "proxy.yaml")]
    broken = f"import sys; sys.executable = '/bin/false'; from proxy.cli import main; sys.exit(main({words!r}))"
    done = serve("-c", broken)
    assert done.returncode == 1
    assert "cannot start" in done.stderr
    assert "Traceback" not in done.stderr


def serve(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *words], capture_output=True, text=True, timeout=60, check=False)


def directories(pid: int) -> list[Path]:
    """Of the metrics that this parent shares with its children."""
    return [found for root in ("/dev/shm", "/tmp") for found in Path(root).glob(f"llm-triage-{pid}-*")]
