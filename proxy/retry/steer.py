"""What a failed answer tells the client's own retry loop: `x-should-retry` and the wait. Pure.

The rule over all others: an official client must never give up where it would have succeeded without the proxy. What the
proxy does itself is `decide.py`'s.
"""

from __future__ import annotations

from math import ceil
from typing import Final

from proxy.model import Class, Verdict, WaitOrigin

HIDDEN_WAIT_S: Final = 60.0  # a longer wait that no header tells is one that clients would retry into
UNSTATED_PATIENCE_S: Final = 600.0  # the default timeout of the official clients

# Clients that read `retry-after` sleep up to a minute (https://github.com/digitallyinduced/haskell-agent/issues/1300:
# above it, Claude Code ends at once). A wait of minutes that the provider kept to itself must not end them.
_UNWELCOME_UP_TO_S: Final = 300.0


def should_retry(verdict: Verdict, *, said: str | None, patience_s: float | None, used_up: bool) -> bool | None:
    """What `x-should-retry` is to say; None: whatever the provider says stays, nothing is added.

    `said` is the provider's own `x-should-retry`, `patience_s` the patience that the caller states; `used_up`: the proxy
    has been through its own schedule.
    """
    if verdict.cls is Class.UNKNOWN:
        return None
    if not verdict.can_retry or used_up or is_no(said):
        return False
    wait = verdict.wait
    if wait is None:
        return True
    if wait.origin is WaitOrigin.RETRY_AFTER:
        return wait.seconds <= (UNSTATED_PATIENCE_S if patience_s is None else patience_s)
    return wait.seconds <= HIDDEN_WAIT_S


def is_no(said: str | None) -> bool:
    """Whether a provider's `x-should-retry` forbids a retry, in the only spelling that official clients obey."""
    return said is not None and said.strip() == "false"


def retry_after(verdict: Verdict, *, stated: bool) -> tuple[tuple[str, str], ...]:
    """The headers that tell the wait. None where the provider's own `retry-after` or `retry-after-ms` (`stated`) is kept."""
    wait = verdict.wait
    if stated or wait is None or wait.seconds <= 0 or not verdict.can_retry:
        return ()
    is_hidden = wait.origin is not WaitOrigin.RETRY_AFTER
    if is_hidden and HIDDEN_WAIT_S < wait.seconds <= _UNWELCOME_UP_TO_S:
        return ()
    # Rounded first: a float's last digit must not become a whole millisecond.
    return ("retry-after", str(ceil(round(wait.seconds, 6)))), (
        "retry-after-ms",
        str(ceil(round(wait.seconds * 1000, 3))),
    )
