"""The address that the children share, held by their parent from before the first until after the last.

Sockets that are bound and do not listen take no connection; they keep the port, also one that the system chose, while
children come and go.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterable

from proxy.config import Address


class Reserved:
    """Bound sockets. `address` has the port that was got."""

    def __init__(self, address: Address, sockets: Iterable[socket.socket]) -> None:
        self._sockets = tuple(sockets)
        self.address = address
        self.host: str = self._sockets[0].getsockname()[0]

    def release(self) -> None:
        for each in self._sockets:
            each.close()


def reserve(address: Address) -> Reserved:
    """Raises OSError where the address is in use, also by another proxy whose workers would share it."""
    families = socket.getaddrinfo(address.host or None, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    port = address.port
    with contextlib.ExitStack() as undo:
        sockets = []
        for family, kind, protocol, _, found in dict.fromkeys(families):
            if port:
                # SO_REUSEPORT alone would let two proxies of one user start on one port, each with half of the calls.
                with _bind(family, kind, protocol, (found[0], port, *found[2:]), shared=False):
                    pass
            bound = undo.enter_context(
                _bind(family, kind, protocol, (found[0], port, *found[2:]), shared=True)
            )  # fmt: skip
            port = port or bound.getsockname()[1]
            sockets.append(bound)
        undo.pop_all()
    return Reserved(Address(address.host, port), sockets)


def _bind(family: int, kind: int, protocol: int, address: tuple[str | int, ...], *, shared: bool) -> socket.socket:
    bound = socket.socket(family, kind, protocol)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        bound.bind(address)
    except BaseException:
        bound.close()
        raise
    return bound
