"""How many messages at the end are the failed turn, and how few can be taken back."""

from __future__ import annotations

import json
from typing import Any

import pytest

from proxy.model import Dialect
from proxy.session.history import read
from proxy.session.rollback import Rollback, rollback

SYSTEM = {"role": "system", "content": "be kind"}
USER = {"role": "user", "content": "hi"}
SAID = {"role": "assistant", "content": "hello"}


def call(*ids: str) -> dict[str, Any]:
    return {
        "role": "assistant",
        "tool_calls": [{"id": id_, "type": "function", "function": {"name": "f"}} for id_ in ids],
    }


def result(id_: str) -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": id_, "content": "42"}


def counts(dialect: Dialect, member: str, entries: Any, **request: Any) -> tuple[int, int] | None:
    history = read(dialect, json.dumps({member: entries} | request).encode())
    assert history is not None
    found = rollback(history)
    return None if found is None else (found.turn, found.last)


@pytest.mark.parametrize(
    ("messages", "turn", "last"),
    [
        pytest.param([SYSTEM, USER], 1, 1, id="first-message"),
        pytest.param([USER, SAID, USER], 1, 1, id="a-question"),
        pytest.param([USER, SAID, USER, USER], 2, 1, id="a-run-of-questions"),
        pytest.param([USER, SAID, USER, call("a"), result("a")], 3, 2, id="one-step"),
        pytest.param([USER, call("a"), result("a"), call("b"), result("b")], 5, 2, id="an-agent-loses-one-step"),
        pytest.param([USER, call("a", "b"), result("a"), result("b")], 4, 3, id="parallel-calls-go-together"),
        pytest.param([USER, call("a"), result("a"), SAID, USER], 1, 1, id="an-earlier-turn-stays"),
        pytest.param([USER, call("a"), result("a"), USER], 1, 1, id="a-question-after-a-result"),
        pytest.param([USER, SAID, USER, SAID], 2, 2, id="a-prefill-goes-too"),
        pytest.param([USER, SAID, USER, SYSTEM], 2, 2, id="what-follows-the-input-goes-too"),
        pytest.param([SYSTEM, call("a"), result("a")], 2, 2, id="no-user-message-opened-it"),
        pytest.param([USER, call("a"), USER, result("a")], 4, 3, id="a-late-result-takes-its-call-along"),
        pytest.param(
            [USER, SAID, USER, call("a"), USER, SAID, USER, result("a")], 6, 5, id="and-the-turn-of-that-call"
        ),
    ],
)
def test_counts_in_chat(messages: list[Any], turn: int, last: int) -> None:
    assert counts(Dialect.OPENAI_CHAT, "messages", messages) == (turn, last)


def test_without_input_there_is_nothing_to_take_back() -> None:
    assert counts(Dialect.OPENAI_CHAT, "messages", [SYSTEM, SAID]) is None
    assert counts(Dialect.OPENAI_CHAT, "messages", []) is None


def test_responses_items_count_each_and_reasoning_goes_with_what_follows_it() -> None:
    reasoning = {"type": "reasoning", "id": "rs"}
    fc = {"type": "function_call", "call_id": "a", "name": "f", "arguments": "{}"}
    out = {"type": "function_call_output", "call_id": "a", "output": "1"}
    assert counts(Dialect.RESPONSES, "input", [USER, reasoning, fc, out]) == (4, 3)
    assert counts(
        Dialect.RESPONSES, "input", [USER, SAID, USER, fc, fc | {"call_id": "b"}, out, out | {"call_id": "b"}]
    ) == (5, 4)
    assert counts(Dialect.RESPONSES, "input", "text") == (1, 1)
    assert counts(Dialect.RESPONSES, "input", [out], previous_response_id="resp_1") == (1, 1)


def test_an_anthropic_message_with_results_does_not_open_a_turn() -> None:
    use = {"role": "assistant", "content": [{"type": "tool_use", "id": "a", "name": "f", "input": {}}]}
    text = {"type": "text", "text": "go on"}
    answer = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "a", "content": "1"}, text]}
    assert counts(Dialect.ANTHROPIC, "messages", [USER, SAID, USER, use, answer]) == (3, 2)


def test_gemini_contents() -> None:
    contents = [
        {"role": "user", "parts": [{"text": "hi"}]},
        {"role": "model", "parts": [{"functionCall": {"name": "f"}}]},
        {"role": "user", "parts": [{"functionResponse": {"name": "f", "response": {}}}]},
    ]
    assert counts(Dialect.GEMINI, "contents", contents) == (3, 2)
    assert counts(Dialect.GEMINI, "contents", contents[:1]) == (1, 1)


def test_the_whole_request_may_be_the_turn() -> None:
    history = read(Dialect.OPENAI_CHAT, json.dumps({"messages": [USER]}).encode())
    assert history is not None
    assert rollback(history) == Rollback(turn=1, last=1)
