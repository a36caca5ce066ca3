"""What a failed call means for the client's session: action, counts and places."""

from __future__ import annotations

import json
from typing import Any

import pytest

from proxy.model import TRAITS, Action, Class, Confidence, Dialect, Scope, Source, Verdict
from proxy.session.hint import SessionHint, hint

USER = {"role": "user", "content": "hi"}
SAID = {"role": "assistant", "content": "hello"}
STRAY = {"role": "tool", "tool_call_id": "x", "content": "1"}


def verdict(cls: Class = Class.BAD_REQUEST, reason: str = "history_out_of_order", **more: Any) -> Verdict:
    known: dict[str, Any] = {"action": TRAITS[cls].action, "confidence": Confidence.CODE} | more
    return Verdict(cls=cls, reason=reason, rule="test", scope=Scope.REQUEST, advice="", **known)


def body(*messages: Any, **request: Any) -> bytes:
    return json.dumps({"messages": messages, "tools": [{}]} | request).encode()


def test_rollback_counts() -> None:
    said = hint(verdict(Class.CONTENT_FILTER), Dialect.OPENAI_CHAT, body(USER, SAID, USER, USER))
    assert said == SessionHint(action=Action.ROLLBACK, rollback=2, rollback_last=1)


def test_repair_places() -> None:
    said = hint(verdict(action=Action.REPAIR), Dialect.OPENAI_CHAT, body(USER, SAID, STRAY, USER))
    assert said == SessionHint(action=Action.REPAIR, fault="messages[2]: orphan_tool_result")


@pytest.mark.parametrize(
    ("dialect", "request_", "fault"),
    [
        (
            Dialect.RESPONSES,
            {"input": [{"type": "function_call_output", "call_id": "x", "output": "1"}]},
            "input[0]: orphan_tool_result",
        ),
        (Dialect.GEMINI, {"contents": [{"parts": [{"text": ""}]}]}, "contents[0]: empty_message"),
        (
            Dialect.ANTHROPIC,
            {"messages": [USER, {"role": "assistant", "content": []}, USER]},
            "messages[1]: empty_message",
        ),
    ],
)
def test_places_stand_in_the_dialects_own_member(dialect: Dialect, request_: Any, fault: str) -> None:
    assert hint(verdict(action=Action.REPAIR), dialect, json.dumps(request_).encode()).fault == fault


def test_five_places_are_named_and_the_rest_counted() -> None:
    said = hint(verdict(action=Action.REPAIR), Dialect.OPENAI_CHAT, body(USER, SAID, *[STRAY] * 8, USER))
    places = [f"messages[{at}]: orphan_tool_result" for at in range(2, 7)]
    assert said.fault == ", ".join([*places, "+3"])


def test_repair_without_a_fault_says_so_without_places() -> None:
    said = hint(verdict(action=Action.REPAIR), Dialect.OPENAI_CHAT, body(USER, SAID, USER))
    assert said == SessionHint(action=Action.REPAIR)


def test_what_only_some_providers_refuse_is_named_where_nothing_else_explains_it() -> None:
    twice = body(USER, USER, SAID, USER)
    assert hint(verdict(action=Action.REPAIR), Dialect.OPENAI_CHAT, twice).fault == "messages[1]: role_order"
    beside = hint(verdict(action=Action.REPAIR), Dialect.OPENAI_CHAT, body(USER, USER, SAID, STRAY, USER))
    assert beside.fault == "messages[3]: orphan_tool_result"


@pytest.mark.parametrize("refuses", [frozenset(), frozenset({"role_order"})])
def test_a_reason_or_the_provider_says_what_is_minded(refuses: frozenset[str]) -> None:
    reason = "history_out_of_order" if refuses else "message_order"
    said = hint(
        verdict(reason=reason, action=Action.REPAIR),
        Dialect.OPENAI_CHAT,
        body(USER, USER, SAID, STRAY, SAID, USER),
        refuses,
    )
    assert said.fault == "messages[1]: role_order, messages[3]: orphan_tool_result"


@pytest.mark.parametrize(
    "reason", ["undecryptable_item", "unreadable_item", "invalid_encrypted_content", "thinking_signature"]
)
def test_opaque_items_are_named_only_for_their_reason(reason: str) -> None:
    thinking = {
        "role": "assistant",
        "content": [{"type": "thinking", "thinking": "", "signature": "x"}, {"type": "text", "text": "a"}],
    }
    request = body(USER, thinking, USER)
    assert (
        hint(verdict(reason=reason, action=Action.REPAIR), Dialect.ANTHROPIC, request).fault
        == "messages[1]: undecryptable_item"
    )
    assert hint(verdict(action=Action.REPAIR), Dialect.ANTHROPIC, request).fault is None


def test_a_reason_for_empty_messages_names_blank_parts_too() -> None:
    blank = {"role": "assistant", "content": [{"type": "text", "text": ""}, {"type": "text", "text": "a"}]}
    said = hint(verdict(reason="empty_message", action=Action.REPAIR), Dialect.ANTHROPIC, body(USER, blank, USER, USER))
    assert said.fault == "messages[1]: empty_content"


def test_a_body_that_was_not_kept_gives_the_action_alone() -> None:
    assert hint(verdict(Class.CONTENT_FILTER), Dialect.OPENAI_CHAT, None) == SessionHint(action=Action.ROLLBACK)
    assert hint(verdict(action=Action.REPAIR), None, body(USER)) == SessionHint(action=Action.REPAIR)
    assert hint(verdict(action=Action.ROLLBACK), Dialect.OPENAI_CHAT, b"not json") == SessionHint(
        action=Action.ROLLBACK
    )


@pytest.mark.parametrize(
    "cls", [cls for cls in Class if TRAITS[cls].action in (Action.KEEP, Action.RESET, Action.COMPACT)]
)
def test_the_other_actions_stand_as_they_are(cls: Class) -> None:
    said = hint(verdict(cls), Dialect.OPENAI_CHAT, body(USER, SAID, STRAY, USER))
    assert said == SessionHint(action=TRAITS[cls].action)


def test_a_400_that_nobody_can_explain_is_explained_by_a_broken_history() -> None:
    unexplained = verdict(reason="unknown", confidence=Confidence.STATUS)
    said = hint(unexplained, Dialect.OPENAI_CHAT, body(USER, SAID, STRAY, USER))
    assert said == SessionHint(action=Action.REPAIR, fault="messages[2]: orphan_tool_result")
    assert hint(unexplained, Dialect.OPENAI_CHAT, body(USER, USER)) == SessionHint(action=Action.KEEP)
    ours = verdict(reason="malformed", confidence=Confidence.STATUS, source=Source.PROXY)
    assert hint(ours, Dialect.OPENAI_CHAT, body(USER, SAID, STRAY, USER)) == SessionHint(action=Action.KEEP)


@pytest.mark.parametrize(
    ("dialect", "stated", "request_", "fault"),
    [
        (
            Dialect.RESPONSES,
            "previous_response_id",
            {"previous_response_id": "r", "input": "x"},
            "previous_response_id",
        ),
        (Dialect.RESPONSES, "previous_response_id", {"conversation": "c", "input": "x"}, "conversation"),
        (Dialect.RESPONSES, None, {"conversation": "c", "input": "x"}, "conversation"),
        (
            Dialect.RESPONSES,
            "container",
            {"input": "x", "tools": [{"type": "code_interpreter", "container": "cntr_1"}]},
            "container",
        ),
        (Dialect.RESPONSES, "file", {"conversation": "c", "input": "x"}, "file"),
        (Dialect.RESPONSES, "previous_response_id", {"input": "x"}, "previous_response_id"),
        (Dialect.ANTHROPIC, None, {"container": "c", "messages": []}, "container"),
        (Dialect.GEMINI, "cachedContent", {"cached_content": "c", "contents": []}, "cached_content"),
        (Dialect.GEMINI, None, {"contents": []}, None),
    ],
)
def test_new_session_names_the_member_to_forget(
    dialect: Dialect, stated: str | None, request_: Any, fault: str | None
) -> None:
    said = hint(verdict(Class.SESSION_EXPIRED, forget=stated), dialect, json.dumps(request_).encode())
    assert said == SessionHint(action=Action.NEW_SESSION, fault=fault)
    assert hint(verdict(Class.SESSION_EXPIRED, forget=stated), dialect, None).fault == stated
