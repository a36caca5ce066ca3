"""Numbers against numbers: a request larger than its limit never fits, and a limit of zero never refills."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

from proxy.classifier.evidence import Evidence, Layer
from proxy.classifier.judgements.seen import Seen
from proxy.classifier.judgements.window import OF_A_RATE, SHORT

_N: Final = r"(\d[\d,]{0,14}(?:\.\d{1,3})?)(k|m)?(?![\w%])"
# The commonest form first: the others are tried only where it is not there.
DEMANDS: Final = (
    re.compile(rf"requested(?: tokens)?[:=]? ?(?:about |up to )?{_N}"),
    re.compile(rf"{_N} (?:input |total )?tokens (?:were |was )?requested"),
    re.compile(rf"(?:asks for|asked for|needs|wants) {_N} (?:input )?tokens"),
    re.compile(
        rf"(?:request|prompt|input)(?: alone)?(?: of| has| with| needs| is|:) ?(?:about )?{_N} (?:input )?tokens"
    ),
)
LIMITS: Final = (
    re.compile(rf"limit(?:ed)?(?: to| of| is)?[:=]? ?{_N}"),
    re.compile(rf"(?:window|allowance|bucket)(?: to| of| is| holds| takes)?(?: only| at most)?[:=]? ?{_N}"),
    re.compile(rf"{_N} (?:tpm|tokens per minute)"),
)
NEAR_CHARS: Final = 120
_MAX_JUDGED: Final = 4000
_SCALES: Final[Mapping[str, int]] = {"": 1, "k": 1_000, "m": 1_000_000}
# Words without which nobody says that one request is larger than the window.
OF_A_DEMAND: Final = frozenset(
    {
        "requested",
        "larger",
        "bigger",
        "exceeds",
        "exceed",
        "large",
        "alone",
        "asks",
        "asked",
        "needs",
        "wants",
        "one",
        "single",
    }
)
GIVEN: Final = re.compile(rf"{_N}(?: (?:input|prompt|total))? ?(?:tokens?|characters|chars)")
MOST: Final = re.compile(
    rf"(?:at most|only|up to|into|than|limit|maximum|max|most|window|supports?|context|size|length|ctx|room for|ceiling|can read|can hold|holds?|reads|upper bound|cap)"
    rf"(?: (?:of|is|was|to|allowed|supports|length|size|window|model|tokens)){{0,3}}[ :=(]{{1,2}}{_N}"
)
OF_A_MOST: Final = frozenset(
    {
        "most",
        "only",
        "up",
        "fit",
        "than",
        "limit",
        "maximum",
        "max",
        "window",
        "supports",
        "support",
        "context",
        "room",
        "ceiling",
        "read",
        "reads",
        "hold",
        "holds",
        "bound",
        "cap",
    }
)
# A rate, or what may be put out: there the numbers mean something else.
ANOTHER_MATTER: Final = frozenset(
    {
        *SHORT,
        "per",
        "rate",
        "minute",
        "hour",
        "day",
        "today",
        "quota",
        "used",
        "output",
        "completion",
        "new",
        "generate",
    }
)
# "$5.00 of $5.00 used"; words know no currency signs.
SPENT: Final = re.compile(
    r"[$€£¥] ?(\d[\d,]{0,12}(?:\.\d{1,4})?) ?(?:of|/|out of) ?[$€£¥] ?(\d[\d,]{0,12}(?:\.\d{1,4})?)"
)
ZERO: Final = re.compile(
    r"\blimit(?: of| is|[\"']?:|=)? ?0(?![\d.,]*\d|%| remaining| left)"
    r"|\b(?:limit|quota)\b(?:(?!remain|left|avail|used|current)[^\d.;]){0,60} (?:is|of|to) 0 (?:(?:requests|tokens|calls) (?:per|a) |[rt]p[mdsh]\b)"
)


def shows_spent_amount(_: Evidence, layer: Layer) -> Seen | None:
    """Money: an amount of it that has reached the amount that is the most."""
    for text in layer.texts:
        found = SPENT.search(text[:_MAX_JUDGED]) if not text.isascii() or "$" in text else None
        if found and _amount(found[1]) >= _amount(found[2]) > 0:
            return Seen(f"an amount of money that has reached the most ({found[0]})")
    return None


def shows_demand_over_limit(_: Evidence, layer: Layer) -> Seen | None:
    """Waiting is futile: one request asks for more than the whole window holds."""
    if OF_A_DEMAND.isdisjoint(layer.heard().vocabulary):
        return None
    for text in layer.texts:
        lowered = text[:_MAX_JUDGED].lower()
        if "token" not in lowered and "tpm" not in lowered:
            continue
        asked = _first(DEMANDS, lowered)
        held = _first(LIMITS, lowered) if asked else None
        if asked is None or held is None or abs(asked.start() - held.start()) > NEAR_CHARS:
            continue
        demand, limit = _number(asked), _number(held)
        if demand > limit:
            finer = "" if OF_A_RATE & layer.heard().vocabulary else "context_length"
            return Seen(f"requested {demand} of a limit of {limit}: no wait makes it fit", finer)
    return None


def _first(patterns: Iterable[re.Pattern[str]], text: str) -> re.Match[str] | None:
    for pattern in patterns:
        found = pattern.search(text)
        if found:
            return found
    return None


def _amount(text: str) -> float:
    return float(text.replace(",", ""))


def _number(found: re.Match[str]) -> int:
    """`45000`, `30,000`, `120k`."""
    return int(float(found[1].replace(",", "")) * _SCALES[found[2] or ""])


def shows_more_tokens_than_fit(_: Evidence, layer: Layer) -> Seen | None:
    """However it is worded: a number of tokens beside a smaller one that is the most, and nothing of a rate."""
    vocabulary = layer.heard().vocabulary
    if OF_A_MOST.isdisjoint(vocabulary) or not ANOTHER_MATTER.isdisjoint(vocabulary):
        return None
    for text in layer.texts:
        lowered = text[:_MAX_JUDGED].lower()
        if "token" not in lowered and "char" not in lowered:
            continue
        given, most = GIVEN.search(lowered), MOST.search(lowered)
        if given and most and most.start() > given.start() and _number(given) > _number(most) > 0:
            return Seen(f"{_number(given)} tokens where {_number(most)} are the most: only less of them fits")
    return None


def shows_zero_limit(_: Evidence, layer: Layer) -> Seen | None:
    """A limit of zero never refills: the model is not in this plan."""
    if any(name in ("quotalimitvalue", "quotavalue") and value == "0" for name, value in layer.quotas):
        return Seen("the quota's own value is 0: it never refills")
    if "0" in layer.heard().vocabulary and any(ZERO.search(text.lower()) for text in layer.texts):
        return Seen("says a limit of 0: it never refills")
    return None
