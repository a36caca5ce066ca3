"""Messages requests as a neutral history, and what is wrong with them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from proxy.model import Dialect
from proxy.session.faults import faults
from proxy.session.history import read


def found(messages: list[Any], **request: Any) -> list[tuple[int, str]]:
    history = read(Dialect.ANTHROPIC, json.dumps({"tools": [{}], "messages": messages} | request).encode())
    assert history is not None
    return [(fault.position, str(fault.fault)) for fault in faults(history)]


def said(*blocks: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": list(blocks)}


def told(*blocks: Any) -> dict[str, Any]:
    return {"role": "user", "content": list(blocks)}


def use(id_: str, form: str = "tool_use") -> dict[str, Any]:
    return {"type": form, "id": id_, "name": "f", "input": {}}


def result(id_: str, form: str = "tool_result") -> dict[str, Any]:
    return {"type": form, "tool_use_id": id_, "content": "42"}


TEXT = {"type": "text", "text": "words"}
THINKING = {"type": "thinking", "thinking": "hm", "signature": "Zm9v"}
USER = {"role": "user", "content": "hi"}
SAID = {"role": "assistant", "content": "hello"}


@pytest.mark.parametrize(
    ("messages", "expected"),
    [
        pytest.param([USER, said(TEXT, use("a")), told(result("a"), TEXT), SAID, USER], [], id="a-tool-step"),
        pytest.param([USER, said(use("a")), USER], [(1, "orphan_tool_call")], id="use-without-result"),
        pytest.param(
            [USER, said(use("a"), use("b")), told(result("a")), SAID, USER],
            [(1, "orphan_tool_call")],
            id="one-of-two-missing",
        ),
        pytest.param(
            [told(result("a")), SAID, USER], [(0, "first_role"), (0, "orphan_tool_result")], id="result-without-use"
        ),
        pytest.param(
            [USER, said(use("a")), told(result("a"), result("a")), SAID, USER],
            [(2, "duplicate_tool_result")],
            id="result-twice",
        ),
        pytest.param(
            [USER, said(use("a")), told(TEXT, result("a")), SAID, USER],
            [(2, "misplaced_tool_result")],
            id="text-before-result",
        ),
        pytest.param(
            [USER, said(use("a")), told(TEXT), told(result("a")), SAID, USER],
            [(3, "misplaced_tool_result"), (3, "role_order")],
            id="result-one-message-late",
        ),
        pytest.param(
            [USER, said(use("a"), use("b")), told(result("a")), told(result("b")), SAID, USER],
            [(3, "role_order")],
            id="results-in-two-messages-are-one-turn",
        ),
        pytest.param(
            [USER, said(use("a")), told(result("a")), said(use("a")), told(result("a"))],
            [(3, "duplicate_tool_call")],
            id="id-twice",
        ),
        pytest.param([USER, said(), USER], [(1, "empty_message")], id="no-blocks"),
        pytest.param([USER, {"role": "assistant", "content": ""}, USER], [(1, "empty_message")], id="empty-string"),
        pytest.param([USER, {"role": "assistant", "content": ""}], [(1, "last_role")], id="a-last-answer-may-be-empty"),
        pytest.param([USER, said(TEXT, {"type": "text", "text": ""}), USER], [(1, "empty_content")], id="empty-block"),
        pytest.param([SAID, USER], [(0, "first_role")], id="assistant-first"),
        pytest.param([USER, USER], [(1, "role_order")], id="user-twice"),
        pytest.param(
            [USER, said(THINKING), USER],
            [(1, "missing_item_after_reasoning"), (1, "undecryptable_item")],
            id="ends-in-thinking",
        ),
        pytest.param([USER, said(THINKING, TEXT), USER], [(1, "undecryptable_item")], id="thinking-that-can-go-stale"),
        pytest.param(
            [USER, said(use("s", "server_tool_use"), result("s", "web_search_tool_result"), TEXT), USER],
            [],
            id="server-tool",
        ),
        pytest.param([USER, said(TEXT, use("s", "server_tool_use")), USER], [], id="paused-server-tool"),
        pytest.param(
            [USER, said(TEXT, use("s", "server_tool_use")), USER, SAID, USER],
            [(1, "orphan_tool_call")],
            id="server-tool-left-over",
        ),
        pytest.param(
            [USER, said(result("s", "mcp_tool_result"), TEXT), USER],
            [(1, "orphan_tool_result")],
            id="server-result-alone",
        ),
        pytest.param(
            [
                USER,
                said(use("s", "server_tool_use"), use("a")),
                told(result("a")),
                said(result("s", "code_execution_tool_result"), TEXT),
            ],
            [(3, "last_role")],
            id="server-tool-that-calls-a-client-tool",
        ),
    ],
)
def test_faults(messages: list[Any], expected: list[tuple[int, str]]) -> None:
    assert found(messages) == expected
