"""The pipe between a parent and one child: each end asks and answers, or tells without an answer.

When one end closes or its process dies, however it does, the other end reads the end of the pipe at once: that is how a
child learns that it is to stop, and a parent that it has lost a child. What is said is up to `parent.py` and `child.py`.
"""

from __future__ import annotations

import asyncio
import copyreg
import io
import itertools
import pickle  # noqa: TID251 - see `_dump`
import socket
from collections.abc import Awaitable, Callable
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

from proxy.report.log import log

_LENGTH_BYTES: Final = 4
_ANSWER: Final = "answer"
_FAILED: Final = "failed"


class Verb(StrEnum):
    """What is asked or told, what comes with it, and what is answered."""

    SERVE = "serve"  # (Config, Rules); answered once connections are accepted
    RELOAD = "reload"  # (Config, Rules); answered once it is in force
    LOOK = "look"  # bring the metrics up to date; answered with a snapshot of the status
    TURNS = "turns"  # how many at most; answered with the latest turns in quarantine
    RELEASE = "release"  # a turn's id; answered with whether it was there
    DRAIN = "drain"  # seconds at most; answered once no call is under way
    REVISION = "revision"  # told by the child: the status has news


class GoneError(Exception):
    """The other end is gone, or could not do what it was asked."""


Handle = Callable[[Verb, Any], Awaitable[Any]]


class Pipe:
    """One end. `run` it, else nothing is read."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, handle: Handle) -> None:
        self._reader = reader
        self._writer = writer
        self._handle = handle
        self._numbers = itertools.count(1)
        self._asked: dict[int, asyncio.Future[Any]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_open = True

    async def run(self) -> None:
        """Reads until the other end is gone."""
        try:
            while True:
                length = int.from_bytes(await self._reader.readexactly(_LENGTH_BYTES), "big")
                self._take(*pickle.loads(await self._reader.readexactly(length)))  # noqa: S301 - see `_dump`
        except (asyncio.IncompleteReadError, OSError):
            pass
        finally:
            self.close()

    async def ask(self, verb: Verb, value: object = None, *, timeout_s: float) -> Any:
        """The answer. Raises GoneError where there will be none, TimeoutError where it takes too long."""
        if not self._is_open:
            raise GoneError
        number = next(self._numbers)
        answer = self._asked[number] = asyncio.get_running_loop().create_future()
        try:
            self._write(verb, number, value)
            async with asyncio.timeout(timeout_s):
                return await answer
        finally:
            del self._asked[number]

    def tell(self, verb: Verb, value: object = None) -> None:
        if self._is_open:
            self._write(verb, 0, value)

    def close(self) -> None:
        """The other end reads the end of the pipe, also where it has not read what came before."""
        self._is_open = False
        self._writer.transport.abort()
        for answer in self._asked.values():
            if not answer.done():
                answer.set_exception(GoneError())
        for task in self._tasks:
            task.cancel()

    def _take(self, word: str, number: int, value: object) -> None:
        if word in (_ANSWER, _FAILED):
            answer = self._asked.get(number)
            if answer is None or answer.done():
                return  # it came too late
            if word == _ANSWER:
                answer.set_result(value)
            else:
                answer.set_exception(GoneError(value))
            return
        task = asyncio.create_task(self._answer(Verb(word), number, value))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(self, verb: Verb, number: int, value: object) -> None:
        try:
            word, result = _ANSWER, await self._handle(verb, value)
        except Exception as problem:  # noqa: BLE001 - the pipe has to go on, and whoever asked has to know
            log.exception("worker failed", extra={"facts": {"verb": str(verb)}})
            word, result = _FAILED, type(problem).__name__
        if number and self._is_open:
            self._write(word, number, result)

    def _write(self, word: str, number: int, value: object) -> None:
        data = _dump((str(word), number, value))
        self._writer.write(len(data).to_bytes(_LENGTH_BYTES, "big") + data)


async def open_pipe(end: socket.socket, handle: Handle) -> Pipe:
    return Pipe(*await asyncio.open_unix_connection(sock=end), handle)


def _dump(message: tuple[str, int, object]) -> bytes:
    """Config and Rules travel as they are, so that a child runs on what its parent has checked and not on what stands
    in the file by now. Both ends are one program of one user, and nobody else can open the pipe.
    """
    data = io.BytesIO()
    pickler = pickle.Pickler(data, pickle.HIGHEST_PROTOCOL)
    pickler.dispatch_table = _ALSO
    pickler.dump(message)
    return data.getvalue()


def _view(mapping: dict[Any, Any]) -> MappingProxyType[Any, Any]:
    return MappingProxyType(mapping)


# A read-only view of a mapping, which pickle does not take by itself.
_ALSO: Final = copyreg.dispatch_table | {MappingProxyType: lambda view: (_view, (dict(view),))}
