"""Bytes become a history, or None, whatever the bytes."""

from __future__ import annotations

import json
from time import process_time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.model import TRAITS, Class, Confidence, Dialect, Scope, Verdict
from proxy.session.faults import faults
from proxy.session.forget import HANDLES, forget
from proxy.session.heal import heal
from proxy.session.hint import hint
from proxy.session.history import read
from proxy.session.rollback import rollback
from proxy.session.turn import Fault

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                (
                    "role",
                    "content",
                    "type",
                    "text",
                    "tool_calls",
                    "id",
                    "call_id",
                    "tool_use_id",
                    "parts",
                    "functionCall",
                    "name",
                )
            ),
            inner
            | st.sampled_from(
                ("user", "assistant", "tool", "model", "tool_use", "tool_result", "reasoning", "function_call")
            ),
            max_size=5,
        )
    ),
    max_leaves=30,
)


@pytest.mark.parametrize("dialect", Dialect)
@given(body=st.binary())
def test_any_bytes_are_survived(dialect: Dialect, body: bytes) -> None:
    history = read(dialect, body)
    assert history is None or history.entries == ()


@pytest.mark.parametrize("dialect", Dialect)
@given(body=st.binary() | JSON.map(lambda value: json.dumps(value).encode()))
def test_any_body_is_survived_by_all_that_reads_it(dialect: Dialect, body: bytes) -> None:
    assert heal(dialect, body, frozenset(Fault)) is None
    assert all(forget(dialect, body, member) is None for member in HANDLES)
    for cls in Class:
        hint(
            Verdict(
                cls=cls,
                reason="",
                rule="",
                confidence=Confidence.STATUS,
                scope=Scope.REQUEST,
                action=TRAITS[cls].action,
                advice="",
            ),
            dialect,
            body,
        )


@pytest.mark.parametrize("dialect", Dialect)
@given(entries=JSON, tools=JSON)
def test_any_json_is_survived(dialect: Dialect, entries: Any, tools: Any) -> None:
    body = json.dumps({"messages": entries, "input": entries, "contents": entries, "tools": tools}).encode()
    history = read(dialect, body)
    done = heal(dialect, body, frozenset(Fault))
    assert done is None or heal(dialect, done.body, frozenset(Fault)) is None
    if isinstance(entries, list):
        assert history is not None
        assert len(history.entries) == len(entries)
        assert all(0 <= fault.position < len(entries) for fault in faults(history))
        counts = rollback(history)
        assert counts is None or 1 <= counts.last <= counts.turn <= len(entries)


@pytest.mark.parametrize("dialect", Dialect)
@pytest.mark.parametrize(
    "body", [b"", b"null", b"[]", b"{}", b'{"messages": 1}', b'{"messages": [', b"[" * 100_000, b"\xff\xfe"]
)
def test_what_is_no_history_is_none(dialect: Dialect, body: bytes) -> None:
    assert read(dialect, body) is None


def test_half_of_a_surrogate_pair_does_not_hide_a_history() -> None:
    history = read(Dialect.OPENAI_CHAT, rb'{"messages": [{"role": "user", "content": "cut \ud83d"}]}')
    assert history is not None
    assert len(history.entries) == 1


@pytest.mark.parametrize("dialect", [Dialect.ANTHROPIC, Dialect.GEMINI])
def test_a_hostile_message_takes_time_in_proportion(dialect: Dialect) -> None:
    if dialect is Dialect.ANTHROPIC:
        results = [{"type": "tool_result", "tool_use_id": str(n), "content": ""} for n in range(3_000)]
        calls = [{"type": "tool_use", "id": str(n), "name": "f", "input": {}} for n in range(3_000)]
        text: dict[str, Any] = {"type": "text", "text": ""}
        request = {
            "messages": [
                {"role": "assistant", "content": calls},
                {"role": "user", "content": [text, *results]},
                {"role": "user", "content": "?"},
            ]
        }
    else:
        parts = [{"functionCall": {"name": "f"}, "thoughtSignature": "Zm9v"} for _ in range(3_000)]
        request = {"contents": [{"role": "model", "parts": parts}, {"role": "user", "parts": [{"text": "?"}]}]}
    started = process_time()
    assert heal(dialect, json.dumps(request).encode(), frozenset(Fault)) is not None
    assert process_time() - started < 10  # some 0.5 s here


@pytest.mark.parametrize(
    ("early", "late"),
    [
        pytest.param(
            '{"role":"assistant","tool_calls":[{"id":"%d"}]}',
            '{"role":"tool","tool_call_id":"%d"}',
            id="calls-then-results",
        ),
        pytest.param(
            '{"role":"tool","tool_call_id":"%d"}',
            '{"role":"assistant","tool_calls":[{"id":"%d"}]}',
            id="results-then-calls",
        ),
        pytest.param(
            '{"role":"assistant","tool_calls":[{"id":"a"}]}', '{"role":"tool","tool_call_id":"a"}', id="one-id"
        ),
        pytest.param('{"role":"user","content":"%d"}', '{"role":"tool","name":"f"}', id="nameless"),
    ],
)
def test_a_hostile_history_takes_time_in_proportion(early: str, late: str) -> None:
    count = 4_000
    messages = [(early % n) if "%d" in early else early for n in range(count)]
    messages += [(late % n) if "%d" in late else late for n in range(count)]
    body = ('{"messages":[' + ",".join(messages) + "]}").encode()
    started = process_time()
    history = read(Dialect.OPENAI_CHAT, body)
    assert history is not None
    faults(history)
    rollback(history)
    heal(Dialect.OPENAI_CHAT, body, frozenset(Fault))
    assert process_time() - started < 10  # some 0.5 s here; a quadratic walk takes minutes
