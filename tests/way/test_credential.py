"""Where credentials stand in a request, which are blank, how one is replaced."""

from __future__ import annotations

import hashlib

import pytest
from multidict import CIMultiDict

from proxy.way.credential import (
    Clients,
    bears_token,
    carried,
    inject,
    is_missing,
    token_of,
    without_headers,
    without_query,
)


@pytest.mark.parametrize(
    ("header", "value", "token"),
    [
        ("authorization", "Bearer sk-1", "sk-1"),
        ("authorization", "Basic dXNlcg==", "dXNlcg=="),
        ("authorization", "AWS4-HMAC-SHA256 Credential=AKIA/x, Signature=f", "Credential=AKIA/x, Signature=f"),
        ("authorization", "Bearer", ""),
        ("authorization", "bearer ", ""),
        ("authorization", "sk-bare", "sk-bare"),
        ("authorization", "Bearer null", "null"),
        ("x-api-key", " sk-2 ", "sk-2"),
    ],
)
def test_token_of(header: str, value: str, token: str) -> None:
    assert token_of(header, value) == token


BLANKS = ["", "Bearer", "Bearer ", "Bearer null", "Bearer undefined ", "Bearer  None", "Basic a", "bearer a", "sk-1"]


def test_every_carrier_is_found() -> None:
    read = {
        "authorization": "Bearer a",
        "x-api-key": "b",
        "api-key": "c",
        "x-goog-api-key": "d",
        "sec-websocket-protocol": "realtime, openai-insecure-api-key.e",
    }
    query = "x=1&key=f&api_key=g&token=h&access_token=i&X-Amz-Signature=j&%6bey=k"
    assert [secret for _, secret in carried(read, query)] == list("abcdefghijk")


@pytest.mark.parametrize("blank", ["", "null", "undefined", "None"])
def test_a_blank_credential_is_missing_on_every_method_but_options(blank: str) -> None:
    assert is_missing([("authorization", blank)], "GET")
    assert is_missing([("authorization", blank)], "POST")
    assert not is_missing([("authorization", blank)], "OPTIONS")


def test_none_at_all_is_missing_on_a_post_only() -> None:
    assert is_missing([], "POST")
    assert not is_missing([], "GET")


def test_one_good_carrier_is_enough() -> None:
    assert not is_missing([("authorization", "null"), ("x-api-key", "sk")], "POST")


def test_all_carriers_are_removed() -> None:
    headers = CIMultiDict(
        {"authorization": "a", "x-api-key": "b", "api-key": "c", "x-goog-api-key": "d", "accept": "e"}
    )
    headers["sec-websocket-protocol"] = "realtime, openai-insecure-api-key.x, v1"
    without_headers(headers)
    assert dict(headers) == {"accept": "e", "sec-websocket-protocol": "realtime, v1"}


@pytest.mark.parametrize(
    ("target", "kept"),
    [
        ("/v1/x?key=a&b=%2F&c", "/v1/x?b=%2F&c"),
        ("/v1/x?key=a", "/v1/x"),
        ("/v1/x?%6bey=a&alt=sse", "/v1/x?alt=sse"),
        ("/v1/x?keys=a", "/v1/x?keys=a"),
        ("/v1/x?", "/v1/x?"),
        ("/v1/x", "/v1/x"),
        ("/v1/x?X-Amz-Signature=a&X-Amz-Date=b", "/v1/x?X-Amz-Date=b"),
    ],
)
def test_a_query_loses_its_carriers_and_nothing_else(target: str, kept: str) -> None:
    assert without_query(target) == kept


def test_a_credential_goes_where_its_provider_looks() -> None:
    headers: CIMultiDict[str] = CIMultiDict()
    inject(headers, "authorization", "sk")
    inject(headers, "x-api-key", "sk")
    assert dict(headers) == {"authorization": "Bearer sk", "x-api-key": "sk"}


def test_a_client_is_known_by_its_keys_hash() -> None:
    clients = Clients([("web", hashlib.sha256(b"key-1").hexdigest()), ("app", hashlib.sha256(b"key-2").hexdigest())])
    assert clients.name_of("key-2") == "app"
    assert clients.name_of("key-3") is None
    assert clients
    assert not Clients([])


@pytest.mark.parametrize("value", ["Bearer sk-1", "Bearer  sk-1 ", "Bearer x y"])
def test_a_token_is_told_at_a_glance(value: str) -> None:
    assert bears_token({"authorization": value})


@pytest.mark.parametrize("read", [{}, {"x-api-key": "k"}, *({"authorization": v} for v in BLANKS)])
def test_whatever_else_there_is_needs_a_closer_look(read: dict[str, str]) -> None:
    assert not bears_token(read)
