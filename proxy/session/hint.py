"""What a failed call means for the client's stored session, told from its verdict and the request that was kept.

The verdict already says what to do; the request adds where and how much. Writing the headers is left to the tags.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from proxy.model import Action, Class, Confidence, Dialect, Source, Verdict
from proxy.session.faults import faults
from proxy.session.forget import HANDLES, handles
from proxy.session.history import parse, read_document
from proxy.session.rollback import rollback
from proxy.session.turn import ALWAYS, EVERY_FAULT, Fault, Found, History

_SHOWN: Final = 5

# Which faults a reason speaks of beside the one of its own name, by a fragment: rules name reasons freely.
_SPEAKS_OF: Final = (
    (("unreadable", "encrypted", "signature", "opaque", "thinking"), frozenset({Fault.UNDECRYPTABLE_ITEM})),
    (("message_order", "role", "alternat"), frozenset({Fault.ROLE_ORDER, Fault.FIRST_ROLE, Fault.LAST_ROLE})),
    (("empty", "blank"), frozenset({Fault.EMPTY_MESSAGE, Fault.EMPTY_CONTENT})),
    (("reasoning",), frozenset({Fault.MISSING_ITEM_AFTER_REASONING})),
    (("tools",), frozenset({Fault.TOOL_MESSAGE_WITHOUT_TOOLS})),
)


class SessionHint(NamedTuple):
    """The session tags of one failed answer; None: that tag is not written."""

    action: Action
    rollback: int | None = None
    rollback_last: int | None = None
    fault: str | None = None


def hint(
    verdict: Verdict,
    dialect: Dialect | None,
    body: bytes | None,
    refuses: frozenset[str] = frozenset(),
) -> SessionHint:
    """`body`: the request as the client sent it, None where it was not kept; `refuses`: what this provider minds."""
    match verdict.action:
        case Action.ROLLBACK:
            counts = rollback(history) if (history := _history(dialect, body)) is not None else None
            if counts is None:
                return SessionHint(action=verdict.action)
            return SessionHint(action=verdict.action, rollback=counts.turn, rollback_last=counts.last)
        case Action.REPAIR:
            history = _history(dialect, body)
            return SessionHint(
                action=verdict.action,
                fault=None if history is None else _places(history, refused(history, verdict.reason, refuses)),
            )
        case Action.NEW_SESSION:
            return SessionHint(action=verdict.action, fault=member_to_forget(verdict, dialect, body))
        case Action.KEEP if _is_unexplained(verdict) and (history := _history(dialect, body)) is not None:
            # Nobody knows these words, but a history that no provider takes explains a 400 well enough.
            found = faults(history, ALWAYS)
            return SessionHint(
                action=Action.REPAIR if found else Action.KEEP,
                fault=_places(history, found),
            )
        case _:
            return SessionHint(action=verdict.action)


def refused(history: History, reason: str, refuses: frozenset[str]) -> tuple[Found, ...]:
    """The faults that explain a refusal for this reason; those that only some mind where the reason says no better."""
    minded = ALWAYS | spoken_of(reason) | refuses
    return faults(history, minded) or faults(history, EVERY_FAULT - {Fault.UNDECRYPTABLE_ITEM})


def spoken_of(reason: str) -> frozenset[Fault]:
    """The faults that a verdict's reason names."""
    named = {fault for fault in EVERY_FAULT if fault == reason}
    for fragments, faults_meant in _SPEAKS_OF:
        if any(fragment in reason for fragment in fragments):
            named |= faults_meant
    return frozenset(named)


def member_to_forget(verdict: Verdict, dialect: Dialect | None, body: bytes | None) -> str | None:
    """The member that holds the stale handle: what the verdict says, unless the request holds another instead."""
    stated = verdict.forget
    present = handles(dialect, parse(body)) if dialect is not None and body is not None else ()
    if not present or stated in present:
        return stated
    if stated is not None and stated not in HANDLES:
        return stated  # a file, a thread in the path: nothing that the request's members could tell better
    return present[0]


def _history(dialect: Dialect | None, body: bytes | None) -> History | None:
    return None if dialect is None or body is None else read_document(dialect, parse(body))


def _is_unexplained(verdict: Verdict) -> bool:
    return (
        verdict.cls is Class.BAD_REQUEST
        and verdict.confidence is Confidence.STATUS
        and verdict.source is Source.UPSTREAM
    )


def _places(history: History, found: Sequence[Found]) -> str | None:
    if not found:
        return None
    shown = [f"{history.grammar.member}[{fault.position}]: {fault.fault}" for fault in found[:_SHOWN]]
    if len(found) > _SHOWN:
        shown.append(f"+{len(found) - _SHOWN}")
    return ", ".join(shown)
