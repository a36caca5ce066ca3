"""A problem holds the same facts as the answer's tags."""

from __future__ import annotations

import dataclasses

from proxy.dialects import Problem
from proxy.model import Action, Class, Confidence, Scope, Verdict, Wait, WaitOrigin
from proxy.session.hint import SessionHint
from proxy.way.tag import Facts

VERDICT = Verdict(
    cls=Class.RATE_LIMITED,
    reason="tokens_per_minute",
    rule="x",
    confidence=Confidence.CODE,
    scope=Scope.CREDENTIAL,
    action=Action.RESET,
    advice="Wait.",
    wait=Wait(7.5, WaitOrigin.BODY),
)
FACTS = Facts(call_id="abc", session=SessionHint(action=Action.KEEP), should_retry=False)


def test_of_a_verdict_and_what_is_told_beside_it():
    assert Problem.of(429, VERDICT, FACTS) == Problem(
        status=429, verdict=VERDICT, message="Wait.", call_id="abc", action=Action.KEEP, retry=False, retry_after_s=7.5
    )


def test_the_wait_in_the_headers_comes_first():
    facts = FACTS._replace(waits=(("retry-after-ms", "2000"), ("retry-after", "2")))
    assert Problem.of(429, VERDICT, facts).retry_after_s == 2


def test_where_nothing_steers_the_client_the_class_tells_whether_to_retry():
    facts = FACTS._replace(should_retry=None)
    assert Problem.of(429, VERDICT, facts).retry
    never = dataclasses.replace(VERDICT, cls=Class.AUTH, wait=None)
    assert not Problem.of(401, never, facts).retry
    assert Problem.of(401, never, facts).retry_after_s is None
