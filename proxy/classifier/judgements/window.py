"""A window that refills: which one a sentence names, and when its end is stated. Money does not come back by a clock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

from proxy.classifier.evidence import Evidence, Layer
from proxy.classifier.judgements.seen import Seen
from proxy.classifier.phrases import Heard, any_in, compile_phrase, spelled
from proxy.classifier.waits import NO_CLOCK, in_prose, member
from proxy.classifier.words import code_word

PERIODS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("second", "sec", "seconds"), "second"),
    **dict.fromkeys(("minute", "min", "minutes"), "minute"),
    **dict.fromkeys(("hour", "hours"), "hour"),
    **dict.fromkeys(("day", "days", "24h"), "day"),
    **dict.fromkeys(("week",), "week"),
}
SHORT: Final[Mapping[str, tuple[str, str]]] = {
    "rps": ("requests", "second"), "qps": ("requests", "second"), "tps": ("requests", "second"),
    "rpm": ("requests", "minute"), "qpm": ("requests", "minute"), "ipm": ("requests", "minute"),
    "tpm": ("tokens", "minute"), "itpm": ("tokens", "minute"), "otpm": ("tokens", "minute"),
    "rph": ("requests", "hour"), "tph": ("tokens", "hour"),
    "rpd": ("requests", "day"), "qpd": ("requests", "day"), "tpd": ("tokens", "day"),
}  # fmt: skip
ADVERBS: Final[Mapping[str, str]] = {
    "hourly": "hour",
    "daily": "day",
    "todays": "day",
    "tomorrow": "day",
    "weekly": "week",
}
OF_A_RATE: Final = frozenset({*SHORT, "per", "rate", "minute", "day", "window", "quota"})
LIMIT_WORDS: Final = frozenset(
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
        "faster",
        "quickly",
        "admits",
        "lets",
        "限",
        "超",
        "频",
        "额",
        "完",
        "尽",
    ]
)
MONEY_WORDS: Final = frozenset(
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
OUT_OF_MONEY: Final = tuple(
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
WINDOWS: Final[Mapping[tuple[str, str], str]] = {
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
CJK_PERIODS: Final[Mapping[str, str]] = {
    "秒": "second",
    "分": "minute",
    "小": "hour",
    "时": "hour",
    "天": "day",
    "日": "day",
    "周": "week",
}
EACH: Final = frozenset({"per", "each", "every", "a", "1"})
SPANS: Final = frozenset({"in", "after", "for", "within"})  # "in a minute" is a wait, "a minute" may be a rate
_TOKENS: Final = frozenset({"token", "tokens"})
HYPHENED: Final = frozenset({"hour", "day"})  # "5-hour limit", "7-day window"
OF_A_PLAN: Final = frozenset({"limit", "window", "usage", "quota", "allowance", "cap"})
CJK_EACH: Final = ("每", "今", "当", "次", "明")  # 每分钟, 今日, 当天, 次日, 明天
_NAMES_WINDOW: Final = frozenset({*SHORT, *ADVERBS, *EACH, *HYPHENED, *CJK_EACH})
LENGTH: Final = ("second", "minute", "hour", "day", "week")


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
        for period, named in _named_by(code, counts):
            found.setdefault(period, named)
    if not found:
        return None
    period = max(found, key=LENGTH.index)
    kind, seen = found[period]
    return Window(WINDOWS[kind, period], seen)


@lru_cache(maxsize=1024)
def _named_by(code: str, counts: str) -> tuple[tuple[str, tuple[str, str]], ...]:
    """What a code names; providers have few."""
    found: dict[str, tuple[str, str]] = {}
    _named_in(spelled(code), found, counts)
    return tuple(found.items())


def _named_in(heard: Heard, found: dict[str, tuple[str, str]], counts: str = "requests") -> None:
    """Each period that a text names, with what it counts and the words that say so."""
    named = _NAMES_WINDOW & heard.vocabulary
    if not named:
        return
    said = heard.words
    kind = counts if heard.vocabulary.isdisjoint(_TOKENS) else "tokens"
    for word in sorted(named, reverse=True):  # tokens before requests
        if word in SHORT:
            short, period = SHORT[word]
            found.setdefault(period, (short, word.upper()))
        elif word in ADVERBS:
            found.setdefault(ADVERBS[word], (kind, word))
        else:
            for at in heard.places(word):
                if at + 1 < len(said):
                    _named_at(at, said, kind, found)


def _named_at(at: int, said: Sequence[str], kind: str, found: dict[str, tuple[str, str]]) -> None:
    """What a word names together with the words around it: `per minute`, `5-hour limit`, 每分钟."""
    word, following = said[at], said[at + 1]
    if word in EACH and following in PERIODS:
        if word not in ("a", "1") or (at and said[at - 1] not in SPANS):
            found[PERIODS[following]] = (_counted(said[max(0, at - 6) : at], kind), f"{word} {following}")
    elif word in EACH and following.isdecimal():
        if at + 2 < len(said) and said[at + 2] in PERIODS:
            period = _span(following, PERIODS[said[at + 2]])
            found[period] = (_counted(said[max(0, at - 6) : at], kind), f"{word} {following} {said[at + 2]}")
    elif word in HYPHENED:
        if at and said[at - 1].isdecimal() and following in OF_A_PLAN:
            found.setdefault(_span(said[at - 1], word), (kind, f"{said[at - 1]}-{word}"))
    elif word in CJK_EACH and following in ("日天" if word != "每" else CJK_PERIODS):
        found.setdefault(CJK_PERIODS[following], (kind, f"{word}{following}"))


def _span(count: str, unit: str) -> str:
    """The period that so many of a unit are: five hours and thirty days are a plan's window, as a week is."""
    if unit in HYPHENED and count.lstrip("0") != "1":
        return "day" if (count, unit) == ("24", "hour") else "week"
    return unit


def _counted(before: Sequence[str], otherwise: str) -> str:
    if "tokens" in before or "token" in before:
        return "tokens"
    return "requests" if "requests" in before or "request" in before else otherwise


def shows_window(_: Evidence, layer: Layer) -> Seen | None:
    """Money or throughput: a limit per unit of time is throughput, unless it is a limit of money."""
    heard = layer.heard()
    if not layer.quotas and not layer.says_one_of(LIMIT_WORDS):
        return None
    window = window_of(layer)
    if window is None or layer.says_one_of(MONEY_WORDS) or any_in(OUT_OF_MONEY, heard):
        return None
    return Seen(
        f"names a throughput window ({window.seen}) with a limit and no money: time alone refills it", window.reason
    )


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
