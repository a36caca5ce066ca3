"""A failed answer, kept so that it can be given again to a call that would only be told the same. Pure.

When that is done is decided elsewhere. A body that came whole, short and uncoded is given again as it was; else the proxy
words the failure itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from http import HTTPStatus
from typing import Any, Final, Self

import orjson

from proxy.model import Action, Class, Confidence, Dialect, Scope, Source, Verdict, Wait, WaitOrigin
from proxy.retry.patience import patience_of
from proxy.retry.steer import retry_after, should_retry
from proxy.session.hint import SessionHint
from proxy.way.ask import Answered
from proxy.way.headers import AnswerFilter, lines_of
from proxy.way.tag import Facts

# What is said anew each time, and what belonged to one call.
_NOT_AGAIN: Final = frozenset(
    b"retry-after retry-after-ms x-should-retry content-length date set-cookie x-request-id request-id".split()
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """`body`: None where it cannot be given again. `said`: the provider's own x-should-retry."""

    verdict: Verdict
    status: int
    reason: bytes = b""
    head: bytes = b""  # header lines
    body: bytes | None = None
    dialect: Dialect | None = None  # that the body was worded in
    said: str | None = None

    @classmethod
    def of(
        cls, verdict: Verdict, answered: Answered, status: int, dialect: Dialect | None, answers: AnswerFilter
    ) -> Self:
        response = answered.response
        head = answers.sort(response.raw_headers, without=_NOT_AGAIN)
        is_whole = answered.ended and not answered.broke and answered.watch is None and not head.coding
        reason = response.reason if status == response.status else HTTPStatus(status).phrase
        return cls(
            verdict=verdict,
            status=status,
            reason=(reason or "").encode("utf-8", "surrogateescape"),
            head=b"".join(head.lines) if is_whole else b"",
            body=answered.first if is_whole else None,
            dialect=dialect,
            said=response.headers.get("x-should-retry"),
        )

    @classmethod
    def own(cls, verdict: Verdict, status: int) -> Self:
        """Where no answer came."""
        return cls(verdict=verdict, status=status, reason=HTTPStatus(status).phrase.encode())

    def dump(self) -> bytes:
        texts = {
            "reason": self.reason.decode("latin-1"),
            "head": self.head.decode("latin-1"),
            "body": None if self.body is None else self.body.decode("latin-1"),
        }
        return orjson.dumps(asdict(self) | texts)

    @classmethod
    def load(cls, data: bytes) -> Self | None:
        """None for what another version of this program wrote."""
        try:
            value: dict[str, Any] = orjson.loads(data)
            body, dialect = value["body"], value["dialect"]
            return cls(
                verdict=_verdict(value["verdict"]),
                status=value["status"],
                reason=value["reason"].encode("latin-1"),
                head=value["head"].encode("latin-1"),
                body=None if body is None else body.encode("latin-1"),
                dialect=None if dialect is None else Dialect(dialect),
                said=value["said"],
            )
        except (ValueError, TypeError, KeyError, AttributeError):
            return None


@dataclass(frozen=True, slots=True)
class Again:
    """The last real answer, as old as that. `left_s`: of the wait that it stated, if it stated one."""

    kept: Kept
    age_s: float
    left_s: float | None
    session: SessionHint | None = None  # None: nothing but the verdict's action was told
    history: str = ""

    def told(self, call_id: str, request: Mapping[str, str]) -> tuple[Verdict, Facts]:
        """What the tags say now: the same failure, told by the proxy, with what is left of the wait."""
        kept = self.kept
        stated = kept.verdict.wait
        wait = None if stated is None or self.left_s is None else Wait(self.left_s, stated.origin)
        verdict = replace(kept.verdict, source=Source.PROXY, wait=wait)
        patience_s = patience_of(request).stated_s
        return verdict, Facts(
            call_id=call_id,
            session=self.session or SessionHint(action=verdict.action),
            should_retry=should_retry(verdict, said=kept.said, patience_s=patience_s, used_up=False),
            waits=retry_after(verdict, stated=False),
            history=self.history,
            replayed_s=int(self.age_s),
        )

    def answer(
        self,
        headers: list[tuple[str, str]],
        own_body: bytes,
        dialect: Dialect | None,
        *,
        minor: int,
        is_head: bool,
        keep: bool,
    ) -> bytes:
        """The answer, whole. `own_body`: for a caller of another dialect, or where the body was not kept."""
        kept = self.kept
        body = kept.body if dialect is kept.dialect else None
        head, told = kept.head, list(headers)
        if body is None:
            head, body = b"content-type: application/json\r\n", own_body
        told.append(("content-length", str(len(body))))
        if not keep:
            told.append(("connection", "close"))
        elif minor == 0:
            told.append(("connection", "keep-alive"))
        start = b"HTTP/1.%d %03d %b\r\n" % (minor, kept.status, kept.reason)
        return start + head + lines_of(told) + b"\r\n" + (b"" if is_head else body)


def _verdict(value: dict[str, Any]) -> Verdict:
    wait = value["wait"]
    return Verdict(
        cls=Class(value["cls"]),
        reason=value["reason"],
        rule=value["rule"],
        confidence=Confidence(value["confidence"]),
        scope=Scope(value["scope"]),
        action=Action(value["action"]),
        advice=value["advice"],
        source=Source(value["source"]),
        wait=None if wait is None else Wait(float(wait["seconds"]), WaitOrigin(wait["origin"])),
        forget=value["forget"],
    )
