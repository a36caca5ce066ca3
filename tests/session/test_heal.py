"""A history mended on its way out: least change, nothing else touched, and once is enough."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.model import Dialect
from proxy.session.faults import faults
from proxy.session.heal import heal
from proxy.session.history import read
from proxy.session.mending import NO_ANSWER, NO_BEGINNING, NO_RESULT, NOTHING_RETURNED
from proxy.session.turn import ALWAYS, Fault

MEMBER = {
    Dialect.OPENAI_CHAT: "messages",
    Dialect.RESPONSES: "input",
    Dialect.ANTHROPIC: "messages",
    Dialect.GEMINI: "contents",
}
EVERYTHING = frozenset(fault.value for fault in Fault)


def healed(dialect: Dialect, entries: list[Any], *refuses: str, poisoned: Any = ()) -> tuple[list[Any], str]:
    """The entries after healing, and what the header says of it; the same entries and nothing where nothing was done."""
    body = json.dumps({"model": "m", MEMBER[dialect]: entries, "tools": [{}]}).encode()
    done = heal(dialect, body, frozenset(refuses), poisoned)
    if done is None:
        return entries, ""
    assert heal(dialect, done.body, frozenset(refuses)) is None
    return json.loads(done.body)[MEMBER[dialect]], done.text


# OpenAI chat

SYSTEM = {"role": "system", "content": ""}
USER = {"role": "user", "content": "hi"}
SAID = {"role": "assistant", "content": "hello"}


def call(*ids: str, **more: Any) -> dict[str, Any]:
    calls = [{"id": id_, "type": "function", "function": {"name": "f", "arguments": "{}"}} for id_ in ids]
    return {"role": "assistant", "content": None, "tool_calls": calls} | more


def result(id_: str, content: str = "42") -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": id_, "content": content}


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        pytest.param([SYSTEM, USER, SAID, USER], None, "", id="nothing-to-do"),
        pytest.param([USER, USER, call("a"), result("a"), USER], None, "", id="what-only-some-refuse-stays"),
        pytest.param(
            [USER, call("a"), USER],
            [USER, call("a"), result("a", NO_RESULT), USER],
            "repaired=orphan_tool_call@1",
            id="a-missing-result",
        ),
        pytest.param(
            [USER, call("a", "b", "c"), result("b"), SAID, USER],
            [USER, call("a", "b", "c"), result("a", NO_RESULT), result("c", NO_RESULT), result("b"), SAID, USER],
            "repaired=orphan_tool_call@1",
            id="two-of-three-missing",
        ),
        pytest.param(
            [USER, call("a")], [USER, call("a"), result("a", NO_RESULT)], "repaired=orphan_tool_call@1", id="at-the-end"
        ),
        pytest.param(
            [USER, call("a", "b"), result("a")],
            [USER, call("a", "b"), result("b", NO_RESULT), result("a")],
            "repaired=orphan_tool_call@1",
            id="beside-the-newest-result",
        ),
        pytest.param(
            [USER, SAID, result("z"), USER], [USER, SAID, USER], "repaired=orphan_tool_result@2", id="a-stray-result"
        ),
        pytest.param(
            [USER, call("a"), result("a"), result("a", "43"), SAID, USER],
            [USER, call("a"), result("a"), SAID, USER],
            "repaired=duplicate_tool_result@3",
            id="a-second-result",
        ),
        pytest.param(
            [USER, call("a"), USER, result("a"), SAID, USER],
            [USER, call("a"), result("a"), USER, SAID, USER],
            "repaired=misplaced_tool_result@3",
            id="a-late-result",
        ),
        pytest.param(
            [USER, result("a"), call("a"), SAID, USER],
            [USER, call("a"), result("a"), SAID, USER],
            "repaired=misplaced_tool_result@1",
            id="an-early-result",
        ),
        pytest.param(
            [USER, call("a"), {"role": "assistant", "content": ""}, result("a"), SAID, USER],
            [USER, call("a"), result("a"), SAID, USER],
            "repaired=empty_message@2",
            id="an-empty-message-between-call-and-result",
        ),
        pytest.param(
            [USER, call("a"), call("a"), result("a"), SAID, USER],
            [USER, call("a"), result("a"), SAID, USER],
            "repaired=duplicate_tool_call@1",
            id="a-call-stored-twice",
        ),
        pytest.param(
            [USER, call("a", "a", content="so"), result("a"), SAID, USER],
            [USER, call("a", content="so"), result("a"), SAID, USER],
            "repaired=duplicate_tool_call@1",
            id="a-call-twice-in-one-message",
        ),
        pytest.param(
            [USER, {"role": "assistant", "content": None}, USER, {"role": "user", "content": ""}, USER],
            [USER, USER, USER],
            "repaired=empty_message@1,empty_message@3",
            id="empty-messages",
        ),
        pytest.param([USER, SAID, {"role": "user", "content": ""}], None, "", id="the-newest-input-stays-though-empty"),
        pytest.param([USER, SAID, result("z")], None, "", id="the-newest-input-stays-though-a-stray"),
        pytest.param([SYSTEM, {"role": "assistant", "content": ""}], None, "", id="a-request-is-not-emptied"),
    ],
)
def test_chat(before: list[Any], after: list[Any] | None, told: str) -> None:
    assert healed(Dialect.OPENAI_CHAT, before) == (before if after is None else after, told)


@pytest.mark.parametrize(
    ("refuses", "before", "after", "told"),
    [
        pytest.param(
            "role_order",
            [USER, USER, SAID, USER],
            [{"role": "user", "content": "hi\n\nhi"}, SAID, USER],
            "repaired=role_order@1",
            id="merged",
        ),
        pytest.param(
            "role_order",
            [USER, SAID, {"role": "assistant", "content": [{"type": "text", "text": "b"}], "name": "n"}, USER],
            [
                USER,
                {
                    "role": "assistant",
                    "content": [{"type": "text", "text": "hello"}, {"type": "text", "text": "b"}],
                    "name": "n",
                },
                USER,
            ],
            "repaired=role_order@2",
            id="a-string-and-parts",
        ),
        pytest.param(
            "role_order",
            [USER, SAID, call("a"), result("a"), SAID, USER],
            [USER, call("a", content="hello"), result("a"), SAID, USER],
            "repaired=role_order@2",
            id="words-before-calls",
        ),
        pytest.param(
            "role_order",
            [USER, SAID, USER, USER],
            [USER, SAID, USER, {"role": "assistant", "content": NO_ANSWER}, USER],
            "repaired=role_order@3",
            id="the-newest-input-is-not-merged",
        ),
        pytest.param(
            "role_order",
            [USER, call("a"), result("a"), USER, SAID, USER],
            [USER, call("a"), result("a"), {"role": "assistant", "content": NO_ANSWER}, USER, SAID, USER],
            "repaired=role_order@3",
            id="user-after-tool",
        ),
        pytest.param(
            "first_role",
            [SYSTEM, SAID, USER],
            [SYSTEM, {"role": "user", "content": NO_BEGINNING}, SAID, USER],
            "repaired=first_role@1",
            id="first",
        ),
        pytest.param(
            "empty_content",
            [USER, {"role": "assistant", "content": " "}, USER],
            [USER, USER],
            "repaired=empty_content@1",
            id="white-space",
        ),
        pytest.param(
            "empty_content",
            [USER, call("a", content=""), result("a", ""), SAID, USER],
            [USER, call("a"), result("a", NOTHING_RETURNED), SAID, USER],
            "repaired=empty_content@1,empty_content@2",
            id="blank-beside-calls-and-in-a-result",
        ),
    ],
)
def test_chat_where_the_provider_refuses_it(refuses: str, before: list[Any], after: list[Any], told: str) -> None:
    assert healed(Dialect.OPENAI_CHAT, before) == (before, "")
    assert healed(Dialect.OPENAI_CHAT, before, refuses) == (after, told)


# Responses

REASONING = {"type": "reasoning", "id": "rs", "summary": []}
FC = {"type": "function_call", "call_id": "a", "name": "f", "arguments": "{}"}
OUT = {"type": "function_call_output", "call_id": "a", "output": "1"}


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        pytest.param(
            [USER, REASONING, FC, USER],
            [USER, REASONING, FC, OUT | {"output": NO_RESULT}, USER],
            "orphan_tool_call@2",
            id="missing",
        ),
        pytest.param([USER, OUT, USER], [USER, USER], "orphan_tool_result@1", id="stray"),
        pytest.param([USER, FC, OUT, OUT, USER], [USER, FC, OUT, USER], "duplicate_tool_result@3", id="twice"),
        pytest.param([USER, FC, USER, OUT, USER], [USER, FC, OUT, USER, USER], "misplaced_tool_result@3", id="late"),
        pytest.param([USER, FC, USER, OUT], [USER, FC, OUT, USER], "misplaced_tool_result@3", id="late-and-newest"),
        pytest.param(
            [USER, REASONING, {"type": "computer_call", "call_id": "c", "action": {}}, USER],
            [USER, USER],
            "orphan_tool_call@2",
            id="a-screenshot-cannot-be-made-up",
        ),
        pytest.param(
            [USER, REASONING, FC, REASONING, FC, OUT, USER],
            [USER, REASONING, FC, OUT, USER],
            "duplicate_tool_call@4",
            id="call-twice",
        ),
        *(
            pytest.param(
                [USER, {"type": f"{form}_call", "call_id": "a"}, USER],
                [USER, {"type": f"{form}_call", "call_id": "a"}, {"type": f"{form}_call_output"} | said, USER],
                "orphan_tool_call@1",
                id=form,
            )
            for form, said in (
                ("custom_tool", {"call_id": "a", "output": NO_RESULT}),
                ("local_shell", {"id": "a", "output": NO_RESULT}),
                (
                    "shell",
                    {"call_id": "a", "output": [{"stdout": "", "stderr": NO_RESULT, "outcome": {"type": "timeout"}}]},
                ),
                ("apply_patch", {"call_id": "a", "status": "failed", "output": NO_RESULT}),
            )
        ),
    ],
)
def test_responses(before: list[Any], after: list[Any], told: str) -> None:
    assert healed(Dialect.RESPONSES, before) == (after, f"repaired={told}")


def test_reasoning_items_go_where_they_are_refused() -> None:
    opaque = REASONING | {"encrypted_content": "x"}
    assert healed(Dialect.RESPONSES, [USER, opaque, SAID, USER], "undecryptable_item") == (
        [USER, SAID, USER],
        "repaired=undecryptable_item@1",
    )
    assert healed(Dialect.RESPONSES, [USER, REASONING, REASONING, USER], "missing_item_after_reasoning") == (
        [USER, USER],
        "repaired=missing_item_after_reasoning@1,missing_item_after_reasoning@2",
    )


# Anthropic

TEXT = {"type": "text", "text": "words"}
THINKING = {"type": "thinking", "thinking": "hm", "signature": "Zm9v"}
USE = {"type": "tool_use", "id": "a", "name": "f", "input": {}}
ANSWER = {"type": "tool_result", "tool_use_id": "a", "content": "42"}
MISSING = ANSWER | {"content": NO_RESULT}


def says(*blocks: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": list(blocks)}


def tells(*blocks: Any) -> dict[str, Any]:
    return {"role": "user", "content": list(blocks)}


@pytest.mark.parametrize(
    ("refuses", "before", "after", "told"),
    [
        pytest.param(
            "",
            [USER, says(TEXT, USE), USER],
            [USER, says(TEXT, USE), tells(MISSING), USER],
            "orphan_tool_call@1",
            id="missing",
        ),
        pytest.param(
            "",
            [USER, says(USE, USE | {"id": "b"}), tells(ANSWER | {"tool_use_id": "b"}, TEXT)],
            [USER, says(USE, USE | {"id": "b"}), tells(MISSING, ANSWER | {"tool_use_id": "b"}, TEXT)],
            "orphan_tool_call@1",
            id="missing-beside-another-in-the-newest-message",
        ),
        pytest.param(
            "",
            [USER, SAID, tells(ANSWER, TEXT), SAID, USER],
            [USER, SAID, tells(TEXT), SAID, USER],
            "orphan_tool_result@2",
            id="stray-block",
        ),
        pytest.param(
            "",
            [USER, SAID, tells(ANSWER), SAID, USER],
            [USER, SAID, SAID, USER],
            "orphan_tool_result@2",
            id="stray-message",
        ),
        pytest.param(
            "",
            [USER, says(USE), tells(ANSWER, ANSWER), SAID, USER],
            [USER, says(USE), tells(ANSWER), SAID, USER],
            "duplicate_tool_result@2",
            id="twice",
        ),
        pytest.param(
            "",
            [USER, says(USE), tells(TEXT, ANSWER), SAID, USER],
            [USER, says(USE), tells(ANSWER, TEXT), SAID, USER],
            "misplaced_tool_result@2",
            id="not-first",
        ),
        pytest.param(
            "",
            [USER, says(USE), USER, SAID, tells(ANSWER, TEXT), SAID, USER],
            [USER, says(USE), tells(ANSWER), USER, SAID, tells(TEXT), SAID, USER],
            "misplaced_tool_result@4",
            id="a-turn-late",
        ),
        pytest.param(
            "",
            [USER, says(USE), tells(ANSWER), says(TEXT, USE), tells(ANSWER), SAID, USER],
            [USER, says(USE), tells(ANSWER), says(TEXT), SAID, USER],
            "duplicate_tool_call@3",
            id="a-step-replayed",
        ),
        pytest.param(
            "",
            [USER, says(TEXT, {"type": "server_tool_use", "id": "s", "name": "w", "input": {}}), USER, SAID, USER],
            [USER, says(TEXT), USER, SAID, USER],
            "orphan_tool_call@1",
            id="a-hosted-call-without-result",
        ),
        pytest.param("", [USER, says(), USER], [USER, USER], "empty_message@1", id="empty"),
        pytest.param(
            "empty_content",
            [USER, says(TEXT, TEXT | {"text": ""}), USER],
            [USER, says(TEXT), USER],
            "empty_content@1",
            id="blank-block",
        ),
        pytest.param(
            "undecryptable_item",
            [USER, says(THINKING, TEXT), USER],
            [USER, says(TEXT), USER],
            "undecryptable_item@1",
            id="signature-refused",
        ),
        pytest.param(
            "missing_item_after_reasoning",
            [USER, says(TEXT, THINKING), USER],
            [USER, says(TEXT), USER],
            "missing_item_after_reasoning@1",
            id="ends-in-thinking",
        ),
        pytest.param(
            "role_order",
            [USER, says(USE), USER, SAID, USER],
            [USER, says(USE), tells(MISSING, {"type": "text", "text": "hi"}), SAID, USER],
            "orphan_tool_call@1,role_order@2",
            id="a-result-and-the-words-after-it-are-one-message",
        ),
    ],
)
def test_anthropic(refuses: str, before: list[Any], after: list[Any], told: str) -> None:
    assert healed(Dialect.ANTHROPIC, before, refuses) == (after, f"repaired={told}")


# Gemini


def model(*parts: Any) -> dict[str, Any]:
    return {"role": "model", "parts": list(parts)}


def user(*parts: Any) -> dict[str, Any]:
    return {"role": "user", "parts": list(parts)}


def asks(name: str, **more: Any) -> dict[str, Any]:
    return {"functionCall": {"name": name, "args": {}}} | more


def gives(name: str, output: str = "1") -> dict[str, Any]:
    return {"functionResponse": {"name": name, "response": {"output": output}}}


WORDS = {"text": "words"}


@pytest.mark.parametrize(
    ("refuses", "before", "after", "told"),
    [
        pytest.param(
            "",
            [user(WORDS), model(asks("f")), user(WORDS)],
            [user(WORDS), model(asks("f")), user(gives("f", NO_RESULT)), user(WORDS)],
            "orphan_tool_call@1",
            id="missing",
        ),
        pytest.param(
            "",
            [user(WORDS), model(asks("f"), asks("g")), user(gives("f")), model(WORDS), user(WORDS)],
            [
                user(WORDS),
                model(asks("f"), asks("g")),
                user(gives("g", NO_RESULT), gives("f")),
                model(WORDS),
                user(WORDS),
            ],
            "orphan_tool_call@1",
            id="one-of-two",
        ),
        pytest.param(
            "",
            [user(WORDS), model(WORDS), user(gives("f"), WORDS), model(WORDS), user(WORDS)],
            [user(WORDS), model(WORDS), user(WORDS), model(WORDS), user(WORDS)],
            "orphan_tool_result@2",
            id="stray",
        ),
        pytest.param(
            "", [user(WORDS), model(), user(WORDS)], [user(WORDS), user(WORDS)], "empty_message@1", id="empty"
        ),
        pytest.param(
            "role_order",
            [user(WORDS), user(WORDS), model(WORDS), user(WORDS)],
            [user(WORDS, WORDS), model(WORDS), user(WORDS)],
            "role_order@1",
            id="merged",
        ),
        pytest.param(
            "undecryptable_item",
            [
                user(WORDS),
                model(asks("f", thoughtSignature="Zm9v")),
                user(gives("f")),
                model(WORDS | {"thoughtSignature": "Zm9v"}),
                user(WORDS),
            ],
            [
                user(WORDS),
                model(asks("f", thoughtSignature="skip_thought_signature_validator")),
                user(gives("f")),
                model(WORDS),
                user(WORDS),
            ],
            "undecryptable_item@1,undecryptable_item@3",
            id="signatures-refused",
        ),
    ],
)
def test_gemini(refuses: str, before: list[Any], after: list[Any], told: str) -> None:
    assert healed(Dialect.GEMINI, before, refuses) == (after, f"repaired={told}")


# Bytes


def test_every_other_byte_stays() -> None:
    body = rb""" {"z": 1.50,  "model" : "m\u00e9", "a":1e5,
      "messages": [ {"content":"hi \ud83d\ude00" , "role":"user"} ,
        {"role":"assistant","tool_calls":[{"id":"\u0061", "type":"function","function":{"name":"f","arguments":"{ }"}} ], "n":1.0},
        {"role":"tool","content":"stray","tool_call_id":"z"},
        { "role" : "user", "content" : "bye" } ] , "z": 2 }
"""
    done = heal(Dialect.OPENAI_CHAT, body)
    assert done is not None
    placeholder = json.dumps(
        {"role": "tool", "tool_call_id": "a", "content": NO_RESULT}, separators=(",", ":")
    ).encode()
    assert done.body == body.replace(
        b',\n        {"role":"tool","content":"stray","tool_call_id":"z"},\n        {',
        b" ,\n        " + placeholder + b" ,\n        {",
    )
    assert done.text == "repaired=orphan_tool_call@1,orphan_tool_result@2"


def test_a_string_input_has_nothing_to_mend() -> None:
    assert heal(Dialect.RESPONSES, b'{"input": ""}') is None


# Poisoned turns


def test_a_poisoned_turn_is_left_out() -> None:
    bad = {"role": "user", "content": "bad"}
    assert healed(Dialect.OPENAI_CHAT, [SYSTEM, USER, SAID, bad, USER], poisoned=[(3, 3)]) == (
        [SYSTEM, USER, SAID, USER],
        "dropped=3-3",
    )
    before = [USER, SAID, bad, call("a"), result("a"), SAID, USER, call("b"), USER]
    after = [USER, SAID, USER, call("b"), result("b", NO_RESULT), USER]
    assert healed(Dialect.OPENAI_CHAT, before, poisoned=[(2, 5)]) == (after, "repaired=orphan_tool_call@7 dropped=2-5")


def test_the_newest_input_and_system_messages_are_never_left_out() -> None:
    assert healed(Dialect.OPENAI_CHAT, [USER, SAID, USER], poisoned=[(2, 2)])[1] == ""
    assert healed(Dialect.OPENAI_CHAT, [USER, SYSTEM, USER], poisoned=[(0, 2)]) == ([SYSTEM, USER], "dropped=0-0")


# Any history

IDS = st.sampled_from(["", "a", "b", "c"])
SAYS = st.sampled_from(["", " ", "x", "y"])
_CHAT = st.one_of(
    st.builds(
        lambda role, content: {"role": role, "content": content},
        st.sampled_from(["system", "user", "assistant"]),
        SAYS | st.none(),
    ),
    st.builds(lambda ids, content: call(*ids, content=content), st.lists(IDS, max_size=3), SAYS | st.none()),
    st.builds(result, IDS, SAYS),
)
_FORMS = ["function_call", "custom_tool_call", "local_shell_call", "shell_call", "apply_patch_call", "computer_call"]
_ITEMS = st.one_of(
    st.builds(
        lambda role, content: {"role": role, "content": content},
        st.sampled_from(["developer", "user", "assistant"]),
        SAYS,
    ),
    st.builds(lambda form, id_: {"type": form, "call_id": id_}, st.sampled_from(_FORMS), IDS),
    st.builds(
        lambda form, id_, output: {"type": form + "_output", "call_id": id_, "output": output},
        st.sampled_from(_FORMS),
        IDS,
        SAYS,
    ),
    st.just(REASONING),
    st.just(REASONING | {"encrypted_content": "x"}),
    st.just({"type": "web_search_call", "id": "ws"}),
)
_BLOCKS = st.one_of(
    st.builds(lambda text: {"type": "text", "text": text}, SAYS),
    st.builds(lambda form, id_: USE | {"type": form, "id": id_}, st.sampled_from(["tool_use", "server_tool_use"]), IDS),
    st.builds(
        lambda form, id_, content: {"type": form, "tool_use_id": id_, "content": content},
        st.sampled_from(["tool_result", "web_search_tool_result"]),
        IDS,
        SAYS,
    ),
    st.just(THINKING),
)
_MESSAGES = st.builds(
    lambda role, content: {"role": role, "content": content},
    st.sampled_from(["user", "assistant"]),
    st.lists(_BLOCKS, max_size=4) | SAYS,
)
_PARTS = st.one_of(
    st.builds(lambda text: {"text": text}, SAYS),
    st.builds(
        lambda name, id_: {"functionCall": {"name": name, "id": id_, "args": {}}, "thoughtSignature": id_},
        st.sampled_from("fg"),
        IDS,
    ),
    st.builds(
        lambda name, id_: {"functionResponse": {"name": name, "id": id_, "response": {}}}, st.sampled_from("fg"), IDS
    ),
    st.just({"text": "", "thoughtSignature": "Zm9v"}),
    st.just({"text": "hm", "thought": True}),
)
_CONTENTS = st.builds(
    lambda role, parts: {"role": role, "parts": parts},
    st.sampled_from(["user", "model", "function"]),
    st.lists(_PARTS, max_size=4),
)
_ENTRIES = {
    Dialect.OPENAI_CHAT: _CHAT,
    Dialect.RESPONSES: _ITEMS,
    Dialect.ANTHROPIC: _MESSAGES,
    Dialect.GEMINI: _CONTENTS,
}


@pytest.mark.parametrize("dialect", Dialect)
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_any_history_is_healed_once_and_loses_neither_input_nor_system_messages(
    dialect: Dialect, data: st.DataObject
) -> None:
    entries = data.draw(st.lists(_ENTRIES[dialect], max_size=10))
    refuses = data.draw(
        st.sampled_from([frozenset(), EVERYTHING, frozenset({"role_order"}), frozenset({"empty_content"})])
    )
    before = {"model": "m", MEMBER[dialect]: entries, "tools": [{}]}
    done = heal(dialect, json.dumps(before).encode(), refuses)
    if done is None:
        return
    assert heal(dialect, done.body, refuses) is None
    after = json.loads(done.body)
    assert after | {MEMBER[dialect]: 0} == before | {MEMBER[dialect]: 0}
    assert after[MEMBER[dialect]]
    assert all(0 <= position < len(entries) for _, position in done.repairs)
    left = _flat(after[MEMBER[dialect]])
    history = read(dialect, json.dumps(before).encode())
    assert history is not None
    newest = max(
        (at for at, entry in enumerate(history.entries) if entry.role in ("user", "tool")), default=len(entries)
    )
    assert all(piece in left for piece in _flat(entries[newest : newest + 1]))
    assert [entry for entry in after[MEMBER[dialect]] if entry.get("role") in ("system", "developer")] == [
        entry for entry in entries if entry.get("role") in ("system", "developer")
    ]


@pytest.mark.parametrize("dialect", Dialect)
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_below_a_new_question_no_fault_is_left_that_every_provider_refuses(
    dialect: Dialect, data: st.DataObject
) -> None:
    question = (
        {"role": "user", "parts": [{"text": "?"}]} if dialect is Dialect.GEMINI else {"role": "user", "content": "?"}
    )
    entries = [*data.draw(st.lists(_ENTRIES[dialect], max_size=10)), question]
    refuses = data.draw(
        st.sampled_from([frozenset(), EVERYTHING, frozenset({"role_order"}), frozenset({"empty_content"})])
    )
    body = json.dumps({MEMBER[dialect]: entries}).encode()
    done = heal(dialect, body, refuses)
    history = read(dialect, body if done is None else done.body)
    assert history is not None
    assert not [found for found in faults(history) if found.fault in ALWAYS]


def _flat(entries: list[Any]) -> list[Any]:
    """Messages of blocks as their blocks, as a block may be led by a placeholder or move; others as they are."""
    pieces: list[Any] = []
    for entry in entries:
        inner = entry.get("content", entry.get("parts"))
        pieces.extend(inner if isinstance(inner, list) else [entry])
    return pieces
