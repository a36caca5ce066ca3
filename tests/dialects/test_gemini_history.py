"""Gemini contents as a neutral history, and what is wrong with them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from proxy.model import Dialect
from proxy.session.faults import faults
from proxy.session.history import read


def found(contents: Any, **request: Any) -> list[tuple[int, str]]:
    history = read(Dialect.GEMINI, json.dumps({"tools": [{}], "contents": contents} | request).encode())
    assert history is not None
    return [(fault.position, str(fault.fault)) for fault in faults(history)]


def model(*parts: Any) -> dict[str, Any]:
    return {"role": "model", "parts": list(parts)}


def user(*parts: Any) -> dict[str, Any]:
    return {"role": "user", "parts": list(parts)}


def call(name: str, **more: Any) -> dict[str, Any]:
    return {"functionCall": {"name": name, "args": {}} | more}


def response(name: str, **more: Any) -> dict[str, Any]:
    return {"functionResponse": {"name": name, "response": {"ok": 1}} | more}


TEXT = {"text": "words"}


@pytest.mark.parametrize(
    ("contents", "expected"),
    [
        pytest.param([{"parts": [TEXT]}], [], id="no-role-is-user"),
        pytest.param({"parts": [TEXT]}, [], id="one-content-without-a-list"),
        pytest.param([user(TEXT), model(call("f")), user(response("f")), model(TEXT), user(TEXT)], [], id="by-name"),
        pytest.param(
            [user(TEXT), model(call("f"), call("f")), user(response("f"), response("f"))], [], id="same-name-twice"
        ),
        pytest.param([user(TEXT), model(call("f", id="1")), user(response("f", id="1"))], [], id="by-id"),
        pytest.param([user(TEXT), model(call("f")), user(response("f", id="1"))], [], id="id-on-one-side"),
        pytest.param(
            [
                user(TEXT),
                model({"function_call": {"name": "f"}}),
                user({"function_response": {"name": "f"}}),
                model(TEXT),
            ],
            [(2, "empty_content"), (3, "last_role")],
            id="snake-case",
        ),
        pytest.param(
            [user(TEXT), model(call("f")), {"role": "function", "parts": [response("f")]}], [], id="function-role"
        ),
        pytest.param(
            [user(TEXT), model(call("f"), call("g")), user(response("f"))],
            [(1, "orphan_tool_call")],
            id="fewer-responses",
        ),
        pytest.param(
            [user(TEXT), model(call("f")), user(response("f"), response("g"))],
            [(2, "orphan_tool_result")],
            id="more-responses",
        ),
        pytest.param([user(TEXT), model(call("f")), user(TEXT)], [(1, "orphan_tool_call")], id="call-without-response"),
        pytest.param(
            [user(TEXT), model(call("f")), user(TEXT), user(response("f"))],
            [(3, "misplaced_tool_result"), (3, "role_order")],
            id="response-one-content-late",
        ),
        pytest.param([user(TEXT), model(), user(TEXT)], [(1, "empty_message")], id="no-parts"),
        pytest.param([user(TEXT), model({"text": ""}), user(TEXT)], [(1, "empty_message")], id="empty-text"),
        pytest.param(
            [user(TEXT), model({"text": "", "thoughtSignature": "Zm9v"}), user(TEXT)],
            [(1, "undecryptable_item")],
            id="a-signature-alone-is-content",
        ),
        pytest.param([model(TEXT), user(TEXT)], [(0, "first_role")], id="model-first"),
        pytest.param(
            [user(TEXT), model(TEXT), model(call("f")), user(response("f"))], [(2, "role_order")], id="call-after-model"
        ),
    ],
)
def test_faults(contents: Any, expected: list[tuple[int, str]]) -> None:
    assert found(contents) == expected


def test_a_cache_may_hold_the_beginning() -> None:
    assert found([user(response("f")), model(TEXT), user(TEXT)], cachedContent="cachedContents/x") == []
