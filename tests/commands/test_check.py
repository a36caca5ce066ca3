"""`llm-triage check` as a person calls it: what it prints, and its exit code."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
from pathlib import Path

import pytest

from proxy.builtin import config_dir
from proxy.cli import main
from proxy.commands.connect import probe
from proxy.config import Upstream, from_values

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CONFIG", "UPSTREAM", "LISTEN", "ADMIN"):
        monkeypatch.delenv(f"LLM_TRIAGE_{name}", raising=False)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "proxy.yaml"
    path.write_text("upstreams: [{url: https://api.openai.com}]\n")
    return path


def test_the_shipped_configuration_is_good(capsys: pytest.CaptureFixture[str]) -> None:
    path = config_dir() / "proxy.yaml"
    assert main(["check", "--config", str(path)]) == 0
    assert capsys.readouterr().out == f"{path}: good, 1 upstream\n"


def test_mistakes_in_configuration_and_rules_come_together(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rules = file.with_name("own.yaml")
    rules.write_text("rules:\n  - id: own.x\n    wen: {status: 429}\n")
    file.write_text("upstreams: [{url: nowhere}]\nrules: [own.yaml]\nworkers: 0\n")
    assert main(["check", "--config", str(file)]) == 2
    said = capsys.readouterr()
    lines = said.out.splitlines()
    assert lines[0].startswith(f"{file}:1: upstreams[0].url: expected http://")
    assert lines[1].startswith(f"{file}:3: workers: expected a whole number")
    assert all(line.startswith(f"{rules}:") for line in lines[2:])
    assert any('"when"' in line or "'when'" in line for line in lines[2:])
    assert said.err == f"{len(lines)} problems\n"


def test_rules_alone_can_be_wrong(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.with_name("own.yaml").write_text("[")
    file.write_text(file.read_text() + "rules: [own.yaml]\n")
    assert main(["check", "--config", str(file)]) == 2
    assert capsys.readouterr().out.startswith(f"{file.with_name('own.yaml')}:")


OWN_RULES = """
reasons:
  house_limit: {class: rate_limited, advice: "Wait.", meaning: "The house is full."}
rules:
  - id: own.full
    when: {code: house_full}
    then: house_limit
"""
OWN_CASES = """
cases:
  - id: own-full
    source: https://example.com
    answer: {status: 400, body: '{"error": {"code": "house_full"}}'}
    expect: {class: CLASS, rule: own.full}
  - id: own-full-explained
    source: https://example.com
    answer: {status: 200, body: '{"choices": [{"message": {"content": "house_full means wait"}}]}'}
    expect: {class: ok}
"""


def test_the_users_rules_are_held_to_their_cases(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text(file.read_text() + "rules: [own.yaml]\n")
    file.with_name("own.yaml").write_text(OWN_RULES)
    cases = file.with_name("cases") / "own.yaml"
    cases.parent.mkdir()
    cases.write_text(OWN_CASES.replace("CLASS", "rate_limited"))
    assert main(["check", "--config", str(file)]) == 0, capsys.readouterr().out
    said = capsys.readouterr().out
    assert "warning" not in said
    cases.write_text(OWN_CASES.replace("CLASS", "auth"))
    assert main(["check", "--config", str(file)]) == 2
    assert capsys.readouterr().out == f"{cases}:3: case own-full: class: expected auth, got rate_limited\n"


def test_a_users_rule_that_no_case_shows_is_a_warning(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text(file.read_text() + "rules: [own.yaml]\n")
    own = file.with_name("own.yaml")
    own.write_text(OWN_RULES)
    assert main(["check", "--config", str(file)]) == 0
    assert f"{own}:5: warning: rule own.full: no case is decided by it\n" in capsys.readouterr().out


def test_what_may_be_meant_so_is_a_warning(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text(file.read_text() + "rules: [own.yaml]\n")
    own = file.with_name("own.yaml")
    own.write_text("rules:\n  - {id: own.quota, when: {code: insufficient_quota}, then: rate_limit}\n")
    assert main(["check", "--config", str(file)]) == 0
    said = capsys.readouterr().out
    assert f"{own}:2: warning: rule own.quota: contradicts code.insufficient-quota (" in said
    assert "rate_limited here, budget_exhausted there; own.quota is first\n" in said


def test_cases_that_are_none_are_mistakes(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text(file.read_text() + "rules: [own.yaml]\n")
    file.with_name("own.yaml").write_text(OWN_RULES)
    cases = file.with_name("cases") / "own.yaml"
    cases.parent.mkdir()
    cases.write_text("cases: 5\n")
    assert main(["check", "--config", str(file)]) == 2
    assert capsys.readouterr().out == f"{cases}:1: cases: expected a list, each with id, source, answer and expect\n"


def test_a_users_rule_that_can_never_win_is_a_mistake(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text(file.read_text() + "rules: [own.yaml]\n")
    own = file.with_name("own.yaml")
    own.write_text(f"{OWN_RULES}  - {{id: own.late, when: {{code: house_full}}, then: house_limit}}\n")
    assert main(["check", "--config", str(file)]) == 2
    assert capsys.readouterr().out == f"{own}:8: rule own.late: can never win, own.full takes all of it first\n"


def test_warnings_do_not_fail(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text("upstreams: [{url: https://api.openai.com, credential: k}]\n")
    assert main(["check", "--config", str(file)]) == 0
    assert capsys.readouterr().out.startswith(
        f"{file}: warning: upstream api.openai.com: holds a credential without allow"
    )


def test_the_file_may_come_from_the_environment(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert main(["check"]) == 2
    monkeypatch.setenv("LLM_TRIAGE_CONFIG", str(file))
    assert main(["check"]) == 0
    monkeypatch.delenv("LLM_TRIAGE_CONFIG")
    monkeypatch.setenv("LLM_TRIAGE_UPSTREAM", "https://api.openai.com")
    assert main(["check"]) == 0


def test_the_schema_is_printed_without_a_file(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--schema"]) == 0
    told = capsys.readouterr().out
    assert json.loads(told)["properties"]["upstreams"]["type"] == "array"
    assert told == (ROOT / "config" / "proxy.schema.json").read_text("utf-8"), (
        "check --schema > config/proxy.schema.json"
    )


@pytest.mark.parametrize("name", ["config/proxy.yaml", "deploy/proxy.yaml"])
def test_an_editor_finds_the_schema(name: str) -> None:
    file = ROOT / name
    _, marked, schema = file.read_text("utf-8").splitlines()[0].partition("yaml-language-server: $schema=")
    assert marked
    assert (file.parent / schema).resolve() == ROOT / "config" / "proxy.schema.json"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_connect_says_which_upstream_cannot_be_reached(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as up:
        file.write_text(
            f"upstreams: [{{name: up, url: 'http://127.0.0.1:{up.getsockname()[1]}'}}, "
            f"{{name: down, prefix: /down, url: 'http://127.0.0.1:{free_port()}'}}]"
        )
        assert main(["check", "--connect", "--config", str(file)]) == 1
    assert capsys.readouterr().out.splitlines()[1:] == ["upstream up: connected", "upstream down: refused"]


async def _plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(1)
    writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    writer.close()


async def test_each_stage_of_a_connection_is_told_apart() -> None:
    async with await asyncio.start_server(_plain, "127.0.0.1", 0) as plain:
        port = plain.sockets[0].getsockname()[1]
        assert await probe(Upstream(name="a", url=f"http://127.0.0.1:{port}")) is None
        assert await probe(Upstream(name="a", url=f"https://127.0.0.1:{port}")) == "no TLS at this address"
        assert await probe(Upstream(name="a", url="http://nowhere.invalid")) == "its name is not known (DNS)"
        assert await probe(Upstream(name="a", url="http://a", proxy=f"http://127.0.0.1:{port}")) is None
    down = await probe(Upstream(name="a", url="http://a", proxy=f"http://127.0.0.1:{free_port()}"))
    assert down == "the forward proxy: refused"


async def test_an_upstream_that_never_says_hello_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"https://127.0.0.1:{silent.getsockname()[1]}"
        (upstream,) = from_values({"upstreams": [{"url": url}], "timeouts": {"connect": "100ms"}}).upstreams
        assert await probe(upstream) == "no connection within 0.1 s"


async def test_a_certificate_that_is_not_trusted_is_told(tmp_path: Path) -> None:
    certificate = Path(__file__).with_name("untrusted.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    async with await asyncio.start_server(_plain, "127.0.0.1", 0, ssl=context) as server:
        url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        failure = await probe(Upstream(name="a", url=url))
        assert failure is not None
        assert failure.startswith("its certificate is not trusted: ")
        assert await probe(Upstream(name="a", url=url, ca=certificate)) is None
