"""What the admin port needs of the rest of the project: a few functions and a seam, so that it can be built alone."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from aiohttp import web


class Quarantine(Protocol):
    """Where poisoned turns are kept."""

    async def release(self, turn_id: str) -> bool:
        """Let a turn go; False where none has that id."""


class QuarantinedTurn(Protocol):
    """What is shown of a turn that a provider refused for what it contains. Its content is not known here."""

    @property
    def id(self) -> str: ...
    @property
    def cls(self) -> str: ...
    @property
    def reason(self) -> str: ...
    @property
    def upstream(self) -> str: ...
    @property
    def client(self) -> str: ...
    @property
    def since(self) -> float: ...
    @property
    def until(self) -> float: ...
    @property
    def refusals(self) -> int: ...


async def no_turns(_most: int) -> Sequence[QuarantinedTurn]:
    """For a quarantine that cannot be listed."""
    return ()


async def nothing_to_refresh() -> None:
    """For what is all in this process."""


class NotAnAnswerError(ValueError):
    """What was sent to be classified has the wrong shape; the text is a sentence for its sender."""


class Classifier(Protocol):
    def __call__(self, value: object, *, explain: bool) -> Mapping[str, object]:
        """The verdict on one answer, as `POST /classify` receives it. Raises `NotAnAnswerError`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AdminSettings:
    """Who may look. A reload can exchange it."""

    is_loopback: bool  # the admin port listens on a loopback address
    token: str = ""
    hosts: frozenset[str] = frozenset()  # names beside addresses and localhost that a Host may give


@dataclass(frozen=True, slots=True, kw_only=True)
class AdminState:
    settings: Callable[[], AdminSettings]
    is_draining: Callable[[], bool]
    scrape: Callable[[str], tuple[bytes, str]]  # Accept to metrics and their content type
    snapshot: Callable[[], Mapping[str, object]]  # of what /status shows
    revision: Callable[[], int]  # grows when a snapshot would tell something new
    classify: Classifier
    quarantine: Quarantine
    refresh: Callable[[], Awaitable[None]] = nothing_to_refresh  # awaited before scrape and snapshot
    is_ready: Callable[[], bool] = lambda: True  # new connections are accepted
    turns: Callable[[int], Awaitable[Sequence[QuarantinedTurn]]] = no_turns  # so many that are in it, the latest first


STATE = web.AppKey("state", AdminState)
