"""What the built-in provider says is what the classifier knows from the real ones."""

from __future__ import annotations

from typing import Any

import pytest

from proxy.classifier import builtin, classify
from proxy.demo.anthropic import Anthropic
from proxy.demo.embeddings import Embeddings
from proxy.demo.gemini import Gemini
from proxy.demo.openai_chat import OpenAIChat
from proxy.demo.responses import Responses
from proxy.demo.scenario import REFUSALS
from proxy.demo.shape import Refusal, dump
from proxy.model import Action, Answer, Class, Verdict

SHAPES = {
    "openai": OpenAIChat(),
    "responses": Responses(),
    "embeddings": Embeddings(),
    "anthropic": Anthropic(),
    "gemini": Gemini(),
}
MEANS = {
    "budget": (Class.BUDGET_EXHAUSTED, Action.KEEP),
    "rate-limit": (Class.RATE_LIMITED, Action.RESET),
    "overloaded": (Class.OVERLOADED, Action.RESET),
    "auth": (Class.AUTH, Action.KEEP),
    "model": (Class.MODEL, Action.KEEP),
    "context": (Class.CONTEXT, Action.COMPACT),
    "content-filter": (Class.CONTENT_FILTER, Action.ROLLBACK),
    "bad-request": (Class.BAD_REQUEST, Action.KEEP),
    "stale": (Class.SESSION_EXPIRED, Action.NEW_SESSION),
    "server-error": (Class.PROVIDER_ERROR, Action.RESET),
    "image": (Class.BAD_REQUEST, Action.ROLLBACK),
    "unknown": (Class.UNKNOWN, Action.KEEP),
}
ORPHAN_CALLS: dict[str, Any] = {
    "openai": {
        "messages": [
            {"role": "user", "content": "a"},
            {"role": "assistant", "tool_calls": [{"id": "call_1", "function": {"name": "f", "arguments": "{}"}}]},
            {"role": "user", "content": "b"},
        ]
    },
    "responses": {"input": [{"type": "function_call", "call_id": "call_1", "name": "f", "arguments": "{}"}]},
    "anthropic": {
        "messages": [
            {"role": "user", "content": "a"},
            {"role": "assistant", "content": [{"type": "tool_use", "id": "call_1", "name": "f", "input": {}}]},
            {"role": "user", "content": "b"},
        ]
    },
    "gemini": {
        "contents": [
            {"role": "model", "parts": [{"functionCall": {"name": "f", "args": {}}}]},
            {"role": "user", "parts": [{"text": "b"}]},
        ]
    },
}
ORPHAN_RESULTS: dict[str, Any] = {
    "openai": {"messages": [{"role": "tool", "tool_call_id": "call_1", "content": "x"}]},
    "responses": {"input": [{"type": "function_call_output", "call_id": "call_1", "output": "x"}]},
    "anthropic": {
        "messages": [
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "call_1", "content": "x"}]},
        ]
    },
    "gemini": {"contents": [{"role": "user", "parts": [{"functionResponse": {"name": "f", "response": {}}}]}]},
}
PAIRED: dict[str, Any] = {
    "openai": {"messages": [ORPHAN_CALLS["openai"]["messages"][1], ORPHAN_RESULTS["openai"]["messages"][0]]},
    "responses": {"input": [*ORPHAN_CALLS["responses"]["input"], *ORPHAN_RESULTS["responses"]["input"]]},
    "anthropic": {"messages": [ORPHAN_CALLS["anthropic"]["messages"][1], *ORPHAN_RESULTS["anthropic"]["messages"]]},
    "gemini": {"contents": [ORPHAN_CALLS["gemini"]["contents"][0], *ORPHAN_RESULTS["gemini"]["contents"]]},
}


def verdict_of(dialect: str, refusal: Refusal) -> Verdict:
    headers = (("content-type", "application/json"), *refusal.headers)
    provider = "openai" if dialect in ("responses", "embeddings") else dialect
    answer = Answer(status=refusal.status, headers=headers, body=dump(refusal.body), provider=provider)
    verdict = classify(answer, builtin(), now=0)
    assert verdict is not None
    return verdict


@pytest.mark.parametrize("what", sorted(REFUSALS))
@pytest.mark.parametrize("dialect", SHAPES)
def test_a_refusal_is_of_the_class_that_it_is_named_after(dialect, what):
    refusal = SHAPES[dialect].refusals("m", wait_s=7)[what]
    verdict = verdict_of(dialect, refusal)
    assert (verdict.cls, verdict.action) == MEANS[what]


@pytest.mark.parametrize("dialect", SHAPES)
def test_a_rate_limit_states_its_wait(dialect):
    verdict = verdict_of(dialect, SHAPES[dialect].refusals("m", wait_s=7)["rate-limit"])
    assert verdict.wait is not None
    assert verdict.wait.seconds == pytest.approx(7, abs=1)


@pytest.mark.parametrize("histories", [ORPHAN_CALLS, ORPHAN_RESULTS], ids=["orphan_calls", "orphan_results"])
@pytest.mark.parametrize("dialect", ORPHAN_CALLS)
def test_half_a_pair_is_refused_as_an_order_to_repair(dialect, histories):
    refusal = SHAPES[dialect].out_of_order(histories[dialect])
    assert refusal is not None
    verdict = verdict_of(dialect, refusal)
    assert (verdict.cls, verdict.action) == (Class.BAD_REQUEST, Action.REPAIR)


@pytest.mark.parametrize("dialect", PAIRED)
def test_calls_with_their_results_are_in_order(dialect):
    assert SHAPES[dialect].out_of_order(PAIRED[dialect]) is None


@pytest.mark.parametrize(
    ("dialect", "document"),
    [
        ("openai", {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:"}}]}]}),
        ("responses", {"input": [{"role": "user", "content": [{"type": "input_image", "image_url": "data:"}]}]}),
        ("anthropic", {"messages": [{"role": "user", "content": [{"type": "image", "source": {}}]}]}),
        ("gemini", {"contents": [{"role": "user", "parts": [{"inlineData": {"data": ""}}]}]}),
    ],
)
def test_images_are_seen(dialect, document):
    assert SHAPES[dialect].has_image(document)
    assert not SHAPES[dialect].has_image(ORPHAN_CALLS[dialect])


@pytest.mark.parametrize(
    ("dialect", "document", "member"),
    [
        ("responses", {"previous_response_id": "resp_x"}, "previous_response_id"),
        ("anthropic", {"container": "container_x"}, "container"),
        ("gemini", {"cachedContent": "cachedContents/x"}, "cachedContent"),
    ],
)
def test_an_unknown_handle_is_refused_a_known_one_is_not(dialect, document, member):
    shape = SHAPES[dialect]
    assert shape.stale(document, known={document[member]}) is None
    refusal = shape.stale(document, known=())
    assert refusal is not None
    verdict = verdict_of(dialect, refusal)
    assert (verdict.cls, verdict.forget) == (Class.SESSION_EXPIRED, member)
