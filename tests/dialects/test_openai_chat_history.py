"""Chat completions messages as a neutral history, and what is wrong with them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from proxy.model import Dialect
from proxy.session.faults import faults
from proxy.session.history import read
from proxy.session.turn import Kind, Role


def found(messages: list[Any], **request: Any) -> list[tuple[int, str]]:
    history = read(Dialect.OPENAI_CHAT, json.dumps({"tools": [{}], "messages": messages} | request).encode())
    assert history is not None
    return [(fault.position, str(fault.fault)) for fault in faults(history)]


def call(*ids: str) -> dict[str, Any]:
    calls = [{"id": id_, "type": "function", "function": {"name": "f", "arguments": "{}"}} for id_ in ids]
    return {"role": "assistant", "content": None, "tool_calls": calls}


def result(id_: str) -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": id_, "content": "42"}


USER = {"role": "user", "content": "hi"}
SAID = {"role": "assistant", "content": "hello"}


@pytest.mark.parametrize(
    ("messages", "expected"),
    [
        pytest.param([USER], [], id="one-message"),
        pytest.param([{"role": "developer", "content": "be kind"}, USER, SAID, USER], [], id="developer-first"),
        pytest.param([USER, call("a", "b"), result("b"), result("a"), SAID, USER], [], id="parallel-in-any-order"),
        pytest.param([USER, call("a"), USER], [(1, "orphan_tool_call")], id="call-without-result"),
        pytest.param(
            [USER, call("a", "b"), result("a"), SAID, USER], [(1, "orphan_tool_call")], id="one-of-two-missing"
        ),
        pytest.param([USER, call("a", "b"), USER], [(1, "orphan_tool_call")], id="two-orphans-are-one-place"),
        pytest.param([USER, call("a")], [(1, "last_role"), (1, "orphan_tool_call")], id="ends-in-a-call"),
        pytest.param([USER, SAID, result("x"), SAID, USER], [(2, "orphan_tool_result")], id="result-without-call"),
        pytest.param(
            [USER, call("a"), result("a"), result("a"), SAID, USER], [(3, "duplicate_tool_result")], id="result-twice"
        ),
        pytest.param(
            [USER, call("a"), SAID, result("a"), SAID, USER],
            [(2, "role_order"), (3, "misplaced_tool_result")],
            id="result-after-another-message",
        ),
        pytest.param(
            [USER, result("a"), call("a"), SAID, USER],
            [(1, "misplaced_tool_result"), (1, "role_order"), (3, "role_order")],
            id="result-before-its-call",
        ),
        pytest.param([USER, call("a"), result("a"), call("a"), result("a"), SAID, USER], [], id="ids-used-again-later"),
        pytest.param(
            [USER, call("a"), call("a"), result("a"), SAID, USER],
            [(1, "duplicate_tool_call"), (2, "role_order")],
            id="call-stored-twice",
        ),
        pytest.param([USER, {"role": "assistant", "content": ""}, USER], [(1, "empty_message")], id="empty-string"),
        pytest.param([USER, {"role": "assistant", "content": None}, USER], [(1, "empty_message")], id="null-content"),
        pytest.param([USER, {"role": "assistant"}, USER], [(1, "empty_message")], id="no-content"),
        pytest.param(
            [USER, {"role": "assistant", "content": None, "tool_calls": []}, USER],
            [(1, "empty_message")],
            id="no-calls",
        ),
        pytest.param(
            [USER, {"role": "assistant", "content": [{"type": "text", "text": ""}]}, USER],
            [(1, "empty_message")],
            id="empty-part",
        ),
        pytest.param(
            [USER, {"role": "assistant", "content": None, "refusal": "no"}, USER], [], id="a-refusal-is-content"
        ),
        pytest.param([USER, {"role": "assistant", "audio": {"id": "x"}}, USER], [], id="audio-is-content"),
        pytest.param([USER, {"role": "assistant", "content": " \n"}, USER], [(1, "empty_content")], id="white-space"),
        pytest.param(
            [USER, call("a"), result("a") | {"content": ""}, SAID, USER], [(2, "empty_content")], id="empty-result"
        ),
        pytest.param([SAID, USER], [(0, "first_role")], id="assistant-first"),
        pytest.param([USER, USER, SAID, USER], [(1, "role_order")], id="user-twice"),
        pytest.param([USER, call("a"), result("a"), USER], [(3, "role_order")], id="user-after-tool"),
        pytest.param(
            [USER, {"role": "system", "content": "x"}, SAID, USER], [(1, "role_order")], id="system-in-between"
        ),
        pytest.param([USER, SAID], [(1, "last_role")], id="assistant-last"),
        pytest.param(
            [
                USER,
                {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": "{}"}},
                {"role": "function", "name": "f", "content": "1"},
                SAID,
                USER,
            ],
            [],
            id="legacy-function",
        ),
        pytest.param(
            [USER, {"role": "function", "name": "f", "content": "1"}, SAID, USER],
            [(1, "role_order")],
            id="legacy-without-call",
        ),
        pytest.param(
            [
                USER,
                {
                    "role": "assistant",
                    "tool_calls": [{"id": "c", "type": "custom", "custom": {"name": "sql", "input": "x"}}],
                },
                USER,
            ],
            [(1, "orphan_tool_call")],
            id="custom-call",
        ),
    ],
)
def test_faults(messages: list[Any], expected: list[tuple[int, str]]) -> None:
    assert found(messages) == expected


def test_calls_without_declared_tools_are_one_place() -> None:
    assert found([USER, call("a"), result("a"), SAID, USER], tools=[]) == [(1, "tool_message_without_tools")]


def test_parts_say_where_they_stand() -> None:
    history = read(
        Dialect.OPENAI_CHAT,
        json.dumps(
            {
                "messages": [
                    {
                        "role": "user",
                        "content": [
                            {"type": "text", "text": "see"},
                            {"type": "image_url", "image_url": {"url": "data:"}},
                        ],
                    },
                    call("a") | {"content": "so"},
                ]
            }
        ).encode(),
    )
    assert history is not None
    asked, answered = history.entries
    assert (asked.role, answered.role) == (Role.USER, Role.ASSISTANT)
    assert [(part.kind, part.member, part.nth) for part in asked.parts] == [
        (Kind.TEXT, "content", 0),
        (Kind.MEDIA, "content", 1),
    ]
    assert [(part.kind, part.member, part.nth, part.id) for part in answered.parts] == [
        (Kind.TEXT, "content", -1, ""),
        (Kind.CALL, "tool_calls", 0, "a"),
    ]
