"""Drives the attempts of one call through aiohttp-retry, which owns the loop and none of the decisions.

The library decides by status or exception, sleeps where nothing can wake it, never asks about the last attempt and logs
exceptions whole. So it is given attempts that never raise, a number of them that is never reached, a callback that decides
and waits itself, and no logger. What an attempt is and what it means is the caller's: an outcome may be any value.
"""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from aiohttp import ClientResponse
from aiohttp_retry import RetryClient, RetryOptionsBase

from proxy.retry.decide import Retry, Stop, Why

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Driven(Generic[T]):
    """The outcome that counts, after so many retries. `stop` says why a failure was not repeated; None: a good answer."""

    outcome: T
    retries: int
    stop: Stop | None


async def drive(
    first: T,
    again: Callable[[int], Awaitable[T]],
    decide: Callable[[T, int], Retry | Stop | None],
    *,
    wait: Callable[[float], Awaitable[bool]],
    decide_again: Callable[[], Retry | Stop | None] = lambda: None,
    discard: Callable[[T], None] = lambda _: None,
) -> Driven[T]:
    """Repeats a call until an outcome is to be answered with.

    `first` is the outcome of the first attempt: where that is good, nobody need come here. `again(n)` makes the n-th
    retry. `decide(outcome, retries)` says what to do after so many of them, None for a good answer. `wait` gives False
    where a drain ended it; `decide_again` is asked when a wait is over. An outcome is kept until the next attempt begins,
    to be answered with if that never happens. Each one but the last passes through `discard`, all of them where this raises.
    """
    attempts = _Attempts(first, again, decide, wait, decide_again, discard)
    session: Any = attempts  # of a ClientSession the library uses request() and close()
    try:
        # The address is a stand-in: an attempt knows where it goes.
        await RetryClient(session, logger=_SILENT, retry_options=_Options(attempts.is_settled)).request("GET", "/")
        if attempts.fault is not None:
            raise attempts.fault
    except BaseException:
        attempts.discard()
        raise
    return Driven(attempts.outcome, attempts.retries, attempts.stop)


class _Attempts(Generic[T]):
    """What the library takes for a session. Its first request has been made already."""

    def __init__(
        self,
        first: T,
        again: Callable[[int], Awaitable[T]],
        decide: Callable[[T, int], Retry | Stop | None],
        wait: Callable[[float], Awaitable[bool]],
        decide_again: Callable[[], Retry | Stop | None],
        discard: Callable[[T], None],
    ) -> None:
        self.outcome = first
        self.retries = 0
        self.stop: Stop | None = None
        self.fault: Exception | None = None  # a bug of ours: the library would take it for a failed request
        self._again = again
        self._decide = decide
        self._wait = wait
        self._decide_again = decide_again
        self._discard = discard
        self._holds_outcome = True

    async def request(self, *_: object, **__: object) -> _Tried:
        if not self._holds_outcome:
            self.retries += 1
            try:
                self.outcome = await self._again(self.retries)
                self._holds_outcome = True
            except Exception as fault:  # noqa: BLE001 - raised again by drive()
                self.fault = fault
        return _TRIED

    async def close(self) -> None:
        """The library's, when it is closed itself; the connections are not its own."""

    async def is_settled(self, _: object) -> bool:
        if self.fault is not None:
            return True
        try:
            decision = self._decide(self.outcome, self.retries)
            while isinstance(decision, Retry):
                if not await self._wait(decision.wait_s):
                    decision = Stop(Why.DRAINING)
                    break
                decision = self._decide_again()
                if decision is None:
                    self.discard()
                    return False
        except Exception as fault:  # noqa: BLE001 - raised again by drive()
            self.fault = fault
        else:
            self.stop = decision
        return True

    def discard(self) -> None:
        if self._holds_outcome:
            self._holds_outcome = False
            self._discard(self.outcome)


class _Tried:
    """What the library looks at in an answer, such that it always asks the callback."""

    method: Final = "GET"
    status: Final = 0
    closed: Final = True

    def close(self) -> None:
        """Nothing is open."""


class _Options(RetryOptionsBase):
    """The callback decides and has waited."""

    def __init__(self, is_settled: Callable[[ClientResponse], Awaitable[bool]]) -> None:
        super().__init__(attempts=sys.maxsize, retry_all_server_errors=False, evaluate_response_callback=is_settled)

    def get_timeout(self, attempt: int, response: ClientResponse | None = None) -> float:
        return 0.0


class _Silent:
    """A logger that writes nothing: the library's lines hold the representations of exceptions, with all headers."""

    def debug(self, msg: str, *args: Any, **kwargs: Any) -> None:
        pass

    warning = exception = debug


_TRIED: Final = _Tried()
_SILENT: Final = _Silent()
