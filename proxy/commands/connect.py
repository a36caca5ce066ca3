"""Whether upstreams can be reached: a connection with TLS, then its end. No request is sent, no credential used.

Failures are told by the stage that failed: texts of foreign exceptions hold addresses.
"""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from collections.abc import Sequence
from urllib.parse import urlsplit

from proxy.config import Upstream


def probe_all(upstreams: Sequence[Upstream]) -> list[str | None]:
    """For each upstream None, or what came in the way."""

    async def every() -> list[str | None]:
        return await asyncio.gather(*map(probe, upstreams))

    return asyncio.run(every())


async def probe(upstream: Upstream) -> str | None:
    if upstream.proxy is not None:
        return await _reach(upstream.proxy, upstream, what="the forward proxy: ")
    return await _reach(upstream.url, upstream)


async def _reach(url: str, upstream: Upstream, what: str = "") -> str | None:
    parts = urlsplit(url)
    context = None
    if parts.scheme == "https":
        context = ssl.create_default_context(cafile=str(upstream.ca) if upstream.ca else None)
    port = parts.port or (443 if context else 80)
    try:
        async with asyncio.timeout(upstream.timeouts.connect or None):
            _, writer = await asyncio.open_connection(parts.hostname, port, ssl=context)
    except TimeoutError:
        return f"{what}no connection within {upstream.timeouts.connect:g} s"
    except socket.gaierror:
        return f"{what}its name is not known (DNS)"
    except ssl.SSLCertVerificationError as error:
        return f"{what}its certificate is not trusted: {error.verify_message}"
    except ssl.SSLError:
        return f"{what}no TLS at this address"
    except ConnectionRefusedError:
        return f"{what}refused"
    except ConnectionError:
        return f"{what}the connection was reset"
    except OSError as error:
        return f"{what}{os.strerror(error.errno) if error.errno else 'no connection'}"
    writer.transport.abort()  # a TLS goodbye could wait for the peer's
    return None
