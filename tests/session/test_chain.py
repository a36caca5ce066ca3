"""The same past is known again, whatever a client does to its form, and nothing else is."""

from __future__ import annotations

import json
from time import process_time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.model import Dialect
from proxy.session.chain import caller_key, chain, label
from proxy.session.history import read

KEY = caller_key(b"sk-secret")
USER = {"role": "user", "content": "hi"}
SAID = {"role": "assistant", "content": "hello"}
MEMBER = {
    Dialect.OPENAI_CHAT: "messages",
    Dialect.RESPONSES: "input",
    Dialect.ANTHROPIC: "messages",
    Dialect.GEMINI: "contents",
}


def digest(dialect: Dialect, *entries: Any, key: bytes = KEY) -> str:
    """Of the last entry."""
    history = read(dialect, json.dumps({MEMBER[dialect]: entries}).encode())
    assert history is not None
    return chain(history, key)[-1]


def test_a_digest_stands_where_a_request_can_end() -> None:
    call = {"role": "assistant", "tool_calls": [{"id": i, "function": {"name": "f"}} for i in "ab"]}
    results = [{"role": "tool", "tool_call_id": i, "content": "1"} for i in "ab"]
    history = read(Dialect.OPENAI_CHAT, json.dumps({"messages": [USER, call, *results, SAID, USER, USER]}).encode())
    assert history is not None
    digests = chain(history, KEY)
    assert [bool(each) for each in digests] == [True, False, False, True, False, True, True]
    assert len(set(digests)) == 5
    shorter = read(Dialect.OPENAI_CHAT, json.dumps({"messages": [USER, call, *results]}).encode())
    assert shorter is not None
    assert chain(shorter, KEY) == digests[:4]


def asks(use_id: str = "a", arguments: Any = None, **more: Any) -> dict[str, Any]:
    arguments = {"x": 1, "y": 2} if arguments is None else arguments
    return {
        "role": "assistant",
        "content": [{"type": "tool_use", "id": use_id, "name": "f", "input": arguments} | more],
    }


def answers(use_id: str = "a", content: Any = "1", **more: Any) -> dict[str, Any]:
    return {"role": "user", "content": [{"type": "tool_result", "tool_use_id": use_id, "content": content} | more]}


IMAGE: dict[str, Any] = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}}
MARK: dict[str, Any] = {"cache_control": {"type": "ephemeral"}}
THINKING = {"type": "thinking", "thinking": "hm", "signature": "x"}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param([USER], [{"content": "hi", "role": "user"}], id="key-order"),
        pytest.param([USER], [{"role": "user", "content": [{"type": "text", "text": "hi"} | MARK]}], id="cache-mark"),
        pytest.param([asks(), answers()], [asks("b"), answers("b")], id="ids"),
        pytest.param([asks(), answers()], [asks(arguments={"y": 2, "x": 1}), answers()], id="order-of-arguments"),
        pytest.param([asks(), answers()], [asks(**MARK), answers(**MARK)], id="marks-on-blocks"),
        pytest.param(
            [asks(), answers()],
            [asks(), answers(content=[{"type": "text", "text": "1"} | MARK])],
            id="result-as-a-part",
        ),
        pytest.param(
            [{"role": "user", "content": [IMAGE]}], [{"role": "user", "content": [IMAGE | MARK]}], id="mark-on-media"
        ),
        pytest.param(
            [USER, {"role": "assistant", "content": [THINKING, {"type": "text", "text": "so"}]}, USER],
            [USER, {"role": "assistant", "content": "so"}, USER],
            id="thinking-taken-out",
        ),
        pytest.param(
            [USER, SAID, USER], [USER, {"role": "assistant", "content": []}, SAID, USER], id="an-empty-message"
        ),
    ],
)
def test_form_makes_no_difference(one: list[Any], other: list[Any]) -> None:
    assert digest(Dialect.ANTHROPIC, *one) == digest(Dialect.ANTHROPIC, *other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param([USER], [{"role": "user", "content": "hi "}], id="text"),
        pytest.param([USER, SAID, USER], [USER, USER], id="past"),
        pytest.param([USER, SAID, USER], [SAID, USER, USER], id="order"),
        pytest.param([asks(), answers()], [asks(arguments={"x": 1}), answers()], id="arguments"),
        pytest.param([asks(), answers()], [asks(name="g"), answers()], id="tool"),
        pytest.param([asks(), answers()], [asks(), answers(content="2")], id="result"),
        pytest.param(
            [{"role": "user", "content": [IMAGE]}],
            [{"role": "user", "content": [IMAGE | {"source": IMAGE["source"] | {"data": "AAAB"}}]}],
            id="image",
        ),
        pytest.param(
            [{"role": "user", "content": [{"type": "text", "text": "ab"}]}],
            [{"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}],
            id="parts",
        ),
    ],
)
def test_content_makes_one(one: list[Any], other: list[Any]) -> None:
    assert digest(Dialect.ANTHROPIC, *one) != digest(Dialect.ANTHROPIC, *other)


def test_callers_and_scopes_never_meet() -> None:
    keys = [KEY, caller_key(b"sk-other"), caller_key(b"sk-secret", "openai"), caller_key(b"sk-secret", "openai", "gpt")]
    assert len({digest(Dialect.OPENAI_CHAT, USER, key=key) for key in keys}) == len(keys)
    assert len({label(key, b"owner") for key in keys}) == len(keys)


def test_a_responses_string_is_its_only_message() -> None:
    history = read(Dialect.RESPONSES, b'{"input": "hi"}')
    assert history is not None
    assert chain(history, KEY) == (digest(Dialect.RESPONSES, USER),)


@pytest.mark.parametrize("depth", [200, 300, 900])
def test_depth_and_odd_characters_are_survived(depth: int) -> None:
    deep: Any = "x"
    for _ in range(depth):
        deep = [deep]
    assert digest(Dialect.ANTHROPIC, {"role": "user", "content": [{"type": "new", "what": deep}]})
    history = read(
        Dialect.OPENAI_CHAT,
        rb'{"messages":[{"role":"user","content":[{"type":"new","a":"\ud83d"},{"type":"text","text":"\ud83d"}]}]}',
    )
    assert history is not None
    assert chain(history, KEY)[0]


@given(st.lists(st.sampled_from([USER, SAID, asks(), answers(), {"role": "user", "content": "T2:hi"}]), max_size=6))
def test_a_prefix_keeps_its_digests(entries: list[Any]) -> None:
    whole = read(Dialect.ANTHROPIC, json.dumps({"messages": [*entries, USER]}).encode())
    start = read(Dialect.ANTHROPIC, json.dumps({"messages": entries}).encode())
    assert whole is not None
    assert start is not None
    ends = [at for at, each in enumerate(chain(whole, KEY)[: len(entries)]) if each]
    assert [chain(start, KEY)[at] for at in ends] == [chain(whole, KEY)[at] for at in ends]


def test_a_history_of_100_kb_is_checked_in_2_ms() -> None:
    messages: list[Any] = []
    for number in range(40):
        messages.append({"role": "user", "content": f"please look at file {number} " * 10})
        for step in range(2):
            id_ = f"call_{number}_{step}"
            messages.append(
                {
                    "role": "assistant",
                    "content": None,
                    "tool_calls": [
                        {"id": id_, "type": "function", "function": {"name": "read", "arguments": '{"path": "a"}'}}
                    ],
                }
            )
            messages.append({"role": "tool", "tool_call_id": id_, "content": "a line of a file\n" * 45})
        messages.append({"role": "assistant", "content": "this is what it says " * 15})
    body = json.dumps({"model": "m", "messages": messages}).encode()
    assert 100_000 <= len(body) <= 120_000
    took: list[float] = []
    # On a machine that is busy with other things one try in many is undisturbed.
    while len(took) < 1000 and min(took, default=1.0) > 0.002:
        started = process_time()
        history = read(Dialect.OPENAI_CHAT, body)
        assert history is not None
        chain(history, KEY)
        took.append(process_time() - started)
    assert min(took) <= 0.002
