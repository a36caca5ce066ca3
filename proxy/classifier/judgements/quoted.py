"""A status that a wrapper quotes in its prose."""

from __future__ import annotations

import re
from typing import Final

from proxy.classifier.evidence import Evidence, Layer
from proxy.classifier.judgements.seen import Seen

STATUS_SAID: Final = re.compile(
    r"(?:status[ _]?code|error code|http(?: status)?|http error|status|returned(?: an?)?|responded with|code|error)[\"']?[ :=(]{1,3}([45]\d\d)(?![\d.])"
)


def status_said(layer: Layer) -> int | None:
    """The status that a wrapper quotes in its prose: "Request failed with status code 429"."""
    for text in layer.texts:
        found = STATUS_SAID.search(text.lower())
        if found:
            return int(found[1])
    return None


def shows_payment_status(_: Evidence, layer: Layer) -> Seen | None:
    """A wrapper that quotes a 402 tells of an upstream that asks for money."""
    if "402" not in layer.heard().vocabulary or status_said(layer) != 402:
        return None
    return Seen("quotes a status 402: payment is asked for")
