"""The member goes into a provider's own error body, and every other byte stays as it was."""

from __future__ import annotations

import dataclasses
import json

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.dialects import Problem, annotate, triage_member
from proxy.model import Action, Class, Confidence, Scope, Verdict

PROBLEM = Problem(
    status=429,
    verdict=Verdict(
        cls=Class.BUDGET_EXHAUSTED,
        reason="insufficient_quota",
        rule="openai.quota",
        confidence=Confidence.CODE,
        scope=Scope.CREDENTIAL,
        action=Action.KEEP,
        advice='Add "credit".',
    ),
    message="",
    call_id="abc",
    action=Action.KEEP,
    retry=False,
)
MEMBER = b'"triage":' + orjson.dumps(triage_member(PROBLEM))


@pytest.mark.parametrize(("before", "after"), [
    (b'{"error":{', b'"message":"a"}}'),
    (b'{\n  "error" : {', b'\n    "message": "\\"error\\": {"\n  }\n}\n'),
    (b'{"type":"error","error":{', b'"type":"x"},"request_id":"r"}'),
    (b'[{\n  "error": {', b'\n    "code": 429,"details":[{"error":{"a":1}}]}}\n]'),
    (b'{"a":{"error":{"b":1}},"b":["error",{"error":{}}],"c":"error","error":{', b'"message":"a"}}'),
    (b'{"error":{"message":"first"},"error":{', b'"message":"last"}}'),
    (b'{"error":null,"error":{', b'"message":"a"}}'),
    ('{"é":"ü","error":{'.encode(), '"message":"ß\\\\"}}'.encode()),
])  # fmt: skip
def test_where_it_goes(before, after):
    annotated = annotate(before + after, PROBLEM)
    assert annotated is not None
    assert annotated == before + MEMBER + b"," + after
    body = json.loads(annotated)
    body = body[0] if isinstance(body, list) else body
    assert body["error"]["triage"] == triage_member(PROBLEM)


def test_into_an_empty_object():
    assert annotate(b'{"error": { } }', PROBLEM) == b'{"error": {' + MEMBER + b" } }"


@pytest.mark.parametrize("body", [
    b"", b"error", b"<html>", b"{", b"[]", b"7", b'"error"', b'{"message":"a"}', b'{"error":"a"}', b'{"error":null}',
    b'{"error":["a"]}', b'{"a":{"error":{"b":1}}}', b'{"error":{"triage":1}}', b'{"error":{"a":1},"error":"b"}',
    b'[[{"error":{"a":1}}]]', b'[1,{"error":{"a":1}}]', b'\xff{"error":{"a":1}}', b'{"err\\u006fr":{"a":1}}',
    b'data: {"error":{"a":1}}\n\n',
])  # fmt: skip
def test_where_it_has_no_place(body):
    assert annotate(body, PROBLEM) is None


TEXT = st.text(st.sampled_from('a"\\{}[]:,é\n'), max_size=6)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT | st.just("error"), inner, max_size=3),
    max_leaves=10,
)


@given(
    body=st.dictionaries(TEXT, JSON, max_size=3),
    error=st.dictionaries(TEXT | st.just("error"), JSON, max_size=3),
    behind=st.dictionaries(TEXT, JSON, max_size=2),
    indent=st.sampled_from([None, 2]),
)
def test_nothing_else_changes(body, error, behind, indent):
    whole = body | {"error": error} | behind
    text = json.dumps(whole, indent=indent).encode()
    annotated = annotate(text, PROBLEM)
    assert annotated is not None
    assert json.loads(annotated) == whole | {"error": error | {"triage": triage_member(PROBLEM)}}
    at = annotated.index(MEMBER)
    assert annotated.replace(MEMBER + b"," if error else MEMBER, b"", 1) == text
    assert at > 0


def test_a_wait_is_in_seconds():
    assert triage_member(dataclasses.replace(PROBLEM, retry_after_s=2.5))["retry_after"] == 2.5
