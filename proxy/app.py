"""A running proxy: data port, admin port and upstream connections, opened and closed in pairs."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from proxy import admin, collector
from proxy.admin.port import Port, open_port
from proxy.classifier import OWN_REASONS, Rules, load_rules
from proxy.classifier.api import NotAnAnswerError, classify_json
from proxy.config import Config
from proxy.handler import Begin, Proxy
from proxy.report.log import log
from proxy.report.metrics import Metrics, Words
from proxy.report.reporter import Reporter, ReportSettings
from proxy.report.tracing import open_tracing
from proxy.server import Listener
from proxy.session.quarantine import Quarantine
from proxy.session.replays import Replays
from proxy.session.turn import Fault
from proxy.setup import Setup, set_up
from proxy.store.opened import open_store
from proxy.version import VERSION
from proxy.way.amend import Threads
from proxy.way.gate import Gate
from proxy.way.kept import Again

if TYPE_CHECKING:
    from proxy.report.otel import Tracing

TICK_S: Final = 1.0  # how often outages are settled when nothing else happens


class Service:
    """One process's proxy. `start` it, `reload` it, `drain` it, `close` it."""

    def __init__(self, config: Config, rules: Rules) -> None:
        self._config = config
        self._rules = rules
        self._words = words_of(config, rules)
        self.store = open_store(config.store, _store_changed, most={"turn": config.quarantine.max_turns})
        self._quarantine = Quarantine(self.store, config.quarantine.ttl, time.time)
        self._threads = Threads(self._quarantine, replays_of(config))
        self.reporter = Reporter(
            report_settings(config),
            Metrics(self._words, version=VERSION),
            quarantined_turns=lambda: len(self._quarantine),
            claims=self.store,
        )
        self._proxy: Proxy | None = None
        self._listener: Listener | None = None
        self._admin: Port | None = None
        self._tracing: Tracing | None = None
        self._tick: asyncio.Task[None] | None = None
        self._closing: set[asyncio.Task[None]] = set()
        self._stopping = False
        self.data_url = ""
        self.admin_url = ""

    async def start(self, *, is_worker: bool = False) -> None:
        """Accepts connections on both ports. Raises OSError where an address cannot be had.

        A worker shares the data port with others, and has no admin port.
        """
        config = self._config
        self._tracing = open_tracing()
        begin = _traced(self._tracing)
        self._proxy = Proxy(set_up(config, self._rules), self.reporter, self._threads, Gate(self.store), begin)
        self._listener = Listener(
            self._proxy.handle,
            refuse=self._proxy.refuse_raw,
            head_bytes=config.limits.head_bytes,
            head_timeout_s=config.timeouts.head,
        )
        try:
            host, port = await self._listener.start(config.listen.host, config.listen.port, reuse_port=is_worker)
            self.data_url = url_of(host, port)
            if not is_worker:
                self._admin = await open_port(admin.build(self.admin_state()), config.admin)
                self.admin_url = url_of(self._admin.host, self._admin.port)
        except BaseException:
            await self.close()
            raise
        self._tick = asyncio.create_task(self._ticking())
        collector.settle()

    async def reload(self, config: Config, rules: Rules) -> None:
        """Puts a new configuration in force for calls that begin from now on."""
        assert self._proxy is not None
        old, new = self._proxy.setup, set_up(config, rules)
        self._config, self._rules = config, rules
        self._proxy.setup = new
        self._proxy.held.limit = config.limits.held_bytes
        self.store.limit("turn", config.quarantine.max_turns)
        self._quarantine.ttl_s = config.quarantine.ttl
        self._threads.replays.follow(replays_of(config))
        if self._listener is not None:
            self._listener.reload(head_bytes=config.limits.head_bytes, head_timeout_s=config.timeouts.head)
        self._words = words_of(config, rules)
        self.reporter.reload(report_settings(config), self._words)
        self._retire(old)

    def _retire(self, setup: Setup) -> None:
        setup.retired = True
        task = asyncio.create_task(setup.close_if_idle())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    @property
    def config(self) -> Config:
        """The configuration in force."""
        return self._config

    def stop_ready(self) -> None:
        """From here on `/readyz` fails, so that nobody sends new clients; all else goes on."""
        self._stopping = True

    async def drain(self, timeout_s: float) -> None:
        """Refuses new calls and waits for running ones, `timeout_s` at most."""
        assert self._proxy is not None
        self._stopping = True
        self._proxy.drain()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._proxy.all_ended()

    async def close(self) -> None:
        if self._tick is not None:
            self._tick.cancel()
        if self._listener is not None:
            await self._listener.stop()
        if self._admin is not None:
            await self._admin.close()
        if self._proxy is not None:
            for route in self._proxy.setup.routes.all:
                await route.client.close()
        await self.store.close()
        if self._tracing is not None:
            await self._tracing.close()
        if self._closing:
            await asyncio.gather(*self._closing, return_exceptions=True)

    async def _ticking(self) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            self.reporter.flush()

    def admin_state(self) -> admin.AdminState:
        """What the admin port needs to know; a worker's is asked for by its parent."""
        return admin.AdminState(
            settings=lambda: admin_settings(self._config),
            is_draining=lambda: self._stopping,
            scrape=self.reporter.scrape,
            snapshot=self.reporter.snapshot,
            revision=lambda: self.reporter.status.revision,
            classify=lambda value, *, explain: classified(value, self._rules, explain=explain),
            quarantine=self._quarantine,
            turns=self._quarantine.turns,
        )


def _traced(tracing: Tracing | None) -> Begin | None:
    if tracing is None:
        return None
    from proxy.traced import traced  # noqa: PLC0415 - needs what only the extra brings

    return traced(tracing)


def _store_changed(failure: str | None) -> None:
    """A shared store went away, or is back. Each process goes on with what it knows meanwhile."""
    if failure is None:
        log.info("store is back")
    else:
        log.warning("store is away, each process goes on alone", extra={"facts": {"type": failure}})


def admin_settings(config: Config) -> admin.AdminSettings:
    return admin.AdminSettings(
        is_loopback=config.admin.is_loopback,
        token=config.admin_token.get_secret_value(),
        hosts=frozenset(config.admin_hosts),
    )


def classified(value: object, rules: Rules, *, explain: bool) -> Mapping[str, object]:
    try:
        return classify_json(value, rules, now=time.time(), explain=explain)
    except NotAnAnswerError as error:
        raise admin.NotAnAnswerError(str(error)) from None


def replays_of(config: Config) -> Replays[Again]:
    quarantine = config.quarantine
    return Replays(replays=quarantine.replays, hold_s=quarantine.hold, ttl_s=quarantine.ttl)


def rules_of(config: Config) -> Rules:
    """The built-in rules and the configuration's own. Raises RulesError with every problem."""
    return load_rules([Path(path) for path in config.rules])


def report_settings(config: Config) -> ReportSettings:
    return ReportSettings(
        upstreams=tuple(upstream.name for upstream in config.upstreams),
        observed=frozenset(upstream.name for upstream in config.upstreams if upstream.mode == "observe"),
        outage_threshold=config.outage.threshold,
        outage_clear_s=config.outage.clear,
        log_good_calls=config.log.calls == "all",
    )


def words_of(config: Config, rules: Rules) -> Words:
    return Words(
        upstreams=frozenset(upstream.name for upstream in config.upstreams),
        reasons=frozenset(rules.reasons) | frozenset(OWN_REASONS),
        faults=frozenset(Fault),
    )


def url_of(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
