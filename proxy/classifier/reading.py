"""How an answer is read, as far as data can tell it: the lists and patterns that a reader in another language needs beside the
rules. What is done with them docs/export.md tells in steps.

Each list stands where it is used; this is the one place that looks at all of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

from proxy.classifier import engine, rules, words
from proxy.classifier.evidence import answer, failure, kinds, layers, quotes, unwrap, walk
from proxy.classifier.judgements import quoted, side, size, window
from proxy.classifier.phrases import Phrase

_STOPS_BEFORE_BLANK: Final = ".!?;"
# The commonest words of what waits/ reads in full.
_UNITS: Final = {
    0.001: "ms millisecond milliseconds 毫秒",
    1: "s sec secs second seconds 秒 秒钟 초 sekunde sekunden seconde secondes segundo segundos секунд секунды секунду",
    60: "m min mins minute minutes 分 分钟 分鐘 분 minuten minuto minutos минут минуты минуту",
    3600: "h hr hrs hour hours 小时 小時 个小时 時間 시간 stunde stunden heure heures hora horas час часа часов",
    86400: "d day days 天 日 tag tage tagen jour jours día días dia dias день дня дней",
}
# Near one of these a length of time is a wait.
_WAITING: Final = (
    "again", "retry", "wait", "reset", "until", "back", "available", "refresh", "cool", "refill", "replenish", "access", "allowed", "blocked", "renew",
    "后", "後", "후", "重置", "恢复", "刷新", "erneut", "wieder", "nuevo", "réessay", "reessay", "novamente", "reinten", "повтор", "попробуйте", "снова",
)  # fmt: skip


def reading() -> dict[str, Any]:
    """Words, members, headers, a good status, statuses, classes, coarse reasons, judgements."""
    return {
        "words": _words(),
        "members": kinds.members(),
        "headers": {"codes": [":exception-type", *answer.HEADERS_OF_CODES], "prose": list(answer.HEADERS_OF_PROSE)},
        "request_quotes": {
            "cues": list(quotes.CUES),
            "got": list(quotes.GOT),
            "closing": dict(quotes.CLOSING),
            "whole": list(quotes.INPUT),
            "before_value": list(quotes.VALUES),
            "end": quotes.PYDANTIC_END,
            "chars_before": quotes.CUE_CHARS,
            "max": {"chars": quotes.MAX_CHARS, "quotes": quotes.MAX_QUOTES},
        },
        "good_status": _good_status(),
        "statuses": {
            "outermost": list(layers.WRAPPED),
            "quotes_request": sorted(walk.REQUEST_IS_WRONG),
            "quotes_status": sorted(engine.WRAPPERS),
            "final": sorted(engine.FINAL_STATUSES),
            "refusal": sorted(engine.REFUSALS),
        },
        "classes": {
            "healing": sorted(engine.HEALING),
            "load": sorted(rules.OF_LOAD),
            "broad": sorted(engine.BROAD_CLASSES),
            "page": sorted(engine.OF_A_PAGE),
        },
        "coarse": {
            "window": sorted(engine.ANY_WINDOW),
            "refined": sorted(engine.REFINED),
            "fault": sorted(engine.BROAD_FAULTS),
        },
        "limits": _limits(),
        "judgements": _judgements(),
    }


def _words() -> dict[str, Any]:
    dropped = [code for code, to in words.FOLDED.items() if to is None]
    return {
        "alone": [[ord(low), ord(high)] for low, high in re.findall(r"(.)-(.)", words.CJK)],
        "folded": {chr(code): chr(to) for code, to in words.FOLDED.items() if isinstance(to, int)},
        "dropped": "".join(map(chr, dropped)),
        "stops": "".join(sorted(words.STOPS - set(_STOPS_BEFORE_BLANK))),
        "stops_before_blank": _STOPS_BEFORE_BLANK,
    }


def _good_status() -> dict[str, list[str]]:
    return {
        "nothing": sorted(failure.NO_ERROR),
        "objects": list(failure.ANSWERS_WITH_ERRORS),
        "lambda": sorted(failure.LAMBDA),
        "errors": list(failure.ERRORS),
        "messages": list(failure.MESSAGES),
        "results": list(failure.RESULTS),
        "codes": list(failure.CODES),
        "good_codes": sorted(failure.GOOD_CODES),
        "no_message": sorted(failure.NO_MESSAGE),
        "answers": list(failure.ANSWERS),
        "success": list(failure.SUCCESS),
        "failed": sorted(failure.FAILED_STATUS),
        "business_codes": list(failure.BUSINESS_CODES),
        "statuses": list(failure.BAD_STATUSES),
        "blocked": sorted(failure.FINISHED_EMPTY),
    }


def _limits() -> dict[str, int]:
    return {
        "layers": walk.MAX_LAYERS,
        "members": walk.MAX_NODES,
        "depth": walk.MAX_DEPTH,
        "codes": walk.MAX_CODES,
        "code_chars": walk.MAX_CODE_CHARS,
        "name_chars": kinds.MAX_NAME_CHARS,
        "head_chars": walk.HEAD_CHARS,
        "tail_chars": walk.TAIL_CHARS,
        "prose_chars": walk.MAX_PROSE,
        "unnamed": walk.MAX_SPARE,
        "starts": unwrap.MAX_STARTS,
        "searched_chars": unwrap.MAX_SEARCHED,
        "reprs": unwrap.MAX_REPRS,
        "repr_chars": unwrap.MAX_REPR,
        "pairs": unwrap.MAX_PAIRS,
        "page_chars": unwrap.MAX_PAGE,
    }


def _judgements() -> dict[str, dict[str, Any]]:
    return {
        "window": {
            "limits": sorted(window.LIMIT_WORDS),
            "money": sorted(window.MONEY_WORDS),
            "out_of_money": _texts(window.OUT_OF_MONEY),
            "short": {word: list(meant) for word, meant in window.SHORT.items()},
            "adverbs": dict(window.ADVERBS),
            "each": sorted(window.EACH),
            "spans": sorted(window.SPANS),
            "periods": dict(window.PERIODS),
            "hyphened": sorted(window.HYPHENED),
            "of_a_plan": sorted(window.OF_A_PLAN),
            "cjk_each": list(window.CJK_EACH),
            "cjk_periods": dict(window.CJK_PERIODS),
            "lengths": list(window.LENGTH),
            "reasons": [[kind, period, reason] for (kind, period), reason in window.WINDOWS.items()],
        },
        "demand_over_limit": {
            "words": sorted(size.OF_A_DEMAND),
            "demands": _patterns(size.DEMANDS),
            "limits": _patterns(size.LIMITS),
            "near": size.NEAR_CHARS,
            "of_a_rate": sorted(window.OF_A_RATE),
        },
        "more_tokens_than_fit": {
            "words": sorted(size.OF_A_MOST),
            "not_beside": sorted(size.ANOTHER_MATTER),
            "given": size.GIVEN.pattern,
            "most": size.MOST.pattern,
        },
        "spent_amount": {"pattern": size.SPENT.pattern},
        "zero_limit": {"pattern": size.ZERO.pattern},
        "stated_wait": {
            "cues": list(_WAITING),
            "units": {unit: seconds for seconds, units in _UNITS.items() for unit in units.split()},
        },
        "their_load": {"theirs": sorted(side.THEIRS), "ours": sorted(side.OURS), "load": sorted(side.LOAD)},
        "payment_status": {"pattern": quoted.STATUS_SAID.pattern},
    }


def _patterns(compiled: Iterable[re.Pattern[str]]) -> list[str]:
    return [pattern.pattern for pattern in compiled]


def _texts(phrases: Iterable[Phrase]) -> list[str]:
    return [phrase.text for phrase in phrases]
