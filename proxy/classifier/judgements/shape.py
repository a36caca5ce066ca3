"""What an answer shows beside its words: a page where a model's answer was due, a window that is spent, a gateway that quotes."""

from __future__ import annotations

from proxy.classifier.evidence import Evidence, Layer
from proxy.classifier.judgements.seen import Seen


def shows_page(evidence: Evidence, _: Layer) -> Seen | None:
    """A page for people under a good status is no answer of a model."""
    return Seen("a page for people where an answer was due") if evidence.shape == "page" else None


def shows_quoted_bill(evidence: Evidence, layer: Layer) -> Seen | None:
    """Somebody else's bill: a gateway quotes a provider that it names, and the key there is not the caller's own."""
    outer = evidence.layers[: evidence.layers.index(layer)] if layer in evidence.layers else []
    via = next((one.via for one in outer if one.via), "")
    if not via or any("byok" in one.codes for one in outer):
        return None
    return Seen(f"{via} said so to the gateway: its account there is the gateway's")


def shows_spent_window(evidence: Evidence, _: Layer) -> Seen | None:
    """Rate-limit headers tell of a window of which nothing is left; APISIX answers so with a bare 503.

    https://apisix.apache.org/docs/apisix/plugins/ai-rate-limiting/
    """
    for name, value in evidence.headers.items():
        if "remaining" in name and ("ratelimit" in name or "rate-limit" in name) and value.strip() == "0":
            return Seen(f"nothing is left of a window ({name} is 0)")
    return None
