"""Which headers pass, in both directions."""

from __future__ import annotations

import pytest

from proxy.way.headers import AnswerFilter, RequestFilter, lines_of


def passed(raw: list[tuple[bytes, bytes]], *, forward_client: bool = False) -> list[tuple[str, str]]:
    return list(RequestFilter(forward_client=forward_client).sort(raw).passed.items())


def test_names_pass_in_lower_case_and_repeated_ones_stay_repeated() -> None:
    raw = [(b"X-Tag", b"1"), (b"x-tag", b"2"), (b"X-TAG", b"3")]
    assert passed(raw) == [("x-tag", "1"), ("x-tag", "2"), ("x-tag", "3")]


@pytest.mark.parametrize(
    "name",
    [
        b"Connection", b"Keep-Alive", b"Proxy-Connection", b"TE", b"Trailer", b"Transfer-Encoding", b"Upgrade",
        b"Proxy-Authorization", b"Expect", b"X-LLM-Retry", b"x-llm-anything",
    ],
)  # fmt: skip
def test_stops_here_whatever_is_configured(name: bytes) -> None:
    assert passed([(name, b"close")], forward_client=True) == []


@pytest.mark.parametrize(
    "name",
    [
        b"Forwarded", b"X-Forwarded-For", b"X-Forwarded-Anything", b"X-Real-IP", b"Via", b"True-Client-IP",
        b"CF-Connecting-IP", b"Baggage", b"Cookie",
    ],
)  # fmt: skip
def test_what_tells_about_the_client_passes_only_when_asked_for(name: bytes) -> None:
    assert passed([(name, b"v")]) == []
    assert passed([(name, b"v")], forward_client=True) == [(name.decode().lower(), "v")]


def test_what_connection_names_stops_here() -> None:
    raw = [(b"Connection", b"close, X-Private"), (b"X-Private", b"1"), (b"X-Public", b"2")]
    assert passed(raw) == [("x-public", "2")]


def test_a_value_that_is_not_utf8_is_refused_rather_than_shortened() -> None:
    with pytest.raises(UnicodeDecodeError):
        passed([(b"X-Name", b"caf\xe9")])


def test_a_utf8_value_passes() -> None:
    assert passed([(b"X-Name", "café".encode())]) == [("x-name", "café")]


def test_what_is_read_here_is_told_beside_what_passes() -> None:
    head = RequestFilter(forward_client=False).sort([(b"Origin", b"https://a"), (b"X-LLM-Deadline", b"8s")])
    assert head.read == {"origin": "https://a", "x-llm-deadline": "8s"}
    assert list(head.passed) == ["origin"]


def test_invented_names_do_not_fill_the_memory() -> None:
    requests = RequestFilter(forward_client=False)
    for number in range(5000):
        requests.sort([(b"x-%d" % number, b"")])
    assert len(requests._known) <= 4096


def answered(raw: list[tuple[bytes, bytes]], without: frozenset[bytes] = frozenset()) -> bytes:
    return b"".join(AnswerFilter().sort(raw, without=without).lines)


def test_an_answers_headers_keep_spelling_and_bytes() -> None:
    raw = [(b"X-ID", b"caf\xe9"), (b"x-id", b"2"), (b"Set-Cookie", b"a"), (b"Set-Cookie", b"b")]
    assert answered(raw) == b"X-ID: caf\xe9\r\nx-id: 2\r\nSet-Cookie: a\r\nSet-Cookie: b\r\n"


def test_an_answers_hop_by_hop_headers_and_foreign_tags_stop_here() -> None:
    raw = [
        (b"Connection", b"X-Private"), (b"X-Private", b"1"), (b"Transfer-Encoding", b"chunked"),
        (b"X-LLM-Error-Class", b"auth"), (b"Keep-Alive", b"5"), (b"Server", b"s"),
    ]  # fmt: skip
    assert answered(raw) == b"Server: s\r\n"


def test_a_header_that_a_tag_replaces_is_left_out() -> None:
    assert answered([(b"X-Should-Retry", b"true"), (b"A", b"b")], frozenset((b"x-should-retry",))) == b"A: b\r\n"


def test_what_frames_the_body_is_told() -> None:
    head = AnswerFilter().sort(
        [(b"Content-Length", b"12"), (b"Content-Type", b"text/event-stream"), (b"Content-Encoding", b"gzip")]
    )
    assert (head.length, head.content_type, head.coding) == (12, b"text/event-stream", b"gzip")


def test_our_own_lines_are_ascii() -> None:
    assert lines_of([("a", "b")]) == b"a: b\r\n"
    with pytest.raises(UnicodeEncodeError):
        lines_of([("a", "é")])
