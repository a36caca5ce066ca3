"""A real Prometheus scrapes a real admin port: the dashboard's queries have answers, and alerts fire."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import socket
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml
from aiohttp import web

from proxy.admin import AdminSettings, AdminState, build
from proxy.report import Reporter

PROMETHEUS = shutil.which("prometheus")
pytestmark = pytest.mark.skipif(PROMETHEUS is None, reason="needs Prometheus: apt-get install prometheus")


class NoQuarantine:
    async def release(self, turn_id: str) -> bool:
        return False


@pytest.fixture
async def target(reporter: Reporter) -> AsyncIterator[str]:
    state = AdminState(
        settings=lambda: AdminSettings(is_loopback=True), is_draining=lambda: False, scrape=reporter.scrape,
        snapshot=reporter.snapshot, revision=lambda: 0, classify=lambda value, *, explain: {}, quarantine=NoQuarantine(),
    )  # fmt: skip
    runner = web.AppRunner(build(state), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@pytest.fixture
async def prometheus(target: str, deploy: Path, tmp_path: Path) -> AsyncIterator[str]:
    """The deployed configuration, with this target and shorter intervals."""
    config = yaml.safe_load((deploy / "prometheus" / "prometheus.yaml").read_text("utf-8"))
    config["global"] |= {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"}
    for job in config["scrape_configs"]:
        job["static_configs"] = [{"targets": [target]}]
    config["rule_files"] = [str(deploy / "prometheus" / "alerts.yaml")]
    (tmp_path / "prometheus.yaml").write_text(yaml.safe_dump(config))
    url = f"127.0.0.1:{free_port()}"
    assert PROMETHEUS is not None
    process = await asyncio.create_subprocess_exec(
        PROMETHEUS, f"--config.file={tmp_path / 'prometheus.yaml'}", f"--storage.tsdb.path={tmp_path / 'data'}",
        f"--web.listen-address={url}", "--log.level=error", stdout=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    yield f"http://{url}"
    process.terminate()
    await process.wait()


async def ask(prometheus: str, path: str, **query: str) -> Any:
    async with aiohttp.ClientSession() as session, session.get(f"{prometheus}/api/v1/{path}", params=query) as answer:
        told = await answer.json()
        assert told["status"] == "success", told
        return told["data"]


async def until(found: Callable[[], Any], each_time: Callable[[], None]) -> Any:
    """What `found` comes to give, while things go on happening."""
    async with asyncio.timeout(40):
        while True:
            each_time()
            try:
                if result := await found():
                    return result
            except aiohttp.ClientConnectionError:
                pass  # it is starting
            await asyncio.sleep(0.25)


async def test_every_panel_has_data_and_the_alerts_fire(
    prometheus: str, deploy: Path, everything_happens: Callable[[], None]
) -> None:
    async def increases() -> Any:
        return (await ask(prometheus, "query", query="sum(increase(llm_triage_errors_total[1m])) > 0"))["result"]

    await until(increases, everything_happens)
    dashboard = json.loads((deploy / "grafana" / "dashboard.json").read_text("utf-8"))
    for panel in dashboard["panels"]:
        for target in panel.get("targets", ()):
            query = target["expr"].replace("$__rate_interval", "1m")
            query = re.sub(r"\$(upstream|endpoint)", ".*", query)
            assert (await ask(prometheus, "query", query=query))["result"], panel["title"]

    async def firing() -> Any:
        alerts = (await ask(prometheus, "alerts"))["alerts"]
        names = {alert["labels"]["alertname"] for alert in alerts if alert["state"] == "firing"}
        return names >= {"LlmTriageBudgetExhausted", "LlmTriageProxyFault", "LlmTriageReloadRefused"}

    await until(firing, everything_happens)
    rules = (await ask(prometheus, "rules"))["groups"][0]["rules"]
    assert [rule["name"] for rule in rules if rule["health"] != "ok"] == []
