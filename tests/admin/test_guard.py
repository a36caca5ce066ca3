from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.admin.guard import is_trusted_host, refuse
from proxy.admin.state import AdminSettings

LOOPBACK = AdminSettings(is_loopback=True)
OPEN = AdminSettings(is_loopback=False, token="t0ken", hosts=frozenset({"Admin.example"}))


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "127.0.0.1:8081", "10.0.0.7:80", "[::1]", "[::1]:8081", "localhost", "LOCALHOST:8081", "localhost.",
     "admin.example", "ADMIN.EXAMPLE:8081"],
)  # fmt: skip
def test_an_address_localhost_and_named_hosts_are_trusted(host: str) -> None:
    assert is_trusted_host(host, OPEN.hosts)


@pytest.mark.parametrize(
    "host",
    [None, "", ":8081", "evil.example", "evil.example:8081", "127.0.0.1.evil.example", "localhost.evil.example",
     "127.1", "2130706433", "127.0.0.1:80:80", "127.0.0.1:8081@evil.example", "[::1", "::1]", "[evil.example]",
     "127.0.0.1, evil.example", " localhost", "localhost\n", "\uff1127.0.0.1", "[]", "notadmin.example"],
)  # fmt: skip
def test_any_other_host_is_refused(host: str | None) -> None:
    assert not is_trusted_host(host, OPEN.hosts)
    refusal = refuse(LOOPBACK, host, "Bearer t0ken")
    assert refusal is not None
    assert refusal.status == 421
    assert "admin_hosts" in refusal.sentence


@given(st.text())
def test_any_text_as_a_host_is_answered(host: str) -> None:
    assert is_trusted_host(host, frozenset()) in (True, False)


def test_on_loopback_no_token_is_needed() -> None:
    assert refuse(LOOPBACK, "127.0.0.1:8081", None) is None
    assert refuse(AdminSettings(is_loopback=True, token="t0ken"), "localhost", None) is None


@pytest.mark.parametrize("authorization", ["Bearer t0ken", "bearer  t0ken ", basic("anyone:t0ken"), basic(":t0ken")])
def test_beyond_loopback_the_token_opens(authorization: str) -> None:
    assert refuse(OPEN, "10.0.0.7:8081", authorization) is None


@pytest.mark.parametrize(
    "authorization",
    [None, "", "Bearer", "Bearer ", "Bearer t0ke", "Bearer t0kenn", "t0ken", "Token t0ken", basic("t0ken"),
     basic("t0ken:"), basic("a:b:t0ken"), "Basic t0ken", "Basic =====", "Basic \udce9", "Bearer \udce9"],
)  # fmt: skip
def test_beyond_loopback_anything_else_is_asked_for_it(authorization: str | None) -> None:
    refusal = refuse(OPEN, "10.0.0.7:8081", authorization)
    assert refusal is not None
    assert (refusal.status, refusal.asks_for_token) == (401, True)


@pytest.mark.parametrize("authorization", [None, "Bearer ", basic(":"), "Bearer t0ken"])
def test_beyond_loopback_without_a_token_nobody_comes_in(authorization: str | None) -> None:
    refusal = refuse(AdminSettings(is_loopback=False), "10.0.0.7:8081", authorization)
    assert refusal is not None
    assert (refusal.status, refusal.asks_for_token) == (403, False)
    assert "admin_token" in refusal.sentence


def test_a_token_does_not_open_for_a_strange_host() -> None:
    refusal = refuse(OPEN, "evil.example", "Bearer t0ken")
    assert refusal is not None
    assert refusal.status == 421
