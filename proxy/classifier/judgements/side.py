"""Theirs or yours: whose trouble a sentence speaks of."""

from __future__ import annotations

from typing import Final

from proxy.classifier.evidence import Evidence, Layer
from proxy.classifier.judgements.seen import Seen

OURS: Final = frozenset(
    [
        "you",
        "your",
        "youre",
        "youve",
        "account",
        "organization",
        "organisation",
        "org",
        "project",
        "workspace",
        "team",
        "user",
        "key",
        "tenant",
        "subscription",
        "您",
        "你",
    ]
)
THEIRS: Final = frozenset(
    [
        "we",
        "were",
        "weve",
        "server",
        "servers",
        "engine",
        "system",
        "service",
        "services",
        "backend",
        "cluster",
        "platform",
        "our",
    ]
)
LOAD: Final = frozenset(
    [
        "many",
        "requests",
        "connections",
        "traffic",
        "load",
        "demand",
        "busy",
        "saturated",
        "rate",
        "limited",
        "throttled",
        "pending",
        "queue",
    ]
)


def shows_their_load(_: Evidence, layer: Layer) -> Seen | None:
    """Theirs or yours: too many requests "we" or "the system" receive is their load, the caller is not named."""
    places = layer.heard().vocabulary
    if places.isdisjoint(LOAD) or not OURS.isdisjoint(places):
        return None
    theirs = THEIRS & places
    if not theirs or "many" not in places or "limit" in places or "limited" in places:
        return None
    return Seen(f"too many requests at their side ({', '.join(sorted(theirs))}), and nothing is said of the caller")
