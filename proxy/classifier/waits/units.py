"""Units of time by their names, in English and in the languages in which providers and gateways answer."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from itertools import groupby
from operator import itemgetter
from typing import Final

_MS, _SECOND, _MINUTE, _HOUR, _DAY = 0.001, 1.0, 60.0, 3600.0, 86400.0
_WEEK, _MONTH, _YEAR = 7 * _DAY, 30 * _DAY, 365 * _DAY


def _table(said: Mapping[float, str]) -> dict[str, float]:
    return {name: seconds for seconds, names in said.items() for name in names.split()}


ENGLISH: Final = _table(
    {
        _MS: "ms msec msecs millis millisecond milliseconds",
        _SECOND: "s sec secs second seconds",
        _MINUTE: "m min mins minute minutes",
        _HOUR: "h hr hrs hour hours",
        _DAY: "d day days",
        _WEEK: "w wk wks week weeks",
        _MONTH: "mo mos month months",
        _YEAR: "y yr yrs year years",
    }
)
# Chinese, Japanese, Korean: written without blanks, so nothing tells where a unit ends.
UNSPACED: Final = _table(
    {
        _MS: "毫秒 ミリ秒 밀리초",
        _SECOND: "秒 秒钟 秒鐘 秒間 초",
        _MINUTE: "分 分钟 分鐘 分間 분",
        _HOUR: "小时 小時 个小时 個小時 時間 시간",
        _DAY: "天 日 日間 일",
        _WEEK: "周 週 週間 星期 个星期 個星期 주 주일",
        _MONTH: "个月 個月 か月 ヶ月 カ月 개월",
        _YEAR: "年 년",
    }
)
# German, French, Spanish, Portuguese, Italian, Dutch, Polish, Turkish, Vietnamese, Indonesian, Russian, Ukrainian
_SPACED: Final = _table(
    {
        _MS: "millisekunden millisecondes milisegundos millisecondi milliseconden milisaniye миллисекунд мс",
        _SECOND: "sek sekunde sekunden seconde secondes seg segundo segundos secondo secondi seconden sekunda sekundy sekund sekundę "
        "saniye sn giây detik секунда секунду секунды секунд секунди сек с",
        _MINUTE: "minuten minuto minutos minuti minuut minuta minuty minut minutę dakika dk phút menit минута минуту минуты "
        "минут мин хвилина хвилину хвилини хвилин",
        _HOUR: "std stunde stunden heure heures hora horas ora ore uur uren godzina godzinę godziny godzin saat giờ jam час часа "
        "часов ч година годину години годин",
        _DAY: "tag tage tagen jour jours día días dia dias giorno giorni dag dagen dzień dni gün ngày hari день дня дней дні днів",
        _WEEK: "woche wochen semaine semaines semana semanas settimana settimane weken tydzień tygodnie tygodni hafta tuần minggu "
        "неделю недели недель тиждень тижні тижнів",
        _MONTH: "monat monate monaten mois mes meses mês mese mesi maand maanden miesiąc miesiące miesięcy ay bulan месяц месяца "
        "месяцев місяць місяці місяців",
        _YEAR: "jahr jahre jahren an ans año años ano anos anno anni jaar rok lat yıl năm tahun год года лет",
    }
)
UNITS: Final[Mapping[str, float]] = {**ENGLISH, **UNSPACED, **_SPACED}


def _one_of(names: Iterable[str]) -> str:
    """The longest of some names, told by their first letters: a pattern tries its branches in turn."""
    ordered = sorted(names, key=lambda name: (name[0], -len(name), name))
    return "|".join(
        f"{first}(?:{'|'.join(re.escape(name[1:]) for name in alike)})"
        for first, alike in groupby(ordered, itemgetter(0))
    )


# A unit ends where its word does: `5 m` is no part of "5 models".
ENGLISH_UNIT: Final = rf"(?:{_one_of(ENGLISH)})(?![a-z])"
UNSPACED_UNIT: Final = rf"(?:{_one_of(UNSPACED)}|{ENGLISH_UNIT})"
