"""What was answered where a model's answer was due: a page, a part of a body, nothing of a window."""

from __future__ import annotations

from proxy.classifier.evidence import Evidence, Layer
from proxy.classifier.judgements.seen import Seen


def shows_page(evidence: Evidence, _: Layer) -> Seen | None:
    """A page for people under a good status is no answer of a model."""
    return Seen("a page for people where an answer was due") if evidence.shape == "page" else None


def shows_cut(evidence: Evidence, _: Layer) -> Seen | None:
    """A body shorter than its Content-Length."""
    return Seen("the body is shorter than its Content-Length says") if evidence.shape == "cut" else None


def shows_spent_window(evidence: Evidence, _: Layer) -> Seen | None:
    """Rate-limit headers tell of a window of which nothing is left; APISIX answers so with a bare 503.

    https://apisix.apache.org/docs/apisix/plugins/ai-rate-limiting/
    """
    for name, value in evidence.headers.items():
        if "remaining" in name and ("ratelimit" in name or "rate-limit" in name) and value.strip() == "0":
            return Seen(f"nothing is left of a window ({name} is 0)")
    return None
