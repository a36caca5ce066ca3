"""A failure that the proxy answers itself, worded in each dialect, as the official clients read it."""

from __future__ import annotations

import json
from typing import Any

import anthropic
import httpx2
import openai
import pytest

from proxy.dialects import STATUS_OF_CLASS, Problem, error_body
from proxy.dialects.anthropic.error import TYPES as ANTHROPIC_TYPES
from proxy.dialects.gemini.error import CODES
from proxy.dialects.openai_chat.error import TYPES as OPENAI_TYPES
from proxy.model import TRAITS, Class, Confidence, Dialect, Source, Verdict


def problem(
    cls: Class = Class.OVERLOADED, reason: str = "proxy_busy", status: int = 503, wait: float | None = 1.0
) -> Problem:
    traits = TRAITS[cls]
    verdict = Verdict(
        cls=cls, reason=reason, rule=f"proxy.{reason}", confidence=Confidence.CODE, scope=traits.scope,
        action=traits.action, advice="Try again after the stated wait.", source=Source.PROXY,
    )  # fmt: skip
    return Problem(
        status=status, verdict=verdict, message=verdict.advice, call_id="0123456789abcdef", action=traits.action,
        retry=traits.can_retry, retry_after_s=wait,
    )  # fmt: skip


def body_of(dialect: Dialect | None, of: Problem) -> dict[str, Any]:
    body = json.loads(error_body(dialect, of))
    assert isinstance(body, dict)
    return body


TRIAGE = {
    "class": "overloaded",
    "reason": "proxy_busy",
    "action": "reset",
    "retry": True,
    "retry_after": 1.0,
    "advice": "Try again after the stated wait.",
    "call_id": "0123456789abcdef",
}
OPENAI = {
    "error": {
        "message": TRIAGE["advice"],
        "type": "overloaded_error",
        "param": None,
        "code": "proxy_busy",
        "triage": TRIAGE,
    }
}


@pytest.mark.parametrize(("dialect", "body"), [
    (None, OPENAI),
    (Dialect.OPENAI_CHAT, OPENAI),
    (Dialect.RESPONSES, OPENAI),
    (Dialect.ANTHROPIC, {
        "type": "error",
        "error": {"type": "overloaded_error", "message": TRIAGE["advice"], "triage": TRIAGE},
        "request_id": "0123456789abcdef",
    }),
    (Dialect.GEMINI, {"error": {"code": 503, "message": TRIAGE["advice"], "status": "UNAVAILABLE", "triage": TRIAGE}}),
])  # fmt: skip
def test_bodies(dialect, body):
    assert body_of(dialect, problem()) == body


@pytest.mark.parametrize("table", [OPENAI_TYPES, ANTHROPIC_TYPES, CODES, STATUS_OF_CLASS])
def test_every_class_has_a_word(table):
    assert set(table) == set(Class)


@pytest.mark.parametrize(("cls", "status", "anthropics", "geminis"), [
    (Class.AUTH, 401, "authentication_error", "UNAUTHENTICATED"),
    (Class.AUTH, 403, "permission_error", "PERMISSION_DENIED"),
    (Class.BAD_REQUEST, 400, "invalid_request_error", "INVALID_ARGUMENT"),
    (Class.BAD_REQUEST, 404, "not_found_error", "NOT_FOUND"),
    (Class.BAD_REQUEST, 405, "invalid_request_error", "UNIMPLEMENTED"),
    (Class.BAD_REQUEST, 413, "request_too_large", "INVALID_ARGUMENT"),
    (Class.CONTEXT, 413, "request_too_large", "INVALID_ARGUMENT"),
    (Class.TIMEOUT, 504, "timeout_error", "DEADLINE_EXCEEDED"),
    (Class.TIMEOUT, 408, "timeout_error", "DEADLINE_EXCEEDED"),
])  # fmt: skip
def test_where_the_status_says_more(cls, status, anthropics, geminis):
    of = problem(cls, status=status)
    assert body_of(Dialect.ANTHROPIC, of)["error"]["type"] == anthropics
    assert body_of(Dialect.GEMINI, of)["error"]["status"] == geminis


def refusing(of: Problem, dialect: Dialect) -> httpx2.Client:
    return httpx2.Client(
        transport=httpx2.MockTransport(lambda _: httpx2.Response(of.status, content=error_body(dialect, of)))
    )


def test_openais_client_reads_it():
    of = problem(Class.AUTH, "missing_credential", 401, None)
    with (
        openai.OpenAI(
            api_key="k", base_url="http://test", http_client=refusing(of, Dialect.OPENAI_CHAT), max_retries=0
        ) as client,
        pytest.raises(openai.AuthenticationError) as raised,
    ):
        client.models.list()
    assert raised.value.code == "missing_credential"
    assert raised.value.type == "authentication_error"
    assert isinstance(raised.value.body, dict)
    assert raised.value.body["triage"]["retry_after"] is None


def test_anthropics_client_reads_it():
    of = problem()
    with (
        anthropic.Anthropic(
            api_key="k", base_url="http://test", http_client=refusing(of, Dialect.ANTHROPIC), max_retries=0
        ) as client,
        pytest.raises(anthropic.APIStatusError) as raised,
    ):
        client.models.list()
    assert raised.value.status_code == 503
    assert isinstance(raised.value.body, dict)
    assert raised.value.body["error"]["triage"]["class"] == "overloaded"
