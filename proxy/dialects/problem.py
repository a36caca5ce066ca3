"""A failure as a client is to read it: the verdict with its status, its call, and what to do next. A value only.

How it is worded on the wire is each dialect's `error.py`; what it means was decided before (`proxy/classifier`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Protocol, Self

from proxy.model import Action, Class, Verdict

# The status that a class has where the answer's own says nothing: an error inside a 200 or inside a stream.
STATUS_OF_CLASS: Final[Mapping[Class, int]] = MappingProxyType(
    {
        Class.RATE_LIMITED: 429,
        Class.BUDGET_EXHAUSTED: 402,
        Class.OVERLOADED: 503,
        Class.TIMEOUT: 504,
        Class.NETWORK: 502,
        Class.PROVIDER_ERROR: 502,
        Class.AUTH: 401,
        Class.MODEL: 404,
        Class.CONTEXT: 413,
        Class.CONTENT_FILTER: 400,
        Class.BAD_REQUEST: 400,
        Class.SESSION_EXPIRED: 404,
        Class.UNKNOWN: 502,
    }
)


class HasAction(Protocol):
    """What the failure means for the client's session."""

    @property
    def action(self) -> Action: ...


class Told(Protocol):
    """What the tags tell beside the verdict."""

    @property
    def call_id(self) -> str: ...
    @property
    def session(self) -> HasAction: ...
    @property
    def should_retry(self) -> bool | None: ...
    @property
    def waits(self) -> Sequence[tuple[str, str]]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One failure, ready to be worded in any dialect."""

    status: int
    verdict: Verdict
    message: str  # one sentence of the proxy's own, never a provider's text
    call_id: str
    action: Action
    retry: bool
    retry_after_s: float | None = None

    @classmethod
    def of(cls, status: int, verdict: Verdict, told: Told) -> Self:
        """The same facts that stand in the answer's tags."""
        stated = next((float(value) for name, value in told.waits if name == "retry-after"), None)
        if stated is None and verdict.wait is not None:
            stated = verdict.wait.seconds
        return cls(
            status=status,
            verdict=verdict,
            message=verdict.advice,
            call_id=told.call_id,
            action=told.session.action,
            retry=verdict.can_retry if told.should_retry is None else told.should_retry,
            retry_after_s=stated,
        )
