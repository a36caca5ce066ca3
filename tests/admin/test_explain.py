from __future__ import annotations

import pytest

from proxy.admin.explain import ACTIONS, CONFIDENCES, SCOPES, SOURCES, explain
from proxy.model import TRAITS, Action, Class, Confidence, Scope, Source, Verdict, Wait, WaitOrigin
from proxy.report import CallReport, Progress
from proxy.report.lines import call_facts


def test_every_word_has_its_sentence() -> None:
    assert (set(SOURCES), set(CONFIDENCES), set(SCOPES), set(ACTIONS)) == (
        set(Source), set(Confidence), set(Scope), set(Action),
    )  # fmt: skip


def told(cls: Class, **changes: object) -> dict[str, str]:
    traits = TRAITS[cls]
    verdict = Verdict(
        cls=cls, reason="any", rule="any.rule", confidence=Confidence.PHRASE, scope=traits.scope, action=traits.action,
        advice="Do this.", wait=Wait(12.5, WaitOrigin.BODY),
    )  # fmt: skip
    report = CallReport(
        call_id="c", upstream="u", endpoint="other", method="POST", path="/p", status=500, verdict=verdict,
        duration_s=3.25, retries=2, stream=Progress(chunks=3, sent_bytes=99, quiet_s=61.0),
    )  # fmt: skip
    return dict(explain(call_facts(report) | changes))


@pytest.mark.parametrize("cls", Class)
def test_whether_another_try_helps_is_the_classes_trait(cls: Class) -> None:
    answer = told(cls)["Another try"]
    assert answer.startswith("The same call can succeed later.") is TRAITS[cls].can_retry
    assert ("12.5 s" in answer) is TRAITS[cls].can_retry


def test_a_call_is_told_with_what_it_took() -> None:
    answers = told(Class.NETWORK)
    assert answers["What to do"] == "Do this."
    assert answers["What decided"] == "any.rule: the message's words decided."
    own = told(Class.NETWORK, source="transport", rule="proxy.truncated_stream", confidence="code")
    assert own["What decided"] == "proxy.truncated_stream: the proxy saw it itself."
    assert answers["It took"] == "3.25 s, 2 retries."
    assert answers["Its stream"] == "3 pieces, 99 bytes, then nothing for 61 s."
