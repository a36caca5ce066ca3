"""The parent of N children: to whoever runs it, it is a `Service`.

It carries no call. It holds the port that the children share, answers the admin port for all of them, and fills the
place of a child that died. Its children run on the configuration that it has checked, whatever stands in the file now.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Final

from proxy import admin
from proxy.admin.port import Port, open_port
from proxy.app import admin_settings, classified, report_settings, url_of, words_of
from proxy.classifier import Rules
from proxy.config import Config
from proxy.report.log import log
from proxy.report.metrics import Metrics
from proxy.report.reporter import Reporter
from proxy.store.opened import open_store
from proxy.version import VERSION
from proxy.workers import shared
from proxy.workers.merge import merge
from proxy.workers.pace import Pace
from proxy.workers.pipe import GoneError, Verb
from proxy.workers.reserve import Reserved, reserve
from proxy.workers.worker import Worker, begin

START_S: Final = 60.0
RELOAD_S: Final = 30.0
LOOK_S: Final = 2.0  # a child that is busy for longer is shown as it was when it last answered
DRAIN_MORE_S: Final = 1.0  # for the answer that the drain is over

_NO_ANSWER: Final = (GoneError, TimeoutError)


class State(StrEnum):
    """Of a place, as the status tells it."""

    STARTING = "starting"
    READY = "ready"
    DEAD = "dead"


@dataclass(slots=True)
class Place:
    """One of the N, whoever fills it."""

    number: int
    state: State = State.STARTING
    worker: Worker | None = None
    replaced: int = 0
    pace: Pace = field(default_factory=Pace)
    snapshot: Mapping[str, Any] | None = None  # the latest

    @property
    def name(self) -> str:
        return str(self.number)

    def shown(self) -> dict[str, object]:
        shown: dict[str, object] = {"number": self.number, "state": str(self.state), "replaced": self.replaced}
        if self.worker is not None:
            shown["pid"] = self.worker.pid
        if self.snapshot is not None:
            shown["inflight"] = self.snapshot["inflight"]
        return shown


class Parent:
    def __init__(self, config: Config, rules: Rules) -> None:
        self._config = config
        self._rules = rules
        open_store(config.store)  # which is the children's, only to hear now of one that none of them could have
        self._directory = shared.make_directory()
        shared.join(self._directory, "parent")
        self.reporter = Reporter(report_settings(config), Metrics(words_of(config, rules), version=VERSION))
        self._places = [Place(number) for number in range(config.workers)]
        self._keepers: list[asyncio.Task[None]] = []
        self._reserved: Reserved | None = None
        self._admin: Port | None = None
        self._stopping = False
        self._draining = False
        self._news = 0
        self.data_url = ""
        self.admin_url = ""

    @property
    def config(self) -> Config:
        """The configuration in force."""
        return self._config

    async def start(self) -> None:
        """Returns once every child accepts connections.

        Raises OSError where an address cannot be had, and ChildProcessError where a child does not come to serve.
        """
        try:
            self._reserved = reserve(self._config.listen)
            self.data_url = url_of(self._reserved.host, self._reserved.address.port)
            self._admin = await open_port(admin.build(self._admin_state()), self._config.admin)
            self.admin_url = url_of(self._admin.host, self._admin.port)
            filled = await asyncio.gather(*(self._fill(place) for place in self._places), return_exceptions=True)
            for problem in filled:
                if problem is not None:
                    raise problem
        except BaseException:
            await self.close()
            raise
        self._keepers = [asyncio.create_task(self._keep(place)) for place in self._places]

    async def reload(self, config: Config, rules: Rules) -> None:
        """Returns once every child has it in force."""
        self._config, self._rules = config, rules
        self.reporter.reload(report_settings(config), words_of(config, rules))
        await asyncio.gather(*(self._reload(place) for place in self._places))

    def stop_ready(self) -> None:
        """From here on `/readyz` fails; all else goes on, replacements too."""
        self._stopping = True

    async def drain(self, timeout_s: float) -> None:
        """Every child refuses new calls, and has `timeout_s` to end those that run."""
        self._stopping = self._draining = True
        await self._ask_all(Verb.DRAIN, timeout_s, timeout_s=timeout_s + DRAIN_MORE_S)

    async def close(self) -> None:
        self._draining = True
        for keeper in self._keepers:
            keeper.cancel()
        workers = [place.worker for place in self._places if place.worker is not None]
        for worker in workers:
            worker.close()
        await asyncio.gather(*(worker.ended() for worker in workers))
        if self._admin is not None:
            await self._admin.close()
        if self._reserved is not None:
            self._reserved.release()
        shared.remove(self._directory)

    # -- the places

    async def _fill(self, place: Place) -> None:
        """A child that serves. Raises OSError where there is none to be had, ChildProcessError where it does not serve."""
        self._turn(place, State.STARTING)
        worker = place.worker = await begin(place.name, self._directory, self._told)
        if self._draining:  # since it was asked for
            worker.kill()
        try:
            await worker.ask(Verb.SERVE, self._orders(), timeout_s=START_S)
        except _NO_ANSWER:
            worker.kill()
            raise ChildProcessError("a worker did not come to accept connections; the log says why") from None
        self._turn(place, State.READY)

    async def _keep(self, place: Place) -> None:
        """Replaces whoever dies, until the end."""
        while True:
            how, pid, lived_s = "could not be started", 0, 0.0
            if (worker := place.worker) is not None:
                how, pid, lived_s = await worker.ended(), worker.pid, worker.lived_s
                place.worker = place.snapshot = None
                shared.leave(self._directory, place.name)
            self._turn(place, State.DEAD)
            if self._draining:
                return
            pause_s = place.pace.pause_s(lived_s)
            facts = {"worker": place.number, "pid": pid, "end": how, "next_in_s": pause_s}
            log.error("worker died", extra={"facts": facts})
            await asyncio.sleep(pause_s)
            place.replaced += 1
            with contextlib.suppress(OSError):  # no process, or one that does not serve: as if it had died
                await self._fill(place)

    async def _reload(self, place: Place) -> None:
        """A child that does not take it is replaced: it must not go on with what is no longer in force."""
        if (worker := place.worker) is None:
            return
        try:
            await worker.ask(Verb.RELOAD, self._orders(), timeout_s=RELOAD_S)
        except _NO_ANSWER:
            log.error("worker did not reload", extra={"facts": {"worker": place.number, "pid": worker.pid}})
            drain_s = self._config.drain
            with contextlib.suppress(*_NO_ANSWER):
                await worker.ask(Verb.DRAIN, drain_s, timeout_s=drain_s + DRAIN_MORE_S)
            worker.close()

    def _orders(self) -> tuple[Config, Rules]:
        """With the port that was got, where any was asked for."""
        assert self._reserved is not None
        return replace(self._config, listen=self._reserved.address), self._rules

    def _turn(self, place: Place, state: State) -> None:
        place.state = state
        self._news += 1

    async def _told(self, verb: Verb, _: object) -> None:
        if verb is Verb.REVISION:
            self._news += 1

    # -- the admin port

    def _admin_state(self) -> admin.AdminState:
        return admin.AdminState(
            settings=lambda: admin_settings(self._config),
            is_draining=lambda: self._stopping,
            is_ready=lambda: any(place.state is State.READY for place in self._places),
            refresh=self._look,
            scrape=self.reporter.scrape,
            snapshot=self._snapshot,
            revision=self._revision,
            classify=lambda value, *, explain: classified(value, self._rules, explain=explain),
            quarantine=self,
            turns=self._turns,
        )

    async def _look(self) -> None:
        async def look(place: Place) -> None:
            if (worker := place.worker) is None or place.state is not State.READY:
                return
            with contextlib.suppress(*_NO_ANSWER):
                snapshot = await worker.ask(Verb.LOOK, timeout_s=LOOK_S)
                if place.worker is worker:
                    place.snapshot = snapshot

        await asyncio.gather(*map(look, self._places))

    def _snapshot(self) -> Mapping[str, object]:
        known = [place.snapshot for place in self._places if place.snapshot is not None]
        return {
            **merge(self.reporter.snapshot(), known),
            "revision": self._revision(),
            "workers": [place.shown() for place in self._places],
        }

    def _revision(self) -> int:
        return self._news + self.reporter.status.revision

    async def _turns(self, most: int) -> Sequence[admin.QuarantinedTurn]:
        """With a store of its own each child knows others, with a shared one all know the same."""
        found: Iterable[Sequence[admin.QuarantinedTurn]] = await self._ask_all(Verb.TURNS, most, timeout_s=LOOK_S)
        turns = {turn.id: turn for each in found for turn in each}
        return sorted(turns.values(), key=lambda turn: turn.since, reverse=True)[:most]

    async def release(self, turn_id: str) -> bool:
        """Let a turn go, wherever it is known; False where none has that id."""
        return any(await self._ask_all(Verb.RELEASE, turn_id, timeout_s=LOOK_S))

    async def _ask_all(self, verb: Verb, value: object, *, timeout_s: float) -> list[Any]:
        """The answers of those that answer. Who is still starting answers after that."""

        async def ask(worker: Worker) -> list[Any]:
            with contextlib.suppress(*_NO_ANSWER):
                return [await worker.ask(verb, value, timeout_s=timeout_s)]
            return []

        return [answer for each in await asyncio.gather(*map(ask, self._workers())) for answer in each]

    def _workers(self) -> list[Worker]:
        return [place.worker for place in self._places if place.worker is not None]
