"""Verdicts on answers that were heard before, word for word: in an outage or on an empty account the same one comes by thousands.

Nothing of an answer is kept but a digest. A verdict that holds a wait is not remembered: it ages. Pure but for its memory.
"""

from __future__ import annotations

from collections import OrderedDict
from hashlib import blake2b
from typing import Final

from proxy.classifier import Rules, classify
from proxy.model import Answer, Verdict
from proxy.way.headers import RawHeaders

MEMORY: Final = 512
LONGEST: Final = 8 * 1024  # a longer body costs more to digest than it is likely to come again

# They differ from one answer to the next and say nothing about the failure, unless a rule asks for them.
_PASSING: Final = frozenset(
    b"date age x-request-id request-id x-amzn-requestid apim-request-id x-ms-request-id cf-ray set-cookie server-timing"
    b" openai-processing-ms x-envoy-upstream-service-time x-cloud-trace-context traceparent".split()
)


class Familiar:
    """Classifies by some rules, the same answer once."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self._passing = _PASSING - {name.encode() for rule in rules.rules for name, _ in rule.headers}
        self._known: OrderedDict[tuple[int, str, bytes], Verdict] = OrderedDict()

    def verdict(self, status: int, raw: RawHeaders, body: bytes, provider: str, *, now: float) -> Verdict | None:
        """What `classify` says of the answer."""
        if len(body) > LONGEST:
            return self._heard(status, raw, body, provider, now)
        key = (status, provider, self._digest(raw, body))
        known = self._known.get(key)
        if known is not None:
            self._known.move_to_end(key)
            return known
        verdict = self._heard(status, raw, body, provider, now)
        if verdict is not None and verdict.wait is None:
            self._known[key] = verdict
            if len(self._known) > MEMORY:
                self._known.popitem(last=False)
        return verdict

    def _heard(self, status: int, raw: RawHeaders, body: bytes, provider: str, now: float) -> Verdict | None:
        return classify(Answer(status=status, headers=text_of(raw), body=body, provider=provider), self.rules, now=now)

    def _digest(self, raw: RawHeaders, body: bytes) -> bytes:
        passing = self._passing
        said = [part for name, value in raw if name.lower() not in passing for part in (name.lower(), value)]
        # No header holds a line's end: what is said cannot be told in two ways.
        return blake2b(b"\n".join((*said, b"", body)), digest_size=16).digest()


def text_of(raw: RawHeaders) -> tuple[tuple[str, str], ...]:
    """Headers as text, for reading only: their bytes go to the client as they came."""
    return tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in raw)
