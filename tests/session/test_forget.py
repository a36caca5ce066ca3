"""A stale handle is left out only where the request itself holds what it stood for."""

from __future__ import annotations

import json
from typing import Any

import pytest

from proxy.model import Dialect
from proxy.session.forget import forget, handles

USER = {"role": "user", "content": "hi"}
SAID = {"role": "assistant", "content": "hello"}
FC = {"type": "function_call", "call_id": "a", "name": "f", "arguments": "{}"}
OUT = {"type": "function_call_output", "call_id": "a", "output": "1"}


def without(dialect: Dialect, request: dict[str, Any], member: str) -> Any:
    left = forget(dialect, json.dumps(request).encode(), member)
    return None if left is None else json.loads(left)


@pytest.mark.parametrize("member", ["previous_response_id", "conversation"])
@pytest.mark.parametrize(
    ("items", "whole"),
    [
        pytest.param([USER, SAID, USER], True, id="with-the-models-words"),
        pytest.param([{"role": "developer", "content": "x"}, USER, FC, OUT], True, id="with-a-call-and-its-output"),
        pytest.param([USER], False, id="a-question-alone"),
        pytest.param("hi", False, id="a-string"),
        pytest.param([OUT], False, id="an-output-alone"),
        pytest.param([USER, SAID, OUT], False, id="an-output-for-a-call-elsewhere"),
        pytest.param([SAID, USER], False, id="begins-in-the-middle"),
        pytest.param([{"type": "item_reference", "id": "m"}, USER, SAID, USER], False, id="refers-to-stored-items"),
    ],
)
def test_a_history_elsewhere(member: str, items: Any, whole: bool) -> None:
    request = {"model": "m", "input": items}
    assert without(Dialect.RESPONSES, request | {member: "id_1"}, member) == (request if whole else None)


def test_one_of_two_handles_is_not_enough() -> None:
    request = {"previous_response_id": "r", "conversation": "c", "input": [USER, SAID, USER]}
    assert without(Dialect.RESPONSES, request, "conversation") is None


def test_a_container_holds_no_history() -> None:
    request = {"messages": [USER]}
    assert without(Dialect.ANTHROPIC, request | {"container": "c_1"}, "container") == request
    assert without(Dialect.ANTHROPIC, request | {"container": {"id": "c_1"}}, "container") == request
    skilled = {"container": {"id": "c_1", "skills": [1]}}
    assert without(Dialect.ANTHROPIC, request | skilled, "container") == request | {"container": {"skills": [1]}}
    tools = [
        {"type": "code_interpreter", "container": "cntr_1"},
        {"type": "code_interpreter", "container": {"type": "auto"}},
    ]
    assert without(Dialect.RESPONSES, {"input": "x", "tools": tools}, "container") == {
        "input": "x",
        "tools": [tools[1], tools[1]],
    }


def test_what_a_cache_holds_is_in_no_request() -> None:
    request = {
        "cachedContent": "c",
        "contents": [{"role": "user", "parts": []}, {"role": "model", "parts": [{"text": "a"}]}],
    }
    assert without(Dialect.GEMINI, request, "cachedContent") is None


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"input": 1}', b'{"previous_response_id": null, "input": []}'])
def test_nothing_to_forget(body: bytes) -> None:
    assert forget(Dialect.RESPONSES, body, "previous_response_id") is None
    assert handles(Dialect.RESPONSES, None) == ()


def test_every_other_byte_stays() -> None:
    body = b' { "input" : [ {"role":"user","content":"a"} , {"role":"assistant","content":"\\u00e9"}],\n "previous_response_id":"r" , "n": 1.0 }\n'
    assert forget(Dialect.RESPONSES, body, "previous_response_id") == body.replace(
        b' "previous_response_id":"r" ,', b""
    )
