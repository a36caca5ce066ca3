"""What a person pastes: bodies and `curl -i` outputs."""

from __future__ import annotations

import pytest

from proxy.classifier.recorded import begins_with_a_status, plain, recorded
from proxy.model import Answer


def read(raw: bytes, status: int | None = None, headers: tuple[tuple[str, str], ...] = ()) -> Answer:
    return recorded(raw, status=status, headers=headers, provider="x")


def test_curl_with_carriage_returns() -> None:
    answer = read(b'HTTP/1.1 429 Too Many Requests\r\nContent-Type: application/json\r\nretry-after: 3\r\n\r\n{"a":1}')
    assert (answer.status, answer.body, answer.provider) == (429, b'{"a":1}', "x")
    assert answer.headers == (("Content-Type", "application/json"), ("retry-after", "3"))


def test_curl_with_http_2_and_plain_newlines() -> None:
    answer = read(b"HTTP/2 503 \nx: y\n\nbody\n\nmore")
    assert (answer.status, answer.headers, answer.body) == (503, (("x", "y"),), b"body\n\nmore")


def test_interim_answers_and_redirects_come_first() -> None:
    answer = read(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 301 Moved\r\nlocation: /\r\n\r\nHTTP/1.1 500 Oops\r\n\r\nbad")
    assert (answer.status, answer.body) == (500, b"bad")


def test_what_a_forward_proxy_said_comes_first() -> None:
    answer = read(b"HTTP/1.1 200 Connection established\r\n\r\nHTTP/2 529 \r\nx: y\r\n\r\nbad")
    assert (answer.status, answer.headers, answer.body) == (529, (("x", "y"),), b"bad")


def test_no_headers_and_no_body() -> None:
    assert read(b"HTTP/1.1 502 Bad Gateway\r\n\r\n") == Answer(status=502, provider="x")


def test_a_bare_body_takes_status_and_headers_as_given() -> None:
    answer = read(b'{"a":1}', 429, (("k", "v"),))
    assert (answer.status, answer.headers, answer.body) == (429, (("k", "v"),), b'{"a":1}')
    assert read(b'{"a":1}').status == 200


def test_a_coding_that_curl_has_undone_is_forgotten() -> None:
    answer = read(b"HTTP/1.1 429 X\r\ncontent-encoding: gzip\r\n\r\n{}")
    assert answer.headers == ()
    assert read(b"HTTP/1.1 429 X\r\ncontent-encoding: gzip\r\n\r\n\x1f\x8b").headers == (("content-encoding", "gzip"),)


def test_a_stream() -> None:
    assert read(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: {}\n\n").stream


@pytest.mark.parametrize("charset", ["utf-8", "utf-8-sig", "utf-16"])
def test_an_input_becomes_utf_8_without_a_mark(charset: str) -> None:
    assert plain("HTTP/2 429 é".encode(charset)) == "HTTP/2 429 é".encode()


def test_bytes_without_a_mark_stay_as_they_are() -> None:
    assert plain(b"\x1f\x8b\xff\xfe") == b"\x1f\x8b\xff\xfe"


def test_half_a_character_at_the_end_of_what_was_read_is_no_error() -> None:
    assert plain("HTTP/2".encode("utf-16") + b"\n") == "HTTP/2\ufffd".encode()


def test_whether_a_status_was_given() -> None:
    assert begins_with_a_status(b"HTTP/2 200\n")
    assert not begins_with_a_status(b'{"HTTP/2 200\n')
