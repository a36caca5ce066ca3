"""The streams that are open now, and which of them have gone quiet.

A relay marks its stream at each piece of data with one assignment; counting happens when somebody looks.
"""

from __future__ import annotations

from collections import Counter

STALLED_AFTER_S = 60.0


class OpenStream:
    """One stream on its way to a client. Compared by identity."""

    __slots__ = ("fed_s", "upstream")

    def __init__(self, upstream: str, now_s: float) -> None:
        self.upstream = upstream
        self.fed_s = now_s  # when data last came; set by the relay


class OpenStreams:
    def __init__(self) -> None:
        self._open: set[OpenStream] = set()

    def __len__(self) -> int:
        return len(self._open)

    def opened(self, upstream: str, now_s: float) -> OpenStream:
        stream = OpenStream(upstream, now_s)
        self._open.add(stream)
        return stream

    def closed(self, stream: OpenStream) -> None:
        self._open.discard(stream)

    def stalled(self, now_s: float) -> Counter[str]:
        """How many streams of each upstream have had no data for `STALLED_AFTER_S`."""
        return Counter(stream.upstream for stream in self._open if now_s - stream.fed_s >= STALLED_AFTER_S)
