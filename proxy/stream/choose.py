"""Which answers are streams to be watched, and how: told by the head of the answer and the path."""

from __future__ import annotations

from proxy.model import Dialect, Provider
from proxy.stream.coded import CodedWatch
from proxy.stream.coding import decoder_of
from proxy.stream.watch import Watch


def watch_for(
    *,
    path: str,
    dialect: Dialect | None,
    content_type: str,
    content_coding: str = "",
    provider: Provider,
    ends_at_eof: bool = False,
    peek_bytes: int,
) -> Watch | CodedWatch | None:
    """None: not a stream that anybody here knows; it passes as it is, and ends as its framing does.

    `dialect`: the path's, where a call to it generates. `ends_at_eof`: the operator says that these streams may end
    without their protocol's end.
    """
    kind = content_type.partition(";")[0].strip().lower()
    is_array = kind == "application/json" and path.endswith(":streamGenerateContent")
    if kind != "text/event-stream" and not is_array:
        return None
    watch = Watch(
        dialect,
        peek_bytes=peek_bytes,
        is_array=is_array,
        ends_at_eof=ends_at_eof or provider.stream_end == "eof",
        business_codes=provider.business_codes,
    )
    if content_coding.strip().lower() in ("", "identity"):
        return watch
    decoder = decoder_of(content_coding)
    return None if decoder is None else CodedWatch(watch, decoder)
