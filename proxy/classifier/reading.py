"""How an answer is read, as far as data can tell it: the lists and patterns that a reader in another language needs beside the
rules. What is done with them docs/export.md tells in steps.

Each list stays private to the code that uses it; this is the one place that looks at all of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

from proxy.classifier import engine, evidence, failure, quotes, rules, unwrap, words
from proxy.classifier.judgements import quoted, side, size, window
from proxy.classifier.phrases import Phrase

_STOPS_BEFORE_BLANK: Final = ".!?;"
_HEADERS_OF_CODES: Final = (
    "x-amzn-errortype", "x-amzn-error-type", ":exception-type", "x-error-code", "x-ms-error-code", "x-error-type",
    "grpc-status-name", "x-error-reason",
)  # fmt: skip
_BUSINESS_CODES: Final = ("base_resp.status_code", "header.code")
_BAD_STATUSES: Final = ("status", "statusCode", "status_code", "http_status", "statusCodeValue")
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
        "members": evidence.members(),
        "headers": {"codes": list(_HEADERS_OF_CODES), "prose": list(evidence._HEADERS_OF_PROSE)},
        "request_quotes": {
            "cues": list(quotes._CUES),
            "whole": list(quotes._INPUT),
            "before_value": list(quotes._VALUES),
            "end": quotes._PYDANTIC_END,
            "chars_before": quotes._CUE_CHARS,
            "max": {"chars": quotes._MAX_CHARS, "quotes": quotes._MAX_QUOTES},
        },
        "good_status": _good_status(),
        "statuses": {
            "outermost": list(evidence._WRAPPED),
            "quotes_request": sorted(evidence._REQUEST_IS_WRONG),
            "quotes_status": sorted(engine._WRAPPERS),
            "final": sorted(engine._FINAL_STATUSES),
            "refusal": sorted(engine._REFUSALS),
        },
        "classes": {
            "healing": sorted(engine._HEALING),
            "load": sorted(rules._OF_LOAD),
            "broad": sorted(engine._BROAD_CLASSES),
        },
        "coarse": {
            "window": sorted(engine._ANY_WINDOW),
            "refined": sorted(engine._REFINED),
            "fault": sorted(engine._BROAD_FAULTS),
        },
        "limits": _limits(),
        "judgements": _judgements(),
    }


def _words() -> dict[str, Any]:
    dropped = [code for code, to in words._FOLDED.items() if to is None]
    return {
        "alone": [[ord(low), ord(high)] for low, high in re.findall(r"(.)-(.)", words._CJK)],
        "folded": {chr(code): chr(to) for code, to in words._FOLDED.items() if isinstance(to, int)},
        "dropped": "".join(map(chr, dropped)),
        "stops": "".join(sorted(words._STOPS - set(_STOPS_BEFORE_BLANK))),
        "stops_before_blank": _STOPS_BEFORE_BLANK,
    }


def _good_status() -> dict[str, list[str]]:
    return {
        "nothing": sorted(failure._NO_ERROR),
        "objects": list(failure._ANSWERS_WITH_ERRORS),
        "lambda": sorted(failure._LAMBDA),
        "errors": list(failure._ERRORS),
        "messages": list(failure._MESSAGES),
        "results": list(failure._RESULTS),
        "codes": list(failure._CODES),
        "good_codes": sorted(failure._GOOD_CODES),
        "success": list(failure._SUCCESS),
        "failed": sorted(failure._FAILED_STATUS),
        "business_codes": list(_BUSINESS_CODES),
        "statuses": list(_BAD_STATUSES),
        "blocked": sorted(failure._FINISHED_EMPTY),
    }


def _limits() -> dict[str, int]:
    return {
        "layers": evidence._MAX_LAYERS,
        "members": evidence._MAX_NODES,
        "depth": evidence._MAX_DEPTH,
        "codes": evidence._MAX_CODES,
        "code_chars": evidence._MAX_CODE_CHARS,
        "name_chars": evidence._MAX_NAME_CHARS,
        "head_chars": evidence._HEAD_CHARS,
        "tail_chars": evidence._TAIL_CHARS,
        "prose_chars": evidence._MAX_PROSE,
        "unnamed": evidence._MAX_SPARE,
        "starts": unwrap._MAX_STARTS,
        "searched_chars": unwrap._MAX_SEARCHED,
        "reprs": unwrap._MAX_REPRS,
        "repr_chars": unwrap._MAX_REPR,
        "pairs": unwrap._MAX_PAIRS,
        "page_chars": unwrap._MAX_PAGE,
    }


def _judgements() -> dict[str, dict[str, Any]]:
    return {
        "window": {
            "limits": sorted(window._LIMIT_WORDS),
            "money": sorted(window._MONEY_WORDS),
            "out_of_money": _texts(window._OUT_OF_MONEY),
            "short": {word: list(meant) for word, meant in window.SHORT.items()},
            "adverbs": dict(window._ADVERBS),
            "each": sorted(window._EACH),
            "spans": sorted(window._SPANS),
            "periods": dict(window._PERIODS),
            "hyphened": dict(window._HYPHENED),
            "cjk_each": list(window._CJK_EACH),
            "cjk_periods": dict(window._CJK_PERIODS),
            "lengths": list(window._LENGTH),
            "reasons": [[kind, period, reason] for (kind, period), reason in window._WINDOWS.items()],
        },
        "demand_over_limit": {
            "words": sorted(size._OF_A_DEMAND),
            "demands": _patterns(size._DEMANDS),
            "limits": _patterns(size._LIMITS),
            "near": size._NEAR_CHARS,
            "of_a_rate": sorted(window.OF_A_RATE),
        },
        "more_tokens_than_fit": {
            "words": sorted(size._OF_A_MOST),
            "not_beside": sorted(size._ANOTHER_MATTER),
            "given": size._GIVEN.pattern,
            "most": size._MOST.pattern,
        },
        "zero_limit": {"pattern": size._ZERO.pattern},
        "stated_wait": {
            "cues": list(_WAITING),
            "units": {unit: seconds for seconds, units in _UNITS.items() for unit in units.split()},
        },
        "their_load": {"theirs": sorted(side._THEIRS), "ours": sorted(side._OURS), "load": sorted(side._LOAD)},
        "payment_status": {"pattern": quoted._STATUS_SAID.pattern},
    }


def _patterns(compiled: Iterable[re.Pattern[str]]) -> list[str]:
    return [pattern.pattern for pattern in compiled]


def _texts(phrases: Iterable[Phrase]) -> list[str]:
    return [phrase.text for phrase in phrases]
