"""The single values that settings are made of."""

from __future__ import annotations

import pytest

from proxy.config import values
from proxy.config.values import Address, Permit, Secret


@pytest.mark.parametrize(
    ("text", "host", "port", "loopback"),
    [
        ("127.0.0.1:8080", "127.0.0.1", 8080, True),
        ("127.9.9.9:1", "127.9.9.9", 1, True),
        ("localhost:0", "localhost", 0, True),
        ("[::1]:8080", "::1", 8080, True),
        ("0.0.0.0:8080", "0.0.0.0", 8080, False),
        (":8080", "", 8080, False),
        ("*:8080", "", 8080, False),
        ("[::]:8080", "::", 8080, False),
        ("proxy.internal:80", "proxy.internal", 80, False),
        ("10.0.0.7:80", "10.0.0.7", 80, False),
    ],
)
def test_an_address_knows_whether_others_reach_it(text: str, host: str, port: int, loopback: bool) -> None:
    address = Address.parse(text)
    assert (address.host, address.port, address.is_loopback) == (host, port, loopback)
    assert Address.parse(str(address)) == address


@pytest.mark.parametrize(
    "text",
    ["", "8080", "localhost", "::1:8080", "[::1]", "a b:80", "host:65536", "host:-1", "host:٨", "[zz]:1", "http://h:1"],
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected HOST:PORT"):
        Address.parse(text)


@pytest.mark.parametrize(
    ("permit", "method", "path", "allowed"),
    [
        ("POST /v1/messages", "POST", "/v1/messages", True),
        ("post /v1/messages", "POST", "/v1/messages", True),
        ("POST /v1/messages", "GET", "/v1/messages", False),
        ("POST /v1/messages", "POST", "/v1/messages/batches", False),
        ("POST /v1/messages", "POST", "/v1/messages/", False),
        ("POST /v1/messages", "POST", "/v1/Messages", False),
        ("POST /v1/messages", "POST", "/v1/%6dessages", False),
        ("* /v1/models", "DELETE", "/v1/models", True),
        ("GET /v1/models/*", "GET", "/v1/models/gpt-4o", True),
        ("GET /v1/models/*", "GET", "/v1/models/", False),
        ("GET /v1/models/*", "GET", "/v1/models/a/b", False),
        ("GET /v1/models/*", "GET", "/v1/models/a%2Fb", False),
        ("GET /v1/models/*", "GET", "/v1/models/a%5cb", False),
        ("GET /v1/models/*", "GET", "/v1/models/a\\b", False),
        ("POST /v1beta/models/*:generateContent", "POST", "/v1beta/models/gemini-2.5-pro:generateContent", True),
        ("POST /v1beta/models/*:generateContent", "POST", "/v1beta/models/gemini-2.5-pro:countTokens", False),
        ("GET /v1/files/**", "GET", "/v1/files/a/b%2Fc", True),
        ("GET /v1/files/**", "GET", "/v1/files", False),
        ("* /**", "PUT", "/anything/at/all", True),
        ("GET /a.c", "GET", "/abc", False),
        ("GET /a(b", "GET", "/a(b", True),
    ],
)
def test_a_permit_lets_through_what_it_names_and_nothing_else(
    permit: str, method: str, path: str, allowed: bool
) -> None:
    assert Permit.parse(permit).permits(method, path) is allowed


@pytest.mark.parametrize(
    "text", ["", "POST", "/v1/messages", "POST v1/messages", "POST /a /b", "POST /a?b=c", "P:T /a"]
)
def test_what_is_no_permit_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected METHOD /path"):
        Permit.parse(text)


@pytest.mark.parametrize(
    "path",
    [
        "/v1/../admin", "/..", "/.", "/v1/./x", "/v1/%2e%2e/admin", "/v1/.%2E/admin", "/v1/%252e%252e/x", "/a/..;/b",
        "/a/..;x=1/b", "/a%2f..%2fb", "/a\\..\\b", "/a/%2e%2e%5cb", "/a/%25252e%25252e/b",
    ],
)  # fmt: skip
def test_a_path_that_walks_upwards_is_seen_however_it_is_encoded(path: str) -> None:
    assert values.has_dot_segment(path)


@pytest.mark.parametrize(
    "path", ["/", "/v1/messages", "/a..b", "/...", "/v1/file.txt", "/.well-known/x", "/100%/x", "/%zz"]
)
def test_dots_within_a_name_do_no_harm(path: str) -> None:
    assert not values.has_dot_segment(path)


@pytest.mark.parametrize(
    ("text", "prefix"), [("", ""), ("/", ""), ("/anthropic", "/anthropic"), ("/a/b/", "/a/b"), ("/a%20b", "/a%20b")]
)
def test_a_prefix_has_no_slash_at_its_end(text: str, prefix: str) -> None:
    assert values.prefix(text) == prefix


@pytest.mark.parametrize("text", ["anthropic", "/a//b", "/a?b", "/a#b", "/a b", "/../a", "/a/%2e%2e"])
def test_what_is_no_prefix_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected a path"):
        values.prefix(text)


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("https://api.openai.com", "https://api.openai.com"),
        ("https://api.openai.com/", "https://api.openai.com"),
        ("http://[::1]:11434/v1/", "http://[::1]:11434/v1"),
        ("http://localhost:8000/a%20b", "http://localhost:8000/a%20b"),
    ],
)
def test_an_upstream_url_has_a_host_and_no_slash_at_its_end(text: str, url: str) -> None:
    assert values.upstream_url(text) == url


@pytest.mark.parametrize(
    "text",
    [
        "", "api.openai.com", "ftp://x", "https://", "https:///v1", "https://x:0", "https://x:99999", "https://a b",
        "https://user:pw@x", "https://user@x", "https://x?a=b", "https://x/#f", "https://x/?", "https://[::1", "https://x\\y",
        "https://ex\N{CYRILLIC SMALL LETTER A}mple",
    ],
)  # fmt: skip
def test_what_is_no_upstream_url_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"expected https?://|must not hold"):
        values.upstream_url(text)


@pytest.mark.parametrize("text", ["", "  ", "a\nb", "a\rb", "k\x00", "schlüssel"])
def test_a_credential_that_cannot_stand_in_a_header_is_refused_without_being_repeated(text: str) -> None:
    with pytest.raises(ValueError, match=r"is empty|printable ASCII") as caught:
        values.credential(text)
    assert not text.strip() or text not in str(caught.value)


def test_a_secret_shows_itself_only_when_asked() -> None:
    secret = Secret("sk-1234")
    assert secret.get_secret_value() == "sk-1234"
    assert "sk-1234" not in f"{secret} {secret!r} {[secret]}"
    assert secret == Secret("sk-1234") != Secret("sk-5678")


@pytest.mark.parametrize("text", ["Host", "connection", "content-length", "x-llm-call-id", "a b", "", "a:b", "TE"])
def test_headers_that_frame_a_message_or_say_where_it_goes_cannot_be_added(text: str) -> None:
    with pytest.raises(ValueError, match="expected header names"):
        values.header_name(text)


def test_header_names_are_lower_case() -> None:
    assert values.header_name("X-Team") == "x-team"


@pytest.mark.parametrize("text", ["*", "https://app.example.com", "http://localhost:3000", "HTTPS://App.example.com"])
def test_an_origin_has_no_path(text: str) -> None:
    assert values.origin(text) == text.lower()


@pytest.mark.parametrize("text", ["", "app.example.com", "https://a/", "https://a/b", "https://u@a", "null"])
def test_what_is_no_origin_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected \\* or an origin"):
        values.origin(text)


@pytest.mark.parametrize("text", ["memory://", "redis://h:6379/0", "rediss://:pw@h/1"])
def test_stores(text: str) -> None:
    assert values.store_url(text) == text


@pytest.mark.parametrize("text", ["", "memcache://x", "redis://", "/var/db"])
def test_other_stores_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected memory://, redis://"):
        values.store_url(text)
