"""One child as its parent sees it: a process, from its start to its end, and the pipe to it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Final

from proxy.workers.pipe import Handle, Pipe, Verb, open_pipe

CLOSE_S: Final = 5.0  # from the end of the pipe to the end of the process


class Worker:
    def __init__(self, process: subprocess.Popen[bytes], pipe: Pipe) -> None:
        self._process = process
        self._pipe = pipe
        self._began_s = time.monotonic()
        self._end = asyncio.create_task(self._wait())
        self.lived_s = 0.0  # once it has ended

    @property
    def pid(self) -> int:
        return self._process.pid

    async def ask(self, verb: Verb, value: object = None, *, timeout_s: float) -> Any:
        """Raises GoneError or TimeoutError."""
        return await self._pipe.ask(verb, value, timeout_s=timeout_s)

    def close(self) -> None:
        """It breaks off what it does, and ends."""
        self._pipe.close()

    def kill(self) -> None:
        self._process.kill()
        self._pipe.close()

    async def ended(self) -> str:
        """Waits until the process is over, and tells how that came."""
        code = await asyncio.shield(self._end)
        if code >= 0:
            return f"exit code {code}"
        with contextlib.suppress(ValueError):
            return signal.Signals(-code).name
        return f"signal {-code}"

    async def _wait(self) -> int:
        await self._pipe.run()
        self.lived_s = time.monotonic() - self._began_s
        try:
            return await asyncio.to_thread(self._process.wait, CLOSE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return await asyncio.to_thread(self._process.wait)


async def begin(name: str, directory: Path, handle: Handle) -> Worker:
    """A fresh interpreter, so that nothing of this process's loop and connections is in it.

    It is a session of its own: Ctrl-C in a terminal is for the parent, who tells the children what follows from it.
    """
    ours, theirs = socket.socketpair()
    with theirs:
        fd = theirs.fileno()
        process = subprocess.Popen(  # noqa: ASYNC220, S603 - starting takes no longer than a fork; our own module
            [sys.executable, "-m", "proxy.workers.child", str(fd), str(os.getpid()), str(directory), name],
            stdin=subprocess.DEVNULL,
            pass_fds=[fd],
            start_new_session=True,
        )
    return Worker(process, await open_pipe(ours, handle))
