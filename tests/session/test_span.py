"""Values of a JSON text by their place in its bytes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.session import span

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)
LAYOUTS: list[dict[str, Any]] = [{}, {"indent": 2}, {"separators": (",", ":")}, {"ensure_ascii": False}]


@pytest.mark.parametrize("layout", LAYOUTS)
@given(value=st.lists(JSON))
def test_elements(layout: dict[str, Any], value: list[Any]) -> None:
    raw = json.dumps(value, **layout).encode()
    spans = span.elements(raw)
    assert [json.loads(each.of(raw)) for each in spans] == value
    assert span.rearrange(raw, spans, [(at, each.of(raw)) for at, each in enumerate(spans)]) == raw


@pytest.mark.parametrize("layout", LAYOUTS)
@given(value=st.dictionaries(st.text(), JSON))
def test_members(layout: dict[str, Any], value: dict[str, Any]) -> None:
    raw = json.dumps(value, **layout).encode()
    assert {each.name: json.loads(each.value.of(raw)) for each in span.members(raw)} == value


@given(value=st.lists(JSON), gone=st.sets(st.integers(0, 8)))
def test_elements_taken_away(value: list[Any], gone: set[int]) -> None:
    raw = json.dumps(value).encode()
    left = span.without_elements(raw, frozenset(gone))
    assert json.loads(left) == [each for at, each in enumerate(value) if at not in gone]


@given(value=st.dictionaries(st.sampled_from("abc"), JSON), name=st.sampled_from("abc"), new=JSON)
def test_a_member_exchanged_or_taken_away(value: dict[str, Any], name: str, new: Any) -> None:
    raw = json.dumps(value, indent=1).encode()
    assert json.loads(span.with_member(raw, name, json.dumps(new).encode())) == value | {name: new}
    assert json.loads(span.without_member(raw, name)) == {key: each for key, each in value.items() if key != name}


def test_of_two_members_with_one_name_the_last_counts() -> None:
    raw = b'{"a": 1, "\\u0061": 2, "b": 3}'
    found = span.member(raw, "a")
    assert found is not None
    assert found.value.of(raw) == b"2"
    assert span.with_member(raw, "a", b"4") == b'{"a": 1, "\\u0061": 4, "b": 3}'
    assert span.without_member(raw, "a") == b'{"b": 3}'


def test_white_space_between_what_stays_together_stays() -> None:
    raw = b"[ 1 ,\n 2 ,  3,4 ]"
    assert span.without_elements(raw, frozenset({0})) == b"[ 2 ,  3,4 ]"
    assert span.without_elements(raw, frozenset({3})) == b"[ 1 ,\n 2 ,  3 ]"
