"""The provider and the clients of the benchmark: both languages answer alike, and what goes wrong is counted."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest

from bench.cases import Case
from bench.targets import PATH, answers, free_port
from bench.tools import Load, Tools, arguments, read, tools

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the bench measures on Linux")

LANGUAGES = [
    pytest.param(True, id="Python"),
    pytest.param(False, id="C", marks=pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler")),
]


@pytest.fixture(params=LANGUAGES)
def ruler(request) -> Tools:
    return tools(in_python=request.param)


@pytest.fixture
def upstream(ruler):
    port = free_port()
    process = subprocess.Popen([*ruler.upstream, str(port)])
    url = f"http://127.0.0.1:{port}{PATH}"
    try:
        while not answers(url):
            assert process.poll() is None
        yield url
    finally:
        process.terminate()
        process.wait()


def loaded(ruler: Tools, url: str, case: Case) -> Load:
    done = subprocess.run([*ruler.load, *arguments(case, url, ())], capture_output=True, text=True, check=True)
    return read(done.stdout)


def asked(url: str, model: str) -> tuple[int, dict[str, str], bytes]:
    body = json.dumps({"messages": [{"role": "user", "content": "?" * 3000}], "model": model}).encode()
    request = urllib.request.Request(url, body)
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, dict(answer.headers), answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, dict(error.headers), error.read()


def test_a_completion_is_json_of_the_size_that_was_asked_for(upstream):
    status, headers, body = asked(upstream, "json-1024")
    assert status == 200
    assert headers["Content-Type"] == "application/json"
    assert json.loads(body)["choices"][0]["finish_reason"] == "stop"
    assert 950 < len(body) < 1100


def test_an_empty_account_is_told_in_openais_words(upstream):
    status, _, body = asked(upstream, "error-429")
    assert status == 429
    assert json.loads(body)["error"]["code"] == "insufficient_quota"


def test_an_empty_account_can_be_told_in_other_words_each_time(upstream):
    told = [asked(upstream, "error-429-anew")[2] for _ in range(2)]
    assert told[0] != told[1]
    assert all(json.loads(body)["error"]["code"] == "insufficient_quota" for body in told)


def test_a_stream_has_its_chunks_and_its_end(upstream):
    status, headers, body = asked(upstream, "stream-3x1")
    assert status == 200
    assert headers["Content-Type"].startswith("text/event-stream")
    events = [event for event in body.decode().split("\n\n") if event]
    assert events[-1] == "data: [DONE]"
    deltas = [json.loads(event.removeprefix("data: "))["choices"][0] for event in events[:-1]]
    assert [delta["finish_reason"] for delta in deltas] == [None, None, None, "stop"]
    assert [delta["delta"].get("content", "")[:2] for delta in deltas] == ["t=", "t=", "t=", ""]


@pytest.mark.parametrize(("model", "status"), [("json-1024x80", 200), ("error-429x80", 429)])
def test_an_answer_can_wait(upstream, model, status):
    began = time.monotonic()
    assert asked(upstream, model)[::2] == (status, asked(upstream, model.partition("x")[0])[2])
    assert time.monotonic() - began >= 0.08


def test_an_unknown_model_is_no_success(upstream):
    assert asked(upstream, "gpt")[0] == 404


@pytest.mark.parametrize(
    ("case", "chunks_each"),
    [
        (Case(name="one", title="", connections=1, seconds=0.3), 0),
        (Case(name="large", title="", connections=3, seconds=0.3, prompt_bytes=300_000), 0),
        (Case(name="errors", title="", connections=3, seconds=0.3, model="error-429", status=429), 0),
        (Case(name="bursts", title="", connections=20, seconds=0.3, in_bursts=True), 0),
        (Case(name="streams", title="", connections=5, seconds=0.6, ramp_s=0.1, model="stream-5x10"), 5),
    ],
    ids=lambda value: value.name if isinstance(value, Case) else "",
)
def test_every_load_is_done_and_timed(ruler, upstream, case, chunks_each):
    load = loaded(ruler, upstream, case)
    assert load.failed == 0
    assert load.requests >= case.connections
    assert 0 < load.p50_us <= load.p99_us < case.seconds * 1e6
    assert load.chunks >= load.requests * chunks_each
    assert (load.delay_p50_us > 0) == case.is_stream


def test_another_status_than_the_good_one_has_failed(ruler, upstream):
    load = loaded(ruler, upstream, Case(name="", title="", connections=2, seconds=0.2, model="error-429"))
    assert load.requests == 0
    assert load.failed > 0


def test_a_server_that_is_not_there_is_a_failure(ruler):
    case = Case(name="", title="", connections=2, seconds=0.2)
    assert loaded(ruler, f"http://127.0.0.1:{free_port()}{PATH}", case).failed > 0


async def test_streams_without_their_end_and_answers_cut_short_are_failures(ruler):
    head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n"
    replies = [head + b'f\r\ndata: {"t": 1}\n\r\n0\r\n\r\n', head + b"5\r\nda", b"HTTP/1.1 200 OK\r\nconte"]

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.closing(writer), contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            await reader.readuntil(b"]}")
            replies.append(replies[0])
            writer.write(replies.pop(0))
            await writer.drain()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        case = Case(name="", title="", connections=1, seconds=0.3, model="stream-1x1")
        load = await asyncio.to_thread(loaded, ruler, f"http://127.0.0.1:{port}{PATH}", case)
    assert load.requests == 0
    assert load.failed > 3
