from __future__ import annotations

import gzip
import io
import json
from typing import Any

import pytest

from proxy.admin import AdminSettings

GUARDED = [
    ("GET", "/status"), ("GET", "/status.json"), ("GET", "/status/events"), ("POST", "/classify"),
    ("DELETE", "/quarantine/turn-1"),
]  # fmt: skip


async def test_metrics_are_prometheus_text_unless_openmetrics_is_asked_for(admin: Any) -> None:
    client = await admin()
    plain = await client.get("/metrics")
    assert plain.status == 200
    assert plain.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert 'llm_triage_upstream_up{upstream="openai"} 1.0' in await plain.text()
    rich = await client.get("/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"})
    assert rich.headers["Content-Type"].startswith("application/openmetrics-text; version=1.0.0")
    assert (await rich.text()).endswith("# EOF\n")


async def test_health_and_readiness(admin: Any, rest: Any) -> None:
    client = await admin()
    assert (await client.get("/healthz")).status == 200
    assert (await client.get("/readyz")).status == 200
    rest.is_ready = False
    unready = await client.get("/readyz")
    assert (unready.status, await unready.text()) == (503, "no connections are accepted\n")
    rest.is_draining = True
    assert (await client.get("/healthz")).status == 200
    draining = await client.get("/readyz")
    assert (draining.status, await draining.text()) == (503, "draining\n")


@pytest.mark.parametrize("path", ["/metrics", "/status", "/status.json"])
async def test_what_other_processes_know_is_asked_for_at_each_look(admin: Any, rest: Any, path: str) -> None:
    client = await admin()
    for looks in (1, 2):
        await client.get(path)
        assert rest.refreshed == looks


@pytest.mark.parametrize("path", ["/metrics", "/healthz", "/readyz"])
async def test_machines_need_neither_host_nor_token(admin: Any, rest: Any, path: str) -> None:
    rest.settings = AdminSettings(is_loopback=False, token="t0ken")
    client = await admin()
    assert (await client.get(path, headers={"Host": "triage.internal"})).status == 200


@pytest.mark.parametrize(("method", "path"), GUARDED)
async def test_a_rebound_name_reaches_nothing_guarded(admin: Any, rest: Any, method: str, path: str) -> None:
    rest.turns.add("turn-1")
    client = await admin()
    answer = await client.request(method, path, headers={"Host": "evil.example"}, data=b'{"status": 429}')
    assert answer.status == 421
    assert "admin_hosts" in (await answer.json())["error"]["message"]
    assert rest.turns == {"turn-1"}
    assert rest.classified == []


@pytest.mark.parametrize(("method", "path"), GUARDED)
async def test_beyond_loopback_a_browser_is_asked_for_the_token(admin: Any, rest: Any, method: str, path: str) -> None:
    rest.settings = AdminSettings(is_loopback=False, token="t0ken")
    client = await admin()
    answer = await client.request(method, path)
    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"].startswith("Basic realm=")


async def test_a_reload_can_close_the_port(admin: Any, rest: Any) -> None:
    client = await admin()
    assert (await client.get("/status.json")).status == 200
    rest.settings = AdminSettings(is_loopback=False)
    assert (await client.get("/status.json")).status == 403


async def test_status_json_tells_failures_and_draining(admin: Any, rest: Any) -> None:
    rest.fails(client="cred-0123456789")
    rest.is_draining = True
    client = await admin()
    status = await (await client.get("/status.json")).json()
    assert status["draining"] is True
    assert status["failures_last_hour"]["by_class"] == {"timeout": 1}
    assert status["verdicts"][0]["rule"] == "proxy.first_byte"
    assert status["upstreams"][0]["streak"] == 1


async def test_the_status_page_is_html_under_a_strict_policy(admin: Any) -> None:
    client = await admin()
    answer = await client.get("/status")
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert "unsafe" not in answer.headers["Content-Security-Policy"]
    assert (await client.head("/status")).status == 200


async def test_an_answer_is_classified(admin: Any, rest: Any) -> None:
    client = await admin()
    answer = await client.post("/classify", json={"id": "a", "status": 429})
    assert (answer.status, await answer.json()) == (200, {"id": "a", "class": "rate_limited"})
    explained = await client.post("/classify?explain=1", data=b'{"status": 429}')
    assert (await explained.json())["explain"] == ["because"]
    assert rest.classified == [({"id": "a", "status": 429}, False), ({"status": 429}, True)]


@pytest.mark.parametrize(
    "body", [b"", b"{", b"\xff\xfe", b"[" * 200_000, b"1" * 5000, b'{"status": 429}{}', b"null", b"[]", b"{}"]
)
async def test_what_is_no_answer_is_refused_with_a_sentence(admin: Any, body: bytes) -> None:
    client = await admin()
    answer = await client.post("/classify", data=body)
    assert answer.status == 400
    assert "object with status" in (await answer.json())["error"]["message"]


async def test_a_body_beyond_the_limit_is_refused(admin: Any) -> None:
    client = await admin()
    answer = await client.post("/classify", data=io.BytesIO(b"x" * ((1 << 20) + 1)))
    assert answer.status == 413
    assert "1 MiB" in (await answer.json())["error"]["message"]


async def test_a_body_that_inflates_beyond_the_limit_is_refused(admin: Any) -> None:
    client = await admin()
    bomb = gzip.compress(b"x" * (20 << 20))
    answer = await client.post("/classify", data=io.BytesIO(bomb), headers={"Content-Encoding": "gzip"})
    assert answer.status == 413


async def test_our_own_fault_tells_nothing_of_what_was_sent(admin: Any, caplog: pytest.LogCaptureFixture) -> None:
    client = await admin()
    answer = await client.post("/classify", data=b'{"status": "bug"}')
    assert answer.status == 500
    assert "sk-secret" not in await answer.text()
    (record,) = [record for record in caplog.records if record.name == "llm_triage"]
    assert record.facts == {"path": "/classify"}  # type: ignore[attr-defined]


async def test_a_turn_is_released_once(admin: Any, rest: Any) -> None:
    rest.turns.add("turn-1")
    client = await admin()
    assert (await client.delete("/quarantine/turn-1")).status == 204
    gone = await client.delete("/quarantine/turn-1")
    assert gone.status == 404
    assert "quarantine" in (await gone.json())["error"]["message"]


async def test_every_guarded_path_is_under_test(admin: Any) -> None:
    client = await admin()
    open_paths = {"/metrics", "/healthz", "/readyz"}
    guarded = {
        route.resource.canonical for route in client.server.app.router.routes() if route.resource is not None
    } - open_paths
    assert guarded == {path.replace("turn-1", "{id}") for _, path in GUARDED}


async def test_the_shape_of_status_json_is_json(admin: Any, rest: Any) -> None:
    rest.fails(path="/x\u202e\x00\udce9")
    client = await admin()
    text = await (await client.get("/status.json")).text()
    assert json.loads(text)["verdicts"][0]["path"] == "/x\u202e\x00\udce9"
