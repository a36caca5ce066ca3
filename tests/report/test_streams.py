from __future__ import annotations

from proxy.report.streams import OpenStreams


def test_open_streams_are_counted_until_they_close() -> None:
    streams = OpenStreams()
    first, second = streams.opened("openai", 0), streams.opened("openai", 0)
    assert len(streams) == 2
    streams.closed(first)
    streams.closed(first)
    assert len(streams) == 1
    streams.closed(second)
    assert len(streams) == 0


def test_a_stream_without_data_for_a_minute_is_stalled_until_data_comes() -> None:
    streams = OpenStreams()
    quiet, busy = streams.opened("openai", 0), streams.opened("anthropic", 0)
    busy.fed_s = 30
    assert streams.stalled(59.9) == {}
    assert streams.stalled(60) == {"openai": 1}
    quiet.fed_s = 61
    assert streams.stalled(61) == {}
    assert streams.stalled(121) == {"openai": 1, "anthropic": 1}
