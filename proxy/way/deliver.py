"""The answer's body goes to the client as it comes: what was read in one piece goes out as one write.

`watched.py` does the same for event streams, which it looks at on the way.
"""

from __future__ import annotations

import aiohttp

from proxy.way.ask import Answered, rest_of
from proxy.way.sink import Sink


async def deliver(sink: Sink, answered: Answered) -> bool:
    """Whether the body came whole; one that broke is broken off. Raises CancelledError where the client leaves."""
    if sink.is_bodiless:
        sink.write(b"")
        answered.response.close()
        return True
    content = answered.response.content
    data = answered.first
    broke = answered.broke
    if not data and not broke and content.exception() is None:
        data = content.read_nowait(-1)
    ended = answered.ended or content.at_eof()
    while True:
        if answered.seen is not None:
            _see(answered, answered.seen, data)
        sink.write(data, last=ended and not broke)
        if broke:
            answered.response.close()
            sink.break_off()
            return False
        if ended:
            return True
        if sink.is_full:
            await sink.drain()
        try:
            data = await content.readany()
            ended = content.at_eof()
        except (aiohttp.ClientError, OSError):
            data = rest_of(content)
            broke = True


def _see(answered: Answered, seen: list[bytes], data: bytes) -> None:
    answered.seen_bytes -= len(data)
    if answered.seen_bytes < 0:
        answered.seen = None
    else:
        seen.append(data)
