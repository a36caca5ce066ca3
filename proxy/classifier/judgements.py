"""Reasoning that no table can hold, each judgement small, named and told in words.

A rule asks for one by `shows: <name>`. A judgement looks at one layer and says what it saw, or None. It decides nothing by
itself: the rule that asks says what it means.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from proxy.classifier.evidence import Evidence, Layer
from proxy.classifier.phrases import Heard, any_in, compile_phrase, spelled
from proxy.classifier.waits import NO_CLOCK, in_prose, member
from proxy.classifier.words import code_word


class Seen(NamedTuple):
    """What a judgement saw, in words, and the finer reason that it gives where it gives one."""

    words: str
    reason: str = ""


Judgement = Callable[[Evidence, Layer], Seen | None]

_N: Final = r"(\d[\d,]{0,14}(?:\.\d{1,3})?)(k|m)?(?![\w%])"
# The commonest form first: the others are tried only where it is not there.
_DEMANDS: Final = (
    re.compile(rf"requested(?: tokens)?[:=]? ?(?:about |up to )?{_N}"),
    re.compile(rf"{_N} (?:input |total )?tokens (?:were |was )?requested"),
    re.compile(
        rf"(?:request|prompt|input)(?: alone)?(?: of| has| with| needs| is|:) ?(?:about )?{_N} (?:input )?tokens"
    ),
)
_LIMITS: Final = (
    re.compile(rf"limit(?:ed)?(?: to| of| is)?[:=]? ?{_N}"),
    re.compile(rf"(?:window|allowance)(?: to| of| is)?[:=]? ?{_N}"),
    re.compile(rf"{_N} (?:tpm|tokens per minute)"),
)
_NEAR_CHARS: Final = 120
_MAX_JUDGED: Final = 4000
_SCALES: Final[Mapping[str, int]] = {"": 1, "k": 1_000, "m": 1_000_000}
# Words without which nobody says that one request is larger than the window.
_OF_A_DEMAND: Final = frozenset({"requested", "larger", "bigger", "exceeds", "exceed", "large", "alone"})
_GIVEN: Final = re.compile(rf"{_N}(?: (?:input|prompt|total))? ?tokens?")
_MOST: Final = re.compile(
    rf"(?:at most|only|up to|into|than|limit|maximum|max|most|window|supports?|context|size|length|ctx)"
    rf"(?: (?:of|is|was|to|allowed|supports|length|size|window|model|tokens)){{0,3}}[ :=(]{{1,2}}{_N}"
)
_OF_A_MOST: Final = frozenset(
    {"most", "only", "up", "fit", "than", "limit", "maximum", "max", "window", "supports", "support", "context"}
)
_ZERO: Final = re.compile(
    r"\blimit(?: of| is|[\"']?:|=)? ?0(?![\d.,]*\d|%| remaining| left)"
    r"|\b(?:limit|quota)\b(?:(?!remain|left|avail|used|current)[^\d.;]){0,60} (?:is|of|to) 0 (?:(?:requests|tokens|calls) (?:per|a) |[rt]p[mdsh]\b)"
)
_STATUS_SAID: Final = re.compile(
    r"(?:status[ _]?code|error code|http(?: status)?|http error|status|returned(?: an?)?|responded with|code|error)[\"']?[ :=(]{1,3}([45]\d\d)(?![\d.])"
)

_PERIODS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("second", "sec", "seconds"), "second"),
    **dict.fromkeys(("minute", "min", "minutes"), "minute"),
    **dict.fromkeys(("hour", "hours"), "hour"),
    **dict.fromkeys(("day", "24h"), "day"),
    **dict.fromkeys(("week",), "week"),
}
_SHORT: Final[Mapping[str, tuple[str, str]]] = {
    "rps": ("requests", "second"), "qps": ("requests", "second"), "tps": ("requests", "second"),
    "rpm": ("requests", "minute"), "qpm": ("requests", "minute"), "ipm": ("requests", "minute"),
    "tpm": ("tokens", "minute"), "itpm": ("tokens", "minute"), "otpm": ("tokens", "minute"),
    "rph": ("requests", "hour"), "tph": ("tokens", "hour"),
    "rpd": ("requests", "day"), "qpd": ("requests", "day"), "tpd": ("tokens", "day"),
}  # fmt: skip
_ADVERBS: Final[Mapping[str, str]] = {
    "hourly": "hour",
    "daily": "day",
    "todays": "day",
    "tomorrow": "day",
    "weekly": "week",
}
# A rate, or what may be put out: there the numbers mean something else.
_ANOTHER_MATTER: Final = frozenset(
    {
        *_SHORT,
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
_OF_A_RATE: Final = frozenset({*_SHORT, "per", "rate", "minute", "day", "window", "quota"})
_LIMIT_WORDS: Final = frozenset(
    [
        "limit",
        "limits",
        "limited",
        "limiting",
        "quota",
        "quotas",
        "exceeded",
        "exceeds",
        "exceed",
        "exceeding",
        "reached",
        "exhausted",
        "throttled",
        "throttling",
        "throttle",
        "many",
        "over",
        "hit",
        "surpassed",
        "used",
        "max",
        "maximum",
        "allowed",
        "allowance",
        "限",
        "超",
        "频",
        "额",
        "完",
        "尽",
    ]
)
_MONEY_WORDS: Final = frozenset(
    [
        "spend",
        "spending",
        "spent",
        "budget",
        "budgets",
        "cost",
        "costs",
        "usd",
        "dollar",
        "dollars",
        "cny",
        "rmb",
        "billing_limit",
    ]
)
# What ran out is money, whatever else the sentence names.
_OUT_OF_MONEY: Final = tuple(
    compile_phrase(text)
    for text in (
        "insufficient .. credits|credit|balance|funds",
        "credit|credits .. exhausted|depleted|insufficient|used|gone",
        "out of credits|credit",
        "balance .. insufficient|low|empty|exhausted",
        "余额不足",
        "欠费",
        "预算",
        "消费",
        "费用限",
        "费用超",
        "费用达",
        "费用上限",
    )
)
_WINDOWS: Final[Mapping[tuple[str, str], str]] = {
    ("requests", "second"): "requests_per_second",
    ("requests", "minute"): "requests_per_minute",
    ("requests", "hour"): "requests_per_hour",
    ("requests", "day"): "requests_per_day",
    ("requests", "week"): "plan_window",
    ("tokens", "second"): "tokens_per_minute",
    ("tokens", "minute"): "tokens_per_minute",
    ("tokens", "hour"): "tokens_per_hour",
    ("tokens", "day"): "tokens_per_day",
    ("tokens", "week"): "plan_window",
}
_CJK_PERIODS: Final[Mapping[str, str]] = {
    "秒": "second",
    "分": "minute",
    "小": "hour",
    "时": "hour",
    "天": "day",
    "日": "day",
    "周": "week",
}
_EACH: Final = frozenset({"per", "each", "every", "a", "1"})
_SPANS: Final = frozenset({"in", "after", "for", "within"})  # "in a minute" is a wait, "a minute" may be a rate
_TOKENS: Final = frozenset({"token", "tokens"})
_HYPHENED: Final[Mapping[str, str]] = {"hour": "hour", "day": "week"}  # "5-hour limit", "7-day window"
_CJK_EACH: Final = ("每", "今", "当", "次", "明")  # 每分钟, 今日, 当天, 次日, 明天
_NAMES_WINDOW: Final = frozenset({*_SHORT, *_ADVERBS, *_EACH, *_HYPHENED, *_CJK_EACH})
_LENGTH: Final = ("second", "minute", "hour", "day", "week")


class Window(NamedTuple):
    """A throughput window that a text or a quota id names."""

    reason: str
    seen: str


def window_of(layer: Layer) -> Window | None:
    """The longest throughput window that a layer names: "tokens per min (TPM)", `...PerDayPerProject...`, 每分钟."""
    found: dict[str, tuple[str, str]] = {}
    _named_in(layer.heard(), found)
    for name, value in layer.quotas:
        if name in ("quotaid", "quotalimit"):
            _named_in(Heard(code_word(value).split("_")), found)
    counts = "tokens" if "token" in "_".join(layer.codes) else "requests"
    for code in layer.codes:
        _named_in(spelled(code), found, counts)
    if not found:
        return None
    period = max(found, key=_LENGTH.index)
    kind, seen = found[period]
    return Window(_WINDOWS[kind, period], seen)


def _named_in(heard: Heard, found: dict[str, tuple[str, str]], counts: str = "requests") -> None:
    """Each period that a text names, with what it counts and the words that say so."""
    named = _NAMES_WINDOW & heard.vocabulary
    if not named:
        return
    said = heard.words
    kind = counts if heard.vocabulary.isdisjoint(_TOKENS) else "tokens"
    for word in sorted(named & _SHORT.keys(), reverse=True):  # tokens before requests
        short, period = _SHORT[word]
        found.setdefault(period, (short, word.upper()))
    for word in sorted(named & _ADVERBS.keys()):
        found.setdefault(_ADVERBS[word], (kind, word))
    for word in sorted(named & _EACH):
        for at in heard.places(word):
            if (
                at + 1 < len(said)
                and said[at + 1] in _PERIODS
                and (word not in ("a", "1") or (at and said[at - 1] not in _SPANS))
            ):
                found[_PERIODS[said[at + 1]]] = (_counted(said[max(0, at - 6) : at], kind), f"{word} {said[at + 1]}")
    for word in sorted(named & _HYPHENED.keys()):
        for at in heard.places(word):
            if (
                at
                and said[at - 1][0].isdigit()
                and at + 1 < len(said)
                and said[at + 1] in ("limit", "window", "usage", "quota", "allowance", "cap")
            ):
                found.setdefault(_HYPHENED[word], (kind, f"{said[at - 1]}-{word}"))
    for word in _CJK_EACH:
        for at in heard.places(word) if word in named else ():
            if at + 1 < len(said) and said[at + 1] in ("日天" if word != "每" else _CJK_PERIODS):
                found.setdefault(_CJK_PERIODS[said[at + 1]], (kind, f"{word}{said[at + 1]}"))


def _counted(before: Sequence[str], otherwise: str) -> str:
    if "tokens" in before or "token" in before:
        return "tokens"
    return "requests" if "requests" in before or "request" in before else otherwise


def shows_window(_: Evidence, layer: Layer) -> Seen | None:
    """Money or throughput: a limit per unit of time is throughput, unless it is a limit of money."""
    heard = layer.heard()
    if not layer.quotas and not layer.says_one_of(_LIMIT_WORDS):
        return None
    window = window_of(layer)
    if window is None or layer.says_one_of(_MONEY_WORDS) or any_in(_OUT_OF_MONEY, heard):
        return None
    return Seen(
        f"names a throughput window ({window.seen}) with a limit and no money: time alone refills it", window.reason
    )


def shows_demand_over_limit(_: Evidence, layer: Layer) -> Seen | None:
    """Waiting is futile: one request asks for more than the whole window holds."""
    if _OF_A_DEMAND.isdisjoint(layer.heard().vocabulary):
        return None
    for text in layer.texts:
        lowered = text[:_MAX_JUDGED].lower()
        if "token" not in lowered and "tpm" not in lowered:
            continue
        asked = _first(_DEMANDS, lowered)
        held = _first(_LIMITS, lowered) if asked else None
        if asked is None or held is None or abs(asked.start() - held.start()) > _NEAR_CHARS:
            continue
        demand, limit = _number(asked), _number(held)
        if demand > limit:
            finer = "" if _OF_A_RATE & layer.heard().vocabulary else "context_length"
            return Seen(f"requested {demand} of a limit of {limit}: no wait makes it fit", finer)
    return None


def _first(patterns: Iterable[re.Pattern[str]], text: str) -> re.Match[str] | None:
    for pattern in patterns:
        found = pattern.search(text)
        if found:
            return found
    return None


def _number(found: re.Match[str]) -> int:
    """`45000`, `30,000`, `120k`."""
    return int(float(found[1].replace(",", "")) * _SCALES[found[2] or ""])


def shows_more_tokens_than_fit(_: Evidence, layer: Layer) -> Seen | None:
    """However it is worded: a number of tokens beside a smaller one that is the most, and nothing of a rate."""
    vocabulary = layer.heard().vocabulary
    if _OF_A_MOST.isdisjoint(vocabulary) or not _ANOTHER_MATTER.isdisjoint(vocabulary):
        return None
    for text in layer.texts:
        lowered = text[:_MAX_JUDGED].lower()
        if "token" not in lowered:
            continue
        given, most = _GIVEN.search(lowered), _MOST.search(lowered)
        if given and most and most.start() > given.start() and _number(given) > _number(most) > 0:
            return Seen(f"{_number(given)} tokens where {_number(most)} are the most: only less of them fits")
    return None


def shows_zero_limit(_: Evidence, layer: Layer) -> Seen | None:
    """A limit of zero never refills: the model is not in this plan."""
    if any(name in ("quotalimitvalue", "quotavalue") and value == "0" for name, value in layer.quotas):
        return Seen("the quota's own value is 0: it never refills")
    if "0" in layer.heard().vocabulary and any(_ZERO.search(text.lower()) for text in layer.texts):
        return Seen("says a limit of 0: it never refills")
    return None


def shows_stated_wait(evidence: Evidence, layer: Layer) -> Seen | None:
    """Money does not come back by a clock: who states a wait speaks of a window."""
    for name, value in evidence.waits:
        if member(name, value, NO_CLOCK) or (
            not isinstance(value, (dict, bool)) and name.endswith(("at", "timestamp"))
        ):
            return Seen(f"states when it refills ({name})")
    if any(in_prose(text, NO_CLOCK) for text in layer.texts):
        return Seen("states in prose when it refills")
    if any(name in evidence.headers for name in ("retry-after", "retry-after-ms")):
        return Seen("states a retry-after")
    return None


_OURS: Final = frozenset(
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
_THEIRS: Final = frozenset(
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
_LOAD: Final = frozenset(
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
    if places.isdisjoint(_LOAD) or not _OURS.isdisjoint(places):
        return None
    theirs = _THEIRS & places
    if not theirs or "many" not in places or "limit" in places or "limited" in places:
        return None
    return Seen(f"too many requests at their side ({', '.join(sorted(theirs))}), and nothing is said of the caller")


def status_said(layer: Layer) -> int | None:
    """The status that a wrapper quotes in its prose: "Request failed with status code 429"."""
    for text in layer.texts:
        found = _STATUS_SAID.search(text.lower())
        if found:
            return int(found[1])
    return None


def shows_payment_status(_: Evidence, layer: Layer) -> Seen | None:
    """A wrapper that quotes a 402 tells of an upstream that asks for money."""
    if "402" not in layer.heard().vocabulary or status_said(layer) != 402:
        return None
    return Seen("quotes a status 402: payment is asked for")


JUDGEMENTS: Final[Mapping[str, Judgement]] = {
    "window": shows_window,
    "demand_over_limit": shows_demand_over_limit,
    "more_tokens_than_fit": shows_more_tokens_than_fit,
    "zero_limit": shows_zero_limit,
    "stated_wait": shows_stated_wait,
    "their_load": shows_their_load,
    "payment_status": shows_payment_status,
}
