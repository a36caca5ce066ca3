from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator

import pytest

from proxy.config import Address
from proxy.workers.reserve import reserve

IN_USE = pytest.raises(OSError, match="in use")


@contextlib.contextmanager
def listening(port: int, *, shared: bool, host: str = "127.0.0.1") -> Iterator[int]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with contextlib.closing(socket.socket(family)) as found:
        if shared:
            found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        found.bind((host, port))
        found.listen()
        yield found.getsockname()[1]


def has_ipv6() -> bool:
    try:
        with listening(0, shared=False, host="::1"):
            return True
    except OSError:
        return False


def test_any_port_becomes_one_that_several_can_listen_on_and_takes_no_connection_itself() -> None:
    reserved = reserve(Address("127.0.0.1", 0))
    port = reserved.address.port
    assert port
    assert reserved.host == "127.0.0.1"
    with contextlib.closing(socket.socket()) as client:
        assert client.connect_ex(("127.0.0.1", port)) != 0
    with listening(port, shared=True), listening(port, shared=True), IN_USE, listening(port, shared=False):
        pass
    reserved.release()
    with listening(port, shared=False):
        pass


@pytest.mark.parametrize("shared", [True, False])
def test_an_address_that_somebody_listens_on_is_in_use_also_where_it_could_be_shared(*, shared: bool) -> None:
    with listening(0, shared=shared) as taken, IN_USE:
        reserve(Address("127.0.0.1", taken))


@pytest.mark.skipif(not has_ipv6(), reason="no IPv6 here")
def test_every_address_has_the_same_port() -> None:
    reserved = reserve(Address("", 0))
    port = reserved.address.port
    for host in ("127.0.0.1", "::1"):
        with IN_USE, listening(port, shared=False, host=host):
            pass
        with listening(port, shared=True, host=host):
            pass
    reserved.release()
