"""The manifests against Kubernetes' own schemas (shipped offline by kubernetes-validate), and what they promise."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from proxy.config import load
from proxy.version import VERSION

FOLDER = Path(__file__).parents[2] / "deploy" / "kubernetes"
FILES = sorted(FOLDER.glob("*.yaml"))


def documents(path: Path) -> list[dict[str, Any]]:
    return [document for document in yaml.safe_load_all(path.read_text("utf-8")) if document]


def of_kind(path: Path, kind: str) -> dict[str, Any]:
    (found,) = [document for document in documents(path) if document["kind"] == kind]
    return found


def pod(path: Path) -> dict[str, Any]:
    spec: dict[str, Any] = of_kind(path, "Deployment")["spec"]["template"]["spec"]
    return spec


def triage(path: Path) -> dict[str, Any]:
    containers: list[dict[str, Any]] = [*pod(path).get("initContainers", []), *pod(path)["containers"]]
    (found,) = [container for container in containers if container["name"] == "llm-triage"]
    return found


@pytest.fixture(params=FILES, ids=lambda path: path.name)
def path(request: pytest.FixtureRequest) -> Path:
    found = request.param
    assert isinstance(found, Path)
    return found


def test_both_ways_to_deploy_are_there() -> None:
    assert [path.name for path in FILES] == ["shared.yaml", "sidecar.yaml"]


@pytest.mark.parametrize("version", ["1.33.0", "latest"])
def test_the_schemas_of_kubernetes_allow_it(path: Path, version: str) -> None:
    validate = pytest.importorskip("kubernetes_validate", reason="needs the package kubernetes-validate")
    wanted = validate.latest_version() if version == "latest" else version
    for document in documents(path):
        validate.validate(document, wanted, strict=True)


def test_a_mistyped_key_would_be_found(path: Path) -> None:
    validate = pytest.importorskip("kubernetes_validate", reason="needs the package kubernetes-validate")
    document = of_kind(path, "Deployment")
    document["spec"]["template"]["spec"]["terminationGracePeriod"] = 60
    with pytest.raises(validate.ValidationError):
        validate.validate(document, validate.latest_version(), strict=True)


def test_nothing_runs_as_root_or_writes_its_root_or_holds_a_token(path: Path) -> None:
    spec = pod(path)
    assert spec["automountServiceAccountToken"] is False
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["runAsUser"] == 10001
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    for container in [*spec.get("initContainers", []), *spec["containers"]]:
        security = container["securityContext"]
        assert security["readOnlyRootFilesystem"] is True
        assert security["allowPrivilegeEscalation"] is False
        assert security["capabilities"] == {"drop": ["ALL"]}
        assert container["resources"]["limits"]["memory"]
        assert container["resources"]["requests"]["cpu"]


def test_the_user_is_the_images(path: Path) -> None:
    image = (FOLDER.parents[1] / "Dockerfile").read_text("utf-8")
    assert f"USER {pod(path)['securityContext']['runAsUser']}:" in image


def test_probes_ask_the_admin_port(path: Path) -> None:
    container = triage(path)
    admin = {port["containerPort"]: port["name"] for port in container["ports"]}[8081]
    probes = {name: container[name]["httpGet"] for name in ("startupProbe", "livenessProbe", "readinessProbe")}
    assert {probe["port"] for probe in probes.values()} == {admin}
    assert [probe["path"] for probe in probes.values()] == ["/healthz", "/healthz", "/readyz"]


def test_its_configuration_is_one_and_ends_before_it_is_killed(path: Path, tmp_path: Path) -> None:
    file = tmp_path / "proxy.yaml"
    file.write_text(of_kind(path, "ConfigMap")["data"]["proxy.yaml"])
    container = triage(path)
    env = {one["name"]: one["value"] for one in container["env"]}
    config = load(file, env=env)
    assert container["args"] == ["serve", "--config", "/etc/llm-triage/proxy.yaml"]
    pre_stop_s = container["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert pre_stop_s + config.lame_duck + config.drain + 5 <= pod(path)["terminationGracePeriodSeconds"]
    assert config.admin.port == 8081
    assert not config.admin.is_loopback


def test_a_sidecar_is_reached_from_its_pod_only(tmp_path: Path) -> None:
    path = FOLDER / "sidecar.yaml"
    container = triage(path)
    assert {"name": "LLM_TRIAGE_LISTEN", "value": "127.0.0.1:8080"} in container["env"]
    assert container["restartPolicy"] == "Always"
    assert container in pod(path)["initContainers"]


def test_the_network_policy_opens_ports_that_there_are_and_no_more(path: Path) -> None:
    policy = of_kind(path, "NetworkPolicy")["spec"]
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    assert policy["podSelector"] == of_kind(path, "Deployment")["spec"]["selector"]
    opened = {port["port"] for rule in policy["ingress"] for port in rule["ports"]}
    assert opened <= {port["name"] for port in triage(path)["ports"]}
    assert all(rule.get("from") for rule in policy["ingress"])
    outside = [to["ipBlock"] for rule in policy["egress"] for to in rule["to"] if "ipBlock" in to]
    assert all("169.254.0.0/16" in block["except"] for block in outside)


def test_what_selects_finds(path: Path) -> None:
    labels = of_kind(path, "Deployment")["spec"]["template"]["metadata"]["labels"]
    for document in documents(path):
        selector = document.get("spec", {}).get("selector")
        if selector:
            assert selector.get("matchLabels", selector).items() <= labels.items()


def test_the_image_is_this_version(path: Path) -> None:
    assert triage(path)["image"].endswith(f"/llm-triage:{VERSION}")
