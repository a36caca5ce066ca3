"""`llm-triage serve`: runs the proxy until it is told to stop, and reloads it when its configuration changes."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Final, Protocol

from proxy.app import Service, rules_of
from proxy.classifier import Rules, RulesError
from proxy.commands.banner import banner
from proxy.config import (
    Config,
    ConfigError,
    Overrides,
    changed_needs_restart,
    file_of,
    fingerprint,
    load,
    reloaded,
    warnings,
)
from proxy.loop import run_loop
from proxy.report import log as logs
from proxy.report.reporter import Reporter
from proxy.report.tracing import is_asked_for
from proxy.store.opened import StoreError

log: Final = logging.getLogger(logs.LOGGER)

WATCH_S: Final = 2.0  # how often a configuration file is looked at; by content, mounted secrets change their links
OPEN_FILES: Final = 65536


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", type=Path, metavar="FILE", help="configuration file (LLM_TRIAGE_CONFIG)")
    parser.add_argument("--upstream", metavar="URL", help="one upstream, no file needed (LLM_TRIAGE_UPSTREAM)")
    parser.add_argument("--listen", metavar="HOST:PORT", help="data port (LLM_TRIAGE_LISTEN)")
    parser.add_argument("--admin", metavar="HOST:PORT", help="metrics, health, status (LLM_TRIAGE_ADMIN)")
    parser.add_argument("--observe", action="store_true", help="tags, metrics and logs only: change nothing")


def run(args: argparse.Namespace) -> int:
    overrides = Overrides(listen=args.listen, admin=args.admin, upstream=args.upstream, observe=args.observe)
    source = Source(args.config, overrides)
    try:
        config = source.load()
        rules = rules_of(config)
    except (ConfigError, RulesError) as error:
        print("\n".join(error.problems), file=sys.stderr)
        return 2
    logs.configure(level=config.log.level, style=config.log.format)
    for warning in warnings(config):
        log.warning("configuration", extra={"facts": {"warning": warning}})
    raise_open_files()
    try:
        service = _service(config, rules)
    except StoreError as problem:
        print(problem, file=sys.stderr)
        return 2
    return run_loop(serve(service, source))


def _service(config: Config, rules: Rules) -> Served:
    if config.workers == 1:
        return Service(config, rules)
    from proxy.workers.parent import Parent  # noqa: PLC0415 - it turns this process's metrics into shared ones

    return Parent(config, rules)


class Served(Protocol):
    """What is started, reloaded, drained and closed here: the proxy in this process, or the parent of several."""

    reporter: Reporter
    data_url: str
    admin_url: str

    @property
    def config(self) -> Config: ...
    async def start(self) -> None: ...
    async def reload(self, config: Config, rules: Rules) -> None: ...
    def stop_ready(self) -> None: ...
    async def drain(self, timeout_s: float) -> None: ...
    async def close(self) -> None: ...


class Source:
    """Where the configuration comes from, so that it can be read again."""

    def __init__(self, path: Path | None, overrides: Overrides) -> None:
        self._path = path
        self._overrides = overrides
        self._seen = ""

    def load(self) -> Config:
        """Raises ConfigError."""
        path = file_of(self._path, os.environ)
        config = load(path, env=os.environ, overrides=self._overrides)
        self._seen = fingerprint(path, config)
        return config

    def has_changed(self, config: Config) -> bool:
        """Whether the file's content is another than when it was looked at last; true once for each content."""
        path = file_of(self._path, os.environ)
        if path is None:
            return False
        now = fingerprint(path, config)
        changed = now != self._seen
        self._seen = now
        return changed


async def serve(service: Served, source: Source) -> int:
    """Runs until SIGTERM or SIGINT, then drains. Exit code 0, or 1 where an address cannot be had."""
    loop = asyncio.get_running_loop()
    stop, reload = asyncio.Event(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    loop.add_signal_handler(signal.SIGHUP, reload.set)
    try:
        await service.start()
    except ChildProcessError as error:
        print(f"cannot start: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"cannot listen: {error.strerror or error}; is the address in use?", file=sys.stderr)
        return 1
    # The first line alone is promised: programs wait for it, people read on.
    print(f"llm-triage listens on {service.data_url}, admin on {service.admin_url}", flush=True)
    traces = is_asked_for(os.environ) and find_spec("opentelemetry") is not None
    print("\n".join(banner(service.config, service.admin_url, traces=traces)), flush=True)
    watcher = asyncio.create_task(_watch(service, source, reload))
    await stop.wait()
    watcher.cancel()
    await wind_down(service, stop)
    await service.close()
    return 0


async def wind_down(service: Served, stop: asyncio.Event) -> None:
    """All goes on for `lame_duck` while `/readyz` fails; then running calls have `drain` to end. A second signal hurries."""
    stop.clear()
    service.stop_ready()
    lame_duck_s, drain_s = service.config.lame_duck, service.config.drain
    hurry = asyncio.create_task(stop.wait())
    if lame_duck_s:
        await asyncio.wait([hurry], timeout=lame_duck_s)
    draining = asyncio.create_task(service.drain(drain_s))
    await asyncio.wait([hurry, draining], return_when=asyncio.FIRST_COMPLETED)
    hurry.cancel()
    draining.cancel()


async def _watch(service: Served, source: Source, reload: asyncio.Event) -> None:
    while True:
        try:
            async with asyncio.timeout(WATCH_S):
                await reload.wait()
        except TimeoutError:
            if not await asyncio.to_thread(source.has_changed, service.config):
                continue
        reload.clear()
        try:
            await _reload(service, source)
        except Exception as fault:  # noqa: BLE001 - a bug in one reload must not end all later ones
            service.reporter.metrics.config_reloaded(accepted=False)
            log.error("reload failed", extra={"facts": {"type": type(fault).__name__}})  # noqa: TRY400


async def _reload(service: Served, source: Source) -> None:
    """A bad file is refused as a whole: the old configuration stays in force.

    Reading takes a tenth of a second, and names are looked up: in a thread, since calls go on meanwhile.
    """
    try:
        asked = await asyncio.to_thread(source.load)
        config = await asyncio.to_thread(reloaded, service.config, asked)
        rules = await asyncio.to_thread(rules_of, config)
    except (ConfigError, RulesError) as error:
        service.reporter.metrics.config_reloaded(accepted=False)
        for problem in error.problems:
            log.error("reload refused", extra={"facts": {"problem": problem}})  # noqa: TRY400 - no bug to trace
        return
    waiting = changed_needs_restart(config, asked)
    await service.reload(config, rules)
    service.reporter.metrics.config_reloaded(accepted=True)
    logs.configure(level=config.log.level, style=config.log.format)
    facts = {"needs_restart": ",".join(waiting)} if waiting else {}
    log.warning("reloaded, but some of it needs a restart", extra={"facts": facts}) if waiting else log.info("reloaded")


def raise_open_files() -> None:
    """Each stream is two connections: the usual soft limit of 1,024 files is soon met."""
    try:
        import resource  # noqa: PLC0415 - not there on Windows
    except ImportError:
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
