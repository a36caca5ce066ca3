"""Settings that do not go together, and those that start though hardly as meant."""

from __future__ import annotations

import hashlib
import socket
from typing import Any

import pytest

from proxy.config import Address, ConfigError, from_values, warnings
from proxy.config.relations import is_own

CLIENT = {"name": "web", "sha256": hashlib.sha256(b"key").hexdigest()}
UPSTREAM = {"url": "https://api.openai.com"}


def problems(**values: Any) -> list[str]:
    try:
        from_values({"upstreams": [UPSTREAM], **values})
    except ConfigError as error:
        return [problem.removeprefix("values:1: ") for problem in error.problems]
    return []


def warned(**values: Any) -> list[str]:
    return [warning.partition(":")[0] for warning in warnings(from_values({"upstreams": [UPSTREAM], **values}))]


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"upstreams": [UPSTREAM, {**UPSTREAM, "prefix": "/b"}]}, "upstreams[1].name: the same name as upstreams[0]"),
        (
            {"upstreams": [{"url": "http://a", "prefix": "/x"}, {"url": "http://b", "prefix": "/x/"}]},
            "upstreams[1].prefix: the same prefix as upstreams[0]",
        ),
        ({"clients": [CLIENT, {**CLIENT, "sha256": "0" * 64}]}, "clients[1].name: the same name as clients[0]"),
        ({"clients": [CLIENT, {**CLIENT, "name": "b"}]}, "clients[1].sha256: the same key as clients[0]"),
        ({"listen": "127.0.0.1:9", "admin": "127.0.0.1:9"}, "admin: must not be the address of listen"),
        ({"listen": ":9", "admin": "127.0.0.1:9"}, "admin: must not be the address of listen"),
        ({"retry": {"base": "10s", "cap": "5s"}}, "retry.cap: must not be below retry.base"),
        (
            {"listen": ":8080", "upstreams": [{**UPSTREAM, "credential": "k"}]},
            "upstreams[0].credential: anyone who reaches listen could spend it",
        ),
        ({"upstreams": [{"url": "http://127.0.0.1:8080"}]}, "upstreams[0].url: is the proxy's own listen address"),
        ({"upstreams": [{"url": "http://localhost:8081/v1"}]}, "upstreams[0].url: is the proxy's own admin address"),
    ],
)
def test_a_conflict_is_told_of_the_setting_that_has_to_change(values: dict[str, Any], problem: str) -> None:
    (found,) = problems(**values)
    assert found.startswith(problem)


@pytest.mark.parametrize(
    "values",
    [
        {"listen": "127.0.0.1:9", "admin": "127.0.0.2:9"},
        {"listen": "127.0.0.1:0", "admin": "127.0.0.1:0"},
        {"listen": ":8080", "upstreams": [{**UPSTREAM, "credential": "k"}], "clients": [CLIENT]},
        {"listen": "[::1]:8080", "upstreams": [{**UPSTREAM, "credential": "k"}]},
        {"upstreams": [{"url": "http://127.0.0.1:8082"}]},
        {"listen": "127.0.0.2:8080", "upstreams": [{"url": "http://127.0.0.3:8080"}]},
    ],
)
def test_near_misses_are_no_conflict(values: dict[str, Any]) -> None:
    assert problems(**values) == []


@pytest.mark.parametrize(
    ("listen", "url", "own"),
    [
        (":80", "http://127.0.0.1", True),
        ("0.0.0.0:80", f"http://{socket.gethostname()}", True),
        (":443", "https://127.0.0.1", True),
        ("127.0.0.1:80", "http://0.0.0.0", True),
        ("[::1]:80", "http://[::1]", True),
        ("localhost:80", "http://127.0.0.1", True),
        (":80", "http://192.0.2.1", False),
        (":80", "https://127.0.0.1", False),
        ("127.0.0.1:80", "http://nowhere.invalid", False),
    ],
)
def test_an_upstream_is_our_own_where_calls_to_it_would_come_back(listen: str, url: str, own: bool) -> None:
    (upstream,) = from_values({"upstreams": [{"url": url}], "listen": "127.0.0.1:1", "admin": "127.0.0.1:2"}).upstreams
    assert is_own(upstream, Address.parse(listen)) is own


@pytest.mark.parametrize(
    ("values", "warning"),
    [
        ({}, []),
        ({"upstreams": [{**UPSTREAM, "credential": "k"}]}, ["upstream api.openai.com"]),
        ({"upstreams": [{**UPSTREAM, "credential": "k", "allow": ["POST /v1/responses"]}]}, []),
        ({"upstreams": [UPSTREAM, {"url": "http://b"}]}, ["upstream b"]),
        ({"upstreams": [UPSTREAM, {"url": "http://b", "prefix": "/b"}]}, []),
        ({"workers": 2}, ["workers"]),
        ({"workers": 2, "store": "redis://h"}, []),
        ({"admin": ":8081"}, ["admin"]),
        ({"admin": ":8081", "admin_token": "t"}, []),
    ],
)
def test_what_starts_though_hardly_as_meant_is_warned_of(values: dict[str, Any], warning: list[str]) -> None:
    assert warned(**values) == warning
