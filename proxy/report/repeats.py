"""Remembers which failures of one request were reported, so that a client that sends it again and again is one line.

Bounded: the longest unseen is forgotten first, which costs a second line and nothing else. Pure: time comes in.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import NamedTuple

from proxy.model import TRAITS
from proxy.report.event import CallReport


class Signature(NamedTuple):
    """What makes two failures one: the same request of the same caller, refused in the same way."""

    client: str
    fingerprint: str
    upstream: str
    rule: str
    reason: str


class Repeats:
    def __init__(self, *, max_entries: int = 4096, ttl_s: float = 86_400.0) -> None:
        self._max_entries = max_entries
        self._ttl_s = ttl_s
        self._seen: OrderedDict[Signature, float] = OrderedDict()

    def __len__(self) -> int:
        return len(self._seen)

    def is_repeat(self, report: CallReport, now_s: float) -> bool:
        """Whether the very same failure was seen within the last `ttl_s`; it is remembered from now on.

        Only what no retry can mend is one incident. A call that was rate limited twice is two facts.
        """
        verdict = report.verdict
        if verdict is None or not report.fingerprint or TRAITS[verdict.cls].can_retry:
            return False
        signature = Signature(report.client, report.fingerprint, report.upstream, verdict.rule, verdict.reason)
        last_seen_s = self._seen.pop(signature, None)
        self._seen[signature] = now_s
        if len(self._seen) > self._max_entries:
            self._seen.popitem(last=False)
        return last_seen_s is not None and now_s - last_seen_s < self._ttl_s
