"""Streams, without any I/O: bytes in, values out. No stream looks whole when it is not, and no good one is hurt.

How a relay uses it:

    watch = watch_for(path=…, dialect=…, content_type=…, …)      # None: pass every read on as it is
    out = watch.feed(data)            # after every read: what may be written, b"" for nothing yet
    watch.is_decided                  # until then the answer's head waits (at most `stream.hold`) with what `feed` gave
    watch.found                       # an error event: classify `found.text`; if `found.is_first` and the head waits, it
                                      # is a failure like any other; else write out[:found.end] + comment(problem) +
                                      # out[found.end:], where `out` is what that one `feed` (or `end`: its rest) gave;
                                      # set it back to None
    watch.beats                       # grows with every read that brought an event with data: the idle clock's measure
    ending = watch.end(How.BROKEN)    # or CLEAN, or IDLE: write ending.rest, then as ending.end says: end the answer; write
                                      # watch.error_event(problem) and end it; break the connection off; or wait on
"""

from __future__ import annotations

from proxy.stream.choose import watch_for
from proxy.stream.coded import CodedWatch
from proxy.stream.ending import End, Ending, Found, How
from proxy.stream.watch import Watch

__all__ = ["CodedWatch", "End", "Ending", "Found", "How", "Watch", "watch_for"]
