"""How a call breaks, in a word of the proxy's own table.

Foreign exceptions end here. Their texts hold addresses and headers, so they go no further.
"""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass

import aiohttp
from aiohttp.http_exceptions import HttpProcessingError


@dataclass(frozen=True, slots=True)
class Broke:
    """How a call ended without an answer.

    `reason` is a word of the proxy's own table. `connected`: the provider can have seen the request. `is_stale`: a
    connection that had served before broke without a byte of an answer, as happens when the provider closes an idle one.
    """

    reason: str
    connected: bool
    is_stale: bool = False


def reason_of(exc: BaseException) -> str:
    """Which word of the proxy's table an exception of aiohttp is, from its type alone."""
    match exc:
        case aiohttp.ClientConnectorDNSError():
            return "dns"
        case aiohttp.ClientSSLError() | ssl.SSLError():
            return "tls"
        case aiohttp.ConnectionTimeoutError() | aiohttp.ServerTimeoutError():
            return "connect"
        case aiohttp.ClientConnectorError() | aiohttp.ClientHttpProxyError():  # a forward proxy makes no tunnel
            return "refused"
        case aiohttp.ClientResponseError() | HttpProcessingError():
            return "bad_answer"
        case asyncio.TimeoutError():
            return "connect"
        case _:
            return "reset"
