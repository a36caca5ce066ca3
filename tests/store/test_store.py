"""What every store promises, held against each of them; a real redis-server where there is one."""

from __future__ import annotations

import asyncio
import shutil
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from proxy.store.base import Store
from proxy.store.memory import MemoryStore
from proxy.store.opened import StoreError, open_store

REDIS = shutil.which("redis-server") or shutil.which("valkey-server")
needs_redis = pytest.mark.skipif(REDIS is None, reason="no redis-server or valkey-server on the PATH")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Server:
    """A redis-server on loopback with a password, that can be ended and started again."""

    def __init__(self, where: Path, certificate: Path | None = None) -> None:
        self.port = free_port()
        self.where = where
        self.certificate = certificate
        self.start()

    @property
    def url(self) -> str:
        return f"redis://:secret@127.0.0.1:{self.port}/0"

    def start(self) -> None:
        assert REDIS is not None
        options = ["--bind", "127.0.0.1", "--requirepass", "secret", "--save", "", "--appendonly", "no"]
        if self.certificate is None:
            options += ["--port", str(self.port)]
        else:
            files = ("--tls-cert-file", "--tls-key-file", "--tls-ca-cert-file")
            options += ["--port", "0", "--tls-port", str(self.port), "--tls-auth-clients", "no"]
            options += [text for name in files for text in (name, str(self.certificate))]
        self.process = subprocess.Popen(
            [REDIS, *options, "--dir", str(self.where)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.02)
        raise AssertionError("redis-server did not start")

    def end(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    running = Server(tmp_path_factory.mktemp("redis"))
    yield running
    running.end()


@pytest.fixture(params=["memory", pytest.param("redis", marks=needs_redis)])
async def store(request: pytest.FixtureRequest) -> AsyncIterator[Store]:
    if request.param == "memory":
        opened = open_store("memory://")
    else:
        url = request.getfixturevalue("server").url
        opened = open_store(f"{url}?prefix=test[{time.monotonic_ns()}]*:")
    yield opened
    assert opened.failures == 0
    await opened.close()


async def test_what_was_put_is_there(store: Store) -> None:
    await store.put("turn:a", b"1", 60)
    await store.put("turn:b", b"\x00\xff", 60)
    await store.put("turn:a", b"2", 60)
    assert await store.get(["turn:a", "turn:b", "turn:c"]) == {"turn:a": b"2", "turn:b": b"\x00\xff"}
    assert await store.get([]) == {}


async def test_what_has_aged_is_gone(store: Store) -> None:
    await store.put("turn:a", b"1", 0.03)
    assert await store.claim("outage:x", 0.03)
    assert await store.count("fails:x", 0.03) == 1
    await asyncio.sleep(0.06)
    assert await store.get(["turn:a"]) == {}
    assert await store.claim("outage:x", 60)
    assert await store.count("fails:x", 60) == 1


async def test_a_claim_is_for_one(store: Store) -> None:
    claims = await asyncio.gather(*(store.claim("outage:openai", 60) for _ in range(10)))
    assert sum(claims) == 1
    assert await store.claim("outage:other", 60)
    assert await store.drop("outage:openai")
    assert await store.claim("outage:openai", 60)


async def test_counts_miss_none(store: Store) -> None:
    counts = await asyncio.gather(*(store.count("fails:openai", 60) for _ in range(10)))
    assert sorted(counts) == list(range(1, 11))


async def test_what_was_dropped_is_gone(store: Store) -> None:
    await store.put("turn:a", b"1", 60)
    assert await store.drop("turn:a")
    assert not await store.drop("turn:a")
    assert await store.get(["turn:a"]) == {}


async def test_a_listing_holds_one_kind(store: Store) -> None:
    for each in "abc":
        await store.put(f"turn:{each}", each.encode(), 60)
    await store.put("turns:a", b"", 60)
    assert await store.listing("turn", 10) == {"turn:a": b"a", "turn:b": b"b", "turn:c": b"c"}
    assert len(await store.listing("turn", 2)) == 2
    assert await store.listing("gate", 10) == {}
    assert (store.held("turn"), store.held("turns"), store.held("gate")) == (3, 1, 0)


@needs_redis
async def test_two_replicas_share_what_one_knows(server: Server) -> None:
    one, other = open_store(server.url), open_store(server.url)
    await one.put("turn:shared", b"1", 60)
    assert await other.get(["turn:shared"]) == {"turn:shared": b"1"}
    assert await one.claim("outage:shared", 60)
    assert not await other.claim("outage:shared", 60)
    assert (await one.count("n:shared", 60), await other.count("n:shared", 60)) == (1, 2)
    await other.drop("turn:shared")
    assert await one.get(["turn:shared"]) == {}
    stranger = open_store(server.url + "?prefix=elsewhere:")
    assert await stranger.claim("outage:shared", 60)
    for each in (one, other, stranger):
        await each.close()


@needs_redis
async def test_without_its_server_a_store_goes_on_and_comes_back(tmp_path: Path) -> None:
    now = 1000.0
    changes: list[str | None] = []
    server = Server(tmp_path)
    store = open_store(server.url, changes.append, lambda: now)
    await store.put("turn:a", b"1", 60)
    server.end()
    assert await store.get(["turn:a"]) == {"turn:a": b"1"}
    assert (store.failures, len(changes)) == (1, 1)
    await store.put("turn:b", b"2", 60)
    assert await store.claim("outage:x", 60)
    assert not await store.claim("outage:x", 60)
    assert await store.count("n:x", 60) == 1
    assert store.failures == 1  # for a moment nobody asks
    now += 2
    assert await store.listing("turn", 10) == {"turn:b": b"2", "turn:a": b"1"}
    assert (store.failures, len(changes)) == (2, 1)
    server.start()
    try:
        now += 2
        await store.put("turn:c", b"3", 60)
        assert await store.get(["turn:c"]) == {"turn:c": b"3"}
        assert changes[1:] == [None]
        await store.close()
    finally:
        server.end()


@needs_redis
@pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl on the PATH to make a certificate with")
async def test_tls_with_an_authority_of_ones_own(tmp_path: Path) -> None:
    pem = tmp_path / "server.pem"
    made = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-days",
        "1",
    ]
    made += [
        "-subj",
        "/CN=localhost",
        "-addext",
        "subjectAltName=IP:127.0.0.1",
        "-keyout",
        str(pem),
        "-out",
        str(tmp_path / "cert"),
    ]
    await asyncio.to_thread(subprocess.run, made, check=True, capture_output=True)
    pem.write_text(pem.read_text() + (tmp_path / "cert").read_text())
    server = Server(tmp_path, pem)
    try:
        url = server.url.replace("redis://", "rediss://")
        trusting, doubting = open_store(f"{url}?ssl_ca_certs={pem}"), open_store(url)
        await trusting.put("turn:a", b"1", 60)
        assert await trusting.get(["turn:a"]) == {"turn:a": b"1"}
        await doubting.put("turn:a", b"2", 60)
        assert (trusting.failures, doubting.failures) == (0, 1)
        await trusting.close()
        await doubting.close()
    finally:
        server.end()


@needs_redis
async def test_a_wrong_password_is_a_server_that_is_away(server: Server) -> None:
    changes: list[str | None] = []
    store = open_store(server.url.replace("secret", "wrong"), changes.append)
    await store.put("turn:a", b"1", 60)
    assert await store.get(["turn:a"]) == {"turn:a": b"1"}
    assert changes == ["AuthenticationError"]
    await store.close()


async def test_a_server_that_hangs_costs_a_call_little() -> None:
    pytest.importorskip("redis")
    listening = socket.create_server(("127.0.0.1", 0))  # takes connections and says nothing
    port = listening.getsockname()[1]
    store = open_store(f"redis://127.0.0.1:{port}/0?socket_timeout=0.05&socket_connect_timeout=0.05")
    started = time.monotonic()
    await store.put("turn:a", b"1", 60)
    assert await store.get(["turn:a"]) == {"turn:a": b"1"}
    assert time.monotonic() - started < 1
    assert store.failures == 1
    await store.close()
    listening.close()


def test_an_option_that_nobody_knows_is_said() -> None:
    pytest.importorskip("redis")
    with pytest.raises(StoreError, match="option"):
        open_store("redis://127.0.0.1:1/0?nonsense=1")


# Memory alone


def at(times: list[float]) -> Callable[[], float]:
    return lambda: times[0]


async def test_memory_keeps_the_latest_of_each_kind() -> None:
    store = MemoryStore(at([0.0]), {"turn": 2})
    for each in "abc":
        await store.put(f"turn:{each}", b"", 60)
        await store.put(f"gate:{each}", b"", 60)
    assert list(await store.listing("turn", 10)) == ["turn:c", "turn:b"]
    assert store.held("gate") == 3


async def test_memory_expires_by_its_clock() -> None:
    times = [0.0]
    store = MemoryStore(at(times))
    await store.put("turn:a", b"", 10)
    await store.put("turn:b", b"", 20)
    times[0] = 10.0
    assert store.held("turn") == 1
    assert list(await store.listing("turn", 10)) == ["turn:b"]


async def test_a_count_ends_with_its_first() -> None:
    times = [0.0]
    store = MemoryStore(at(times))
    assert [await store.count("n:a", 10) for _ in range(3)] == [1, 2, 3]
    times[0] = 10.0
    assert await store.count("n:a", 10) == 1
