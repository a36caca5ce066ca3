"""When in doubt, an event is no error."""

from __future__ import annotations

import pytest

from proxy.stream.fault import has_content, is_error
from proxy.stream.sse import Event

PLAIN = Event(b"", data=b"x")


@pytest.mark.parametrize("body", [
    None, [], "error", 7, {}, {"error": None}, {"error": ""}, {"error": {}}, {"error": []}, {"error": False},
    {"error": {"code": None, "message": "", "details": []}}, {"error": {"code": 0}},
    {"choices": [{"delta": {"content": "error"}, "error": {"message": "x"}}]}, {"response": {"error": {"code": "x"}}},
    {"type": "error"}, {"object": "error"}, {"type": "error_report", "message": "x"},
    {"jsonrpc": "2.0", "error": {"code": -32601, "message": "no such method"}},
])  # fmt: skip
def test_no_errors(body):
    assert not is_error(PLAIN, body, ("base_resp.status_code",))


@pytest.mark.parametrize("body", [
    {"error": "x"}, {"error": {"message": "x"}}, {"error": {"code": 499}}, {"type": "error", "message": "x"},
    {"type": "error", "code": "server_error"}, {"object": "error", "message": "x"}, {"base_resp": {"status_code": 1008}},
    {"base_resp": {"status_code": "1008"}},
])  # fmt: skip
def test_errors(body):
    assert is_error(PLAIN, body, ("base_resp.status_code",))


@pytest.mark.parametrize("code", [0, "0", 200, "200", None, True, "ok", {}])
def test_business_codes_of_success(code):
    assert not is_error(PLAIN, {"base_resp": {"status_code": code}}, ("base_resp.status_code",))


def test_the_name_of_the_event():
    assert is_error(Event(b"", b"error", b"x"), None)
    assert is_error(Event(b"", b"error", b"{}"), {"code": "Throttling"})
    assert not is_error(Event(b"", b"error", b""), None)
    assert not is_error(Event(b"", b"error", None), None)
    assert not is_error(Event(b"", b"errors", b"x"), None)


def test_content():
    assert has_content({"a": {"b": "c"}})
    assert not has_content({"a": {"b": ""}})
