"""Waits that sentences in other languages than English state."""

from __future__ import annotations

import re
from itertools import takewhile
from typing import Final

from proxy.classifier.waits.durations import NUMBER, WORD, lengths, number, summed, total
from proxy.classifier.waits.units import UNITS, UNSPACED_UNIT

# Chinese, Japanese, Korean: the wait stands before "after" or after "wait"; numbers are as in English.
_CJK: Final = lengths(NUMBER, UNSPACED_UNIT, "零|又|和|及")
# A span after which something ends or fails is no wait.
_ENDS: Final = r"(?!\s?(?:自动|自動|将|會|会)?(?:超时|超時|过期|過期|失效|到期|断开|關閉|关闭|终止|取消|失败|タイムアウト|期限|만료|종료|시간 ?초과))"
_AFTER_CJK: Final = re.compile(
    rf"(?<![\d.,])({_CJK})\s?(?:之?[后後]|以[后後]|후|뒤|이후|お?待|(?:동안 |간 |을 |를 )?(?:기다|대기)){_ENDS}"
)
_WAIT_CJK: Final = re.compile(
    rf"(?:等待|等候|稍等|等|间隔|間隔)\s?(?:约|約|大约|至少|时间)?[为是:：]?\s?(?:{NUMBER}\s?[-–—~〜到至]\s?)?({_CJK})"
)
# Elsewhere points or blanks part thousands, and the fraction stands after a comma.
_NUMBER: Final = r"(?>[1-9]\d{0,2}(?:[.,\s'’]\d{3}){1,4}(?!\d)|\d{1,18}(?:[.,]\d{1,12})?)"
_THOUSANDS: Final = re.compile(r"[1-9]\d{0,2}(?:[.,\s'’]\d{3}){1,4}")
_LENGTHS: Final = lengths(_NUMBER, WORD, "und|et|y|e|и|та|ve|en|oraz|i|và|dan")
_PART: Final = re.compile(rf"({_NUMBER})\s?([hm][0-5]\d|{WORD})")
# Where a sentence speaks of trying again, its "in 30 Sekunden" is a wait.
_AGAIN: Final = (
    "erneut", "nochmal", "wieder", "nuev", "reessay", "renouvel", "reinten", "restablec", "novamente", "redefin", "tente", "riprova", "ritenta",
    "tekrar", "opnieuw", "ponownie", "coba lagi",
)  # fmt: skip
_AGAIN_BEYOND_ASCII: Final = (
    "réessay",
    "réinitialis",
    "zurückgesetzt",
    "повтор",
    "попробуйте",
    "спробуйте",
    "снова",
    "сброс",
    "thử lại",
)
_WAITING: Final = ("wart", "patient", "attend", "esper", "aguard", "aspett", "wacht", "czekaj", "tunggu", "bekle")
_WAITING_BEYOND_ASCII: Final = ("ждите", "зачекайте", "chờ")
_FROM: Final = rf"(?:{_NUMBER}\s?(?:{WORD})??(?:\s?[-–—~〜]\s?|\s(?:bis|à|a|до|ila|tot|do)\s))?"
_WAIT: Final = (
    r"(?:warten|warte|wartezeit|patientez|patienter|attendez|attendre|espere|espera|esperar|aguarde|aguardar|attendere|attendi|attenda|aspetta|aspettare"
    r"|подождите|ждите|зачекайте|wacht|poczekaj|odczekaj|chờ|tunggu)"
)
_AROUND: Final = (
    r"(?:[: ]|sie |bitte |noch |mindestens |etwa |ca\.? |encore |environ |au moins |al menos |por lo menos |unos |pelo menos |cerca de |almeno |circa "
    r"|ещё |еще |около |примерно |хотя бы |nog |ongeveer |minstens |około |khoảng |sekitar ){0,4}"
)
_WAIT_FOR: Final = re.compile(rf"\b{_WAIT}\b{_AROUND}{_FROM}({_LENGTHS})|(?<![\d.,])({_LENGTHS}),?\s(?:daha )?bekle")
_AGAIN_IN: Final = re.compile(
    rf"\b(?:in|en|dans|em|через|за|nach|después de|dentro de|depois de|após|après|d['’]ici|fra|tra|dopo|over|za|po|na|sau|dalam|setelah) {_AROUND}{_FROM}({_LENGTHS})"
    rf"|(?<![\d.,])({_LENGTHS})\s(?:sonra|içinde)\b"
)
# "5 tentatives en 10 minutes" is a rate.
_COUNTED: Final = re.compile(r"\d\s[^\W\d_]{1,20}\s$")


def in_another_language(said: str) -> float | None:
    """The wait that a sentence, in lower case, states."""
    if not said.isascii():
        found = _AFTER_CJK.search(said) or _WAIT_CJK.search(said)
        if found:
            return total(found[1])
    seconds = None
    if _says(said, _WAITING, _WAITING_BEYOND_ASCII):
        seconds = _first(_WAIT_FOR, said)
    if seconds is None and _says(said, _AGAIN, _AGAIN_BEYOND_ASCII):
        seconds = _first(_AGAIN_IN, said)
    return seconds


def _first(pattern: re.Pattern[str], said: str) -> float | None:
    """The first length of time: "in 3 Versuchen" is none, and ends one."""
    for found in pattern.finditer(said):
        if _COUNTED.search(said, max(0, found.start() - 24), found.start()):
            continue
        parts = list(
            takewhile(lambda part: part[1] in UNITS or part[1][-1].isdecimal(), _PART.findall(found[1] or found[2]))
        )
        if parts:
            return summed(parts, _number)
    return None


def _says(said: str, cues: tuple[str, ...], beyond_ascii: tuple[str, ...]) -> bool:
    for cue in cues if said.isascii() else cues + beyond_ascii:  # noqa: SIM110 (a generator would cost as much as the search)
        if cue in said:
            return True
    return False


def _number(said: str) -> float:
    if _THOUSANDS.fullmatch(said):
        return number(re.sub(r"\D", "", said))
    return float(said.replace(",", "."))
