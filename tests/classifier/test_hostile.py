"""Whatever a body, a status or headers hold: a verdict or none, never an exception, in bounded time and memory."""

from __future__ import annotations

import gzip
import json
import time
import zlib
from collections.abc import Callable

import brotli
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.classifier import builtin, classify, looks_like_error
from proxy.classifier.evidence.answer import gather
from proxy.classifier.evidence.decode import MAX_TEXT, text_of
from proxy.classifier.explain import explain
from proxy.model import Answer, Verdict

HEADERS = st.lists(
    st.tuples(
        st.sampled_from(
            [
                "content-type",
                "content-encoding",
                "retry-after",
                "retry-after-ms",
                "date",
                "x-amzn-errortype",
                "ratelimit",
                ":exception-type",
                "x-ratelimit-reset",
                "x-ratelimit-remaining",
                "anthropic-ratelimit-unified-reset",
            ]
        ),
        st.one_of(
            st.sampled_from(
                [
                    "gzip",
                    "br",
                    "deflate, gzip",
                    "zstd",
                    "text/event-stream",
                    "application/json",
                    "0",
                    "-1",
                    "1e400",
                    "nan",
                ]
            ),
            st.text(max_size=40),
        ),
    ),
    max_size=5,
).map(tuple)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                [
                    "error",
                    "message",
                    "code",
                    "type",
                    "status",
                    "details",
                    "retry_after",
                    "resets_at",
                    "choices",
                    "raw",
                    "metadata",
                    "headers",
                    "base_resp",
                    "status_code",
                    "candidates",
                    "promptFeedback",
                    "detail",
                    "loc",
                    "response",
                ]
            )
            | st.text(max_size=8),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)
BODIES = st.one_of(
    st.binary(max_size=400),
    JSON.map(lambda value: json.dumps(value).encode()),
    JSON.map(lambda value: json.dumps({"error": {"message": json.dumps(value)}}).encode()),
    JSON.map(lambda value: b"event: error\ndata: " + json.dumps(value).encode() + b"\n\n"),
    JSON.map(lambda value: f"Error code: 400 - {value!r}".encode("utf-8", "surrogatepass")),
    st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.binary(max_size=200).map(gzip.compress),
)


@settings(max_examples=300, deadline=None)
@given(
    status=st.integers(0, 1000),
    headers=HEADERS,
    body=BODIES,
    provider=st.sampled_from(["", "openai", "minimax", "nobody"]),
    stream=st.booleans(),
)
def test_any_answer_gives_a_verdict_or_none(
    status: int, headers: tuple[tuple[str, str], ...], body: bytes, provider: str, stream: bool
) -> None:
    answer = Answer(status=status, headers=headers, body=body, provider=provider, stream=stream)
    verdict = classify(answer, now=1.8e9)
    assert verdict is None or isinstance(verdict, Verdict)
    if status >= 400:
        assert verdict is not None
        assert verdict.advice.isascii()
        assert len(verdict.advice) <= 160
        assert verdict.reason in builtin().reasons
    assert explain(answer, now=1.8e9).verdict == verdict


@settings(max_examples=200, deadline=None)
@given(body=st.binary(max_size=300))
def test_the_search_never_fails(body: bytes) -> None:
    assert looks_like_error(body, builtin().provider("minimax")) in (True, False)


HOSTILE = {
    "brackets": b"[" * 100_000,
    "braces": b'{"a":' * 100_000,
    "braces in prose": b"error {" * 30_000,
    "quoted braces": b'{"error":"' + b'{\\"a\\":' * 20_000 + b'"}',
    "invalid utf-8": b'{"error":{"message":"\xff\xfe\x80"}}' * 2_000,
    "one word": b"quota " * 50_000,
    "limits": b"limit 1 requested 2 " * 20_000,
    "numbers": b"9" * 200_000,
    "retry": b"try again in " * 20_000,
    "digits in waits": b"retry after " + b"1" * 100_000,
    "tags": b"<html>" + b"<" * 200_000,
    "scripts": b"<html>" + b"<script>" * 30_000,
    "titles": b"<title" * 40_000,
    "links": b"https://" * 30_000,
    "events": b"data: {}\n\n" * 20_000,
    "codes": json.dumps({f"code{n}": "x" for n in range(20_000)}).encode(),
    "many codes": json.dumps([{"code": f"code_{n}"} for n in range(20_000)]).encode(),
    "backslashes": b'{"message":"' + b"\\" * 100_000,
    "pairs": b'{"message":' * 20_000,
    "reprs": b"{'a': 'b' " * 20_000,
    "escaped quotes": b"{'a': " + b"\\'" * 60_000,
    "escaped double quotes": b'{"a": ' + b'\\"' * 60_000 + b"'",
    "open strings": b"{'a': '" + b"\\'" * 60_000,
    "closed scripts": b"<html>" + b"<script></script>" * 15_000,
    "styles in scripts": b"<html>" + b"<style><script>" * 15_000,
    "open tags": b"<html>" + b"<a " * 80_000,
    "entities": b"<html>" + b"&amp;" * 50_000,
    "used limits": b'{"error":{"message":"token ' + b"limit 1 used 1 requested " * 5_000 + b'"}}',
    "status codes": b"error error error status code http " * 8_000,
    "reset at": b"reset at on until 2026-" * 8_000,
    "spaces": b'{"error"' + b" " * 200_000 + b":1}",
    "cjk": "余额".encode() * 40_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_bodies_take_bounded_time(name: str) -> None:
    """Half a second of this process is several times what the worst of them takes; a runaway takes minutes."""
    for status in (200, 429):
        start = time.process_time()
        classify(Answer(status=status, body=HOSTILE[name]))
        assert time.process_time() - start < 0.5


@pytest.mark.parametrize("stream", [False, True])
def test_a_body_of_any_size_is_read_to_a_bounded_head(stream: bool) -> None:
    evidence = gather(Answer(status=500, body=b"x " * 10_000_000, stream=stream))
    assert evidence is not None
    assert sum(len(text) for layer in evidence.layers for text in layer.texts) < 20_000


BOMB = b"\0" * 50_000_000


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        ("gzip", gzip.compress(BOMB)),
        ("deflate", zlib.compress(BOMB)),
        ("br", brotli.compress(BOMB[:5_000_000], quality=1)),
        ("gzip, gzip", gzip.compress(gzip.compress(BOMB))),
    ],
)
def test_a_bomb_is_not_let_off(coding: str, body: bytes) -> None:
    assert len(text_of(body, coding)) <= MAX_TEXT


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd"])
def test_compressed_bodies_are_read(coding: str) -> None:
    body = b'{"error": {"code": "insufficient_quota"}}'
    zstandard = pytest.importorskip("zstandard") if coding == "zstd" else None
    pack: dict[str, Callable[[bytes], bytes]] = {
        "gzip": gzip.compress,
        "deflate": zlib.compress,
        "br": brotli.compress,
        "zstd": lambda raw: bytes(zstandard.ZstdCompressor().compress(raw)) if zstandard else raw,
    }
    packed = pack[coding](body)
    verdict = classify(Answer(status=429, headers=(("Content-Encoding", coding),), body=packed))
    assert verdict is not None
    assert verdict.reason == "insufficient_quota"


def test_a_cut_compressed_body_is_read_as_far_as_it_goes() -> None:
    body = b'{"error": {"code": "insufficient_quota", "message": "' + b"".join(b"%d," % n for n in range(20_000))
    verdict = classify(Answer(status=429, headers=(("content-encoding", "gzip"),), body=gzip.compress(body)[:2000]))
    assert verdict is not None
    assert verdict.reason == "insufficient_quota"


def test_time_grows_no_faster_than_the_body() -> None:
    def took(size: int) -> float:
        body = b'{"error":{"message":"' + b"the quota of your account is used " * (size // 34) + b'"}}'
        best = float("inf")
        for _ in range(5):
            start = time.process_time()
            classify(Answer(status=500, body=body))
            best = min(best, time.process_time() - start)
        return best

    assert took(256_000) < 32 * took(16_000)
