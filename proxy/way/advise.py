"""From a verdict to what the client is told beside it: whether and when to try again, what becomes of its session. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from proxy.model import Dialect, Verdict
from proxy.retry.patience import patience_of
from proxy.retry.steer import retry_after, should_retry
from proxy.session.hint import SessionHint, hint
from proxy.way.refuse import RETRY_AFTER_S
from proxy.way.tag import Facts


def advise(
    verdict: Verdict,
    call_id: str,
    *,
    answer: Mapping[str, str],
    request: Mapping[str, str],
    dialect: Dialect | None,
    body: bytes | None,
    refuses: frozenset[str],
    retries: int,
    exhausted: bool,
    observes: bool,
) -> Facts:
    """What the tags of a failed answer say. `body` is the request's, None where it was not kept.

    `answer` holds the provider's headers, by case-insensitive name; `exhausted`: the proxy has used up its own schedule.
    In observe mode nothing is said that steers a client.
    """
    session = hint(verdict, dialect, body, refuses)
    facts = Facts(call_id=call_id, session=session, retries=retries)
    return facts


def advise_own(verdict: Verdict, call_id: str) -> Facts:
    """What the tags of an answer say that the proxy makes itself."""
    wait_s = RETRY_AFTER_S.get(verdict.reason)
    return Facts(
        call_id=call_id,
        session=SessionHint(action=verdict.action),
        should_retry=verdict.can_retry,
        waits=() if wait_s is None else (("retry-after", str(wait_s)),),
    )
