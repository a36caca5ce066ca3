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
    history: str,
    refuses: frozenset[str],
    retries: int,
    used_up: bool,
    observes: bool,
) -> Facts:
    """What the tags of a failed answer say. `body` is the request's, None where it was not kept.

    `answer` holds the provider's headers, by case-insensitive name; `used_up`: the proxy has been through its own schedule.
    In observe mode nothing is said that steers a client.
    """
    session = hint(verdict, dialect, body, refuses)
    if observes:
        return Facts(call_id=call_id, session=session, retries=retries, history=history)
    return Facts(
        call_id=call_id,
        session=session,
        should_retry=should_retry(
            verdict,
            said=answer.get("x-should-retry"),
            patience_s=None if verdict.wait is None else patience_of(request).stated_s,
            used_up=used_up,
        ),
        waits=retry_after(verdict, stated="retry-after" in answer or "retry-after-ms" in answer),
        retries=retries,
        history=history,
    )


def advise_own(
    verdict: Verdict, call_id: str, *, retries: int = 0, used_up: bool = False, observes: bool = False
) -> Facts:
    """What the tags of an answer say that the proxy makes itself."""
    if observes:
        return Facts(call_id=call_id, session=SessionHint(action=verdict.action), retries=retries)
    wait_s = RETRY_AFTER_S.get(verdict.reason)
    return Facts(
        call_id=call_id,
        session=SessionHint(action=verdict.action),
        should_retry=verdict.can_retry and not used_up,
        waits=() if wait_s is None else (("retry-after", str(wait_s)),),
        retries=retries,
    )
