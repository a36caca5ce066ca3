"""Whom the load is put on: nothing between, nginx, a bare pass-through, the proxy, and other gateways where they are installed."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final

from bench import process
from bench.cases import CASES, FEW, MANY, WARM_UP

ROOT: Final = Path(__file__).resolve().parent.parent
PATH: Final = "/v1/chat/completions"
READY_S: Final = 60.0
MODELS: Final = sorted({case.model for case in (*CASES, *WARM_UP, FEW, MANY)})


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Where a target is to run."""

    port: int
    upstream: str
    workers: int
    directory: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One way to the provider. `command` gives what starts it; None: nothing stands between."""

    name: str
    command: Callable[[Plan], Sequence[str]] | None
    env: dict[str, str] = field(default_factory=dict)
    headers: Callable[[Plan], tuple[str, ...]] = lambda _: ()
    can_fork: bool = True  # there is a way to run several workers
    version: Callable[[], str] = lambda: ""


@dataclass(slots=True)
class Running:
    """A target that runs."""

    target: Target
    workers: int
    url: str
    headers: tuple[str, ...]
    process: subprocess.Popen[bytes] | None

    @property
    def name(self) -> str:
        return self.target.name

    def pids(self) -> list[int]:
        return [] if self.process is None else process.family(self.process.pid)

    def stop(self) -> None:
        if self.process is None:
            return
        pids = self.pids()
        process.resume(pids)
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        process.kill(pids)  # what it forked and did not end


class NotReadyError(Exception):
    """A target that does not answer."""


def start(target: Target, plan: Plan, cores: set[int]) -> Running:
    """Starts a target on some cores, and waits until it passes a call on. Raises NotReadyError."""
    if target.command is None:
        return Running(target, plan.workers, plan.upstream + PATH, (), None)
    with (plan.directory / f"{target.name}-{plan.workers}.log").open("wb") as output:
        child = spawn(target.command(plan), cores, output=output, env=target.env)
    running = Running(target, plan.workers, f"http://127.0.0.1:{plan.port}{PATH}", target.headers(plan), child)
    until = time.monotonic() + READY_S
    while time.monotonic() < until and child.poll() is None:
        if answers(running.url, running.headers):
            return running
        time.sleep(0.1)
    running.stop()
    raise NotReadyError(target.name)


def spawn(
    command: Sequence[str],
    cores: set[int],
    *,
    output: IO[bytes] | int = subprocess.DEVNULL,
    env: dict[str, str] | None = None,
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command,
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        env={**os.environ, **(env or {})},
        preexec_fn=lambda: os.sched_setaffinity(0, cores),  # noqa: PLW1509 - nothing runs beside that could hold a lock
    )


def answers(url: str, headers: Sequence[str] = ()) -> bool:
    """Whether a call comes back good."""
    body = json.dumps({"model": "json-1024", "messages": [{"role": "user", "content": "?"}]}).encode()
    request = urllib.request.Request(
        url, body, {"Content-Type": "application/json", "Authorization": "Bearer sk-bench"}
    )
    for header in headers:
        name, _, value = header.partition(": ")
        request.add_header(name, value)
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


# -- how each is started


def _nginx(plan: Plan) -> list[str]:
    at = plan.directory
    file = at / f"nginx-{plan.workers}.conf"
    reuse = " reuseport" if plan.workers > 1 else ""
    temporary = "".join(
        f"{kind}_temp_path {at}/nginx;" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    file.write_text(
        f"""daemon off; worker_processes {plan.workers}; worker_rlimit_nofile 16384; pid {file}.pid; error_log {file}.log crit;
        events {{ worker_connections 8192; }}
        http {{
            access_log off; client_max_body_size 0; keepalive_requests 1000000000; {temporary}
            upstream provider {{ server {plan.upstream.removeprefix("http://")}; keepalive 4096; keepalive_requests 1000000000; }}
            server {{
                listen 127.0.0.1:{plan.port} backlog=4096{reuse};
                location / {{
                    proxy_pass http://provider; proxy_http_version 1.1; proxy_set_header Connection "";
                    proxy_buffering off; proxy_request_buffering off;
                }}
            }}
        }}
        """,
    )
    return ["nginx", "-p", str(at), "-c", str(file), "-e", f"{file}.log"]


def _bare(plan: Plan) -> list[str]:
    listen = ["--listen", f"127.0.0.1:{plan.port}", "--workers", str(plan.workers)]
    return [sys.executable, "-m", "bench.bare", *listen, "--upstream", plan.upstream]


def _proxy(plan: Plan) -> list[str]:
    """All settings as they are by default."""
    file = plan.directory / f"proxy-{plan.workers}.yaml"
    file.write_text(
        f"listen: 127.0.0.1:{plan.port}\nadmin: 127.0.0.1:{free_port()}\nworkers: {plan.workers}\n"
        f"upstreams: [{{name: bench, url: '{plan.upstream}', provider: openai}}]\n"
    )
    return [sys.executable, "-m", "proxy", "serve", "--config", str(file)]


def _litellm(plan: Plan) -> list[str]:
    file = plan.directory / "litellm.yaml"
    models = "".join(
        f"  - {{model_name: {name}, litellm_params: {{model: openai/{name}, api_base: {plan.upstream}/v1, api_key: sk}}}}\n"
        for name in MODELS
    )
    file.write_text(f"model_list:\n{models}litellm_settings: {{telemetry: false, num_retries: 0}}\n")
    return ["litellm", "--config", str(file), "--host", "127.0.0.1", "--port", str(plan.port)]


def _portkey(plan: Plan) -> list[str]:
    return [
        "gateway",
        f"--port={plan.port}",
        "--headless",
    ]  # of npm's @portkey-ai/gateway, its node_modules/.bin in PATH


def _portkey_headers(plan: Plan) -> tuple[str, ...]:
    return ("x-portkey-provider: openai", f"x-portkey-custom-host: {plan.upstream}/v1")


def _of_command(*command: str) -> Callable[[], str]:
    def version() -> str:
        told = subprocess.run(command, capture_output=True, text=True, check=False)
        return (told.stdout + told.stderr).strip().splitlines()[0] if told.returncode == 0 else ""

    return version


DIRECT: Final = Target(name="direct", command=None)
NGINX: Final = Target(name="nginx", command=_nginx, version=_of_command("nginx", "-v"))
BARE: Final = Target(name="bare", command=_bare)
PROXY: Final = Target(name="proxy", command=_proxy)
LITELLM: Final = Target(
    name="litellm",
    command=_litellm,
    can_fork=False,
    env={
        "LITELLM_LOG": "ERROR",
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "DISABLE_ADMIN_UI": "True",
        "LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY": "true",  # it does not start without a key of its own
    },
    version=_of_command("litellm", "--version"),
)
# Portkey refuses to call hosts on the own machine unless they are named.
PORTKEY: Final = Target(
    name="portkey",
    command=_portkey,
    headers=_portkey_headers,
    can_fork=False,
    env={"NODE_ENV": "production", "TRUSTED_CUSTOM_HOSTS": "127.0.0.1,localhost"},
)

OTHERS: Final = {"litellm": LITELLM, "portkey": PORTKEY}


def usual() -> list[Target]:
    """Those that are always compared; nginx where it is installed."""
    return [DIRECT, *([NGINX] if shutil.which("nginx") else []), BARE, PROXY]
