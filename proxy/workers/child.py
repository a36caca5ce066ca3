"""A child: the data port of one process, and answers to what its parent asks. `python -m proxy.workers.child`.

It obeys its pipe alone. Signals are for the parent, also where a service manager sends them to every process of the
service; and when the pipe ends, because the parent closed it or is no more, the child breaks off and ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, assert_never

from proxy.app import Service
from proxy.classifier import Rules
from proxy.config import Config
from proxy.loop import run_loop
from proxy.report import log as logs
from proxy.workers import shared
from proxy.workers.pipe import Pipe, Verb, open_pipe

TELL_S: Final = 1.0  # how often the parent may hear that the status has news
CLOSE_S: Final = 3.0
DIES_S: Final = 2.0


def main(arguments: Sequence[str]) -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    fd, parent, directory, name = arguments
    logs.configure(level="info", style="text")
    shared.join(Path(directory), name)
    was_told = 0
    try:
        was_told = run_loop(live(socket.socket(fileno=int(fd))))
    except Exception:  # noqa: BLE001 - what follows has to be done whatever was wrong
        logs.log.exception("worker failed")
    if has_died(int(parent), 0.0 if was_told else DIES_S):
        shared.remove(Path(directory))  # nobody else is left to do it
    os._exit(0)  # a look-up of a name that hangs in a thread must not hold the process


def has_died(parent: int, within_s: float) -> bool:
    """A process that is killed closes its files first, and only then leaves its children to another."""
    end = time.monotonic() + within_s
    while os.getppid() == parent:
        if time.monotonic() >= end:
            return False
        time.sleep(0.01)
    return True


async def live(end: socket.socket) -> int:
    """Until the pipe ends. 1 where that was to be expected."""
    child = Child()
    pipe = await open_pipe(end, child.handle)
    teller = asyncio.create_task(child.tell(pipe))
    await pipe.run()
    teller.cancel()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(CLOSE_S):
            await child.close()
    return int(child.has_drained)


class Child:
    def __init__(self) -> None:
        self.has_drained = False
        self._service: Service | None = None
        self._one_after_another = asyncio.Lock()  # a reload may be told before the start is done

    async def handle(self, verb: Verb, value: Any) -> object:
        match verb:
            case Verb.SERVE:
                async with self._one_after_another:
                    await self._serve(*value)
            case Verb.RELOAD:
                async with self._one_after_another:
                    await self._reload(*value)
            case Verb.DRAIN:
                self.has_drained = True
                async with self._one_after_another:
                    await self._serving.drain(value)
            case Verb.LOOK:
                self._serving.reporter.flush()
                return self._serving.reporter.snapshot()
            case Verb.TURNS:
                return tuple(await self._serving.admin_state().turns(value))
            case Verb.RELEASE:
                return await self._serving.admin_state().quarantine.release(value)
            case Verb.REVISION:
                raise ValueError(verb)
            case _:
                assert_never(verb)
        return None

    async def tell(self, pipe: Pipe) -> None:
        told = 0
        while True:
            await asyncio.sleep(TELL_S)
            now = 0 if self._service is None else self._service.reporter.status.revision
            if now != told:
                told = now
                pipe.tell(Verb.REVISION)

    async def close(self) -> None:
        if self._service is not None:
            await self._service.close()
            self._service.reporter.flush()

    @property
    def _serving(self) -> Service:
        assert self._service is not None
        return self._service

    async def _serve(self, config: Config, rules: Rules) -> None:
        logs.configure(level=config.log.level, style=config.log.format)
        self._service = Service(config, rules)
        await self._service.start(is_worker=True)

    async def _reload(self, config: Config, rules: Rules) -> None:
        await self._serving.reload(config, rules)
        logs.configure(level=config.log.level, style=config.log.format)


if __name__ == "__main__":
    main(sys.argv[1:])
