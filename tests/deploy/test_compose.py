"""The compose file: as compose itself reads it, and as far as it points at files, ports and settings of this project."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from proxy.config import load

FOLDER = Path(__file__).parents[2] / "deploy"
COMPOSE: dict[str, Any] = yaml.safe_load((FOLDER / "compose.yaml").read_text("utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]


def provisioned(name: str) -> Any:
    return yaml.safe_load((FOLDER / "grafana" / "provisioning" / name).read_text("utf-8"))


def compose_command() -> list[str]:
    if docker := shutil.which("docker"):
        command = [docker, "compose"]
        if subprocess.run([*command, "version"], capture_output=True, check=False).returncode == 0:
            return command
    if old := shutil.which("docker-compose"):
        return [old]
    pytest.skip("needs docker compose: apt-get install docker-compose (no engine is needed)")


def test_compose_can_read_it() -> None:
    done = subprocess.run(
        [*compose_command(), "-f", "compose.yaml", "config", "-q"], cwd=FOLDER, capture_output=True, text=True, timeout=50,
        check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")


def test_all_four_are_there_and_each_is_hardened() -> None:
    assert set(SERVICES) == {"llm-triage", "redis", "prometheus", "grafana"}
    for service in SERVICES.values():
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]


def test_ports_are_open_to_this_machine_only() -> None:
    for service in SERVICES.values():
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ()))


def test_what_is_mounted_exists() -> None:
    for service in SERVICES.values():
        for mount in service.get("volumes", ()):
            source = mount.split(":")[0]
            assert (FOLDER / source).exists() if source.startswith(".") else source in COMPOSE["volumes"]


def test_the_proxy_is_configured_as_the_image_expects() -> None:
    service = SERVICES["llm-triage"]
    image = (FOLDER.parent / "Dockerfile").read_text("utf-8")
    env = dict(re.findall(r"(LLM_TRIAGE_\w+)=(\S+)", image)) | service["environment"] | {"ADMIN_TOKEN": "t0ken"}
    config = load(FOLDER / "proxy.yaml", env=env)
    assert config.store == "redis://redis:6379/0"
    assert {f"127.0.0.1:{port}:{port}" for port in (8080, 8081)} == set(service["ports"])
    assert config.lame_duck + config.drain + 5 <= int(service["stop_grace_period"].removesuffix("s"))


def test_prometheus_scrapes_the_proxy_and_knows_the_alerts() -> None:
    config = yaml.safe_load((FOLDER / "prometheus" / "prometheus.yaml").read_text("utf-8"))
    assert config["scrape_configs"][0]["static_configs"] == [{"targets": ["llm-triage:8081"]}]
    inside = {mount.split(":")[1] for mount in SERVICES["prometheus"]["volumes"]}
    assert set(config["rule_files"]) <= inside
    assert "--config.file=/etc/prometheus/prometheus.yaml" in SERVICES["prometheus"]["command"]


def test_grafana_finds_its_dashboard_and_prometheus() -> None:
    (source,) = provisioned("datasources/prometheus.yaml")["datasources"]
    assert source["url"] == "http://prometheus:9090"
    (provider,) = provisioned("dashboards/llm-triage.yaml")["providers"]
    inside = [mount.split(":")[1] for mount in SERVICES["grafana"]["volumes"]]
    (shown,) = [target for target in inside if target.startswith(provider["options"]["path"])]
    assert SERVICES["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"] == shown
