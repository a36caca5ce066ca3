"""Items of a Responses request as a neutral history, and what is wrong with them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from proxy.model import Dialect
from proxy.session.faults import faults
from proxy.session.history import read


def found(items: Any, **request: Any) -> list[tuple[int, str]]:
    history = read(Dialect.RESPONSES, json.dumps({"tools": [{}], "input": items} | request).encode())
    assert history is not None
    return [(fault.position, str(fault.fault)) for fault in faults(history)]


USER = {"role": "user", "content": "hi"}
SAID = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "hello"}]}
REASONING = {"type": "reasoning", "id": "rs_1", "summary": []}
CALL = {"type": "function_call", "call_id": "a", "name": "f", "arguments": "{}"}
RESULT = {"type": "function_call_output", "call_id": "a", "output": "42"}


def named(item: dict[str, Any], id_: str) -> dict[str, Any]:
    return item | {"call_id": id_}


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        pytest.param("just text", [], id="a-string"),
        pytest.param([USER, REASONING, CALL, RESULT, REASONING, SAID, USER], [], id="a-run"),
        pytest.param([USER, CALL, named(CALL, "b"), named(RESULT, "b"), RESULT, SAID, USER], [], id="parallel"),
        pytest.param([USER, CALL, SAID, RESULT], [], id="said-beside-the-call"),
        pytest.param([USER, USER, SAID, SAID, USER], [], id="roles-have-no-order"),
        pytest.param([USER, CALL, USER], [(1, "orphan_tool_call")], id="call-without-output"),
        pytest.param([USER, RESULT, USER], [(1, "orphan_tool_result")], id="output-without-call"),
        pytest.param([USER, CALL, RESULT, RESULT, USER], [(3, "duplicate_tool_result")], id="output-twice"),
        pytest.param([USER, CALL, USER, RESULT, USER], [(3, "misplaced_tool_result")], id="output-after-a-user"),
        pytest.param([USER, RESULT, CALL, USER], [(1, "misplaced_tool_result")], id="output-before-its-call"),
        pytest.param([USER, CALL, CALL, RESULT], [(2, "duplicate_tool_call")], id="call-twice"),
        pytest.param([USER, REASONING, USER], [(1, "missing_item_after_reasoning")], id="reasoning-then-user"),
        pytest.param([USER, REASONING], [(1, "missing_item_after_reasoning")], id="reasoning-last"),
        pytest.param(
            [USER, REASONING, RESULT],
            [(1, "missing_item_after_reasoning"), (2, "orphan_tool_result")],
            id="reasoning-then-output",
        ),
        pytest.param([USER, REASONING | {"encrypted_content": "x"}, SAID], [(1, "undecryptable_item")], id="encrypted"),
        pytest.param([USER, {"role": "assistant", "content": []}, USER], [(1, "empty_message")], id="empty"),
        *(
            pytest.param([USER, CALL | {"type": form}, USER], [(1, "orphan_tool_call")], id=form)
            for form in ("custom_tool_call", "local_shell_call", "shell_call", "apply_patch_call", "computer_call")
        ),
        *(
            pytest.param(
                [USER, CALL | {"type": form}, RESULT | {"type": f"{form}_output"}, USER], [], id=f"{form}-answered"
            )
            for form in ("custom_tool_call", "local_shell_call", "shell_call", "apply_patch_call", "computer_call")
        ),
        pytest.param([USER, {"type": "web_search_call", "id": "ws_1"}, SAID, USER], [], id="hosted-call"),
        pytest.param([USER, {"type": "something_new"}, USER], [], id="unknown-item"),
        pytest.param(
            [
                USER,
                {"type": "local_shell_call", "call_id": "a"},
                {"type": "local_shell_call_output", "id": "a", "output": "1"},
                USER,
            ],
            [],
            id="output-that-names-its-call-in-id",
        ),
    ],
)
def test_faults(items: Any, expected: list[tuple[int, str]]) -> None:
    assert found(items) == expected


@pytest.mark.parametrize("handle", ["previous_response_id", "conversation"])
def test_an_output_may_answer_a_call_that_the_provider_holds(handle: str) -> None:
    assert found([RESULT], **{handle: "id_1"}) == []
    assert found([{"type": "item_reference", "id": "fc_1"}, RESULT]) == []
    assert found([RESULT], **{handle: None}) == [(0, "orphan_tool_result")]
