"""Prose as whole words: what phrases are matched against. Knows nothing of rules or of bodies.

Bare substrings misfire (`forbidden` in `extra_forbidden`, digits of a status in an id), so a text becomes a list of
lower-case words once. Underscores and hyphens part words, apostrophes vanish, CJK characters stand alone, the end of a
sentence is a word of its own that no phrase crosses, and links are set aside: an upgrade link is no statement.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

STOP: Final = "."
# Nearly every error says these: they lead to nothing.
COMMON: Final = frozenset(
    re.findall(
        r"\w+",
        "a an the this that your you is are was not no for of to in on has have been be do does did it its and or by "
        "with from at as if we our can could will may please request requests model error failed api limit key use used",
    )
)
_MAX_CODE_CHARS: Final = 120
_MAX_REMEMBERED_CHARS: Final = 400  # a namespace and a link may stand around a code
_MAX_QUOTED: Final = 16
CJK: Final = "\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff"
_LINK: Final = re.compile(r"(?:https?://|www\.)[^\s\"'<>()\[\]{}，。]+", re.IGNORECASE)
_SENTENCE_END: Final = "\x01"
# ASCII as words: one byte is looked up for each, several times as fast as a table of characters.
_SPACES: Final = bytes(
    ord(STOP) if chr(code) == _SENTENCE_END else code if chr(code).isalnum() else ord(" ") for code in range(256)
)
_ANY_WORD: Final = re.compile(rf"[{CJK}]|(?:(?![{CJK}])[^\W_])+|[.!?;](?=\s|$)|[\n。！？；]")
# Apostrophes vanish; the traditional characters that errors are written with are read as the simplified ones.
_TRADITIONAL: Final = "額餘請頻過長數載違規內錯誤權無個機帳賬戶費點達試後輸題審認鑰連線網關務業擁擠緊張滿夠買購儲續訂單幣預檔絕號鎖凍結啟開閉處異應時間斷暫壓負併發並觸條鐘週話對詞險傳參類碼簽簡項設備確僅級隊於"
_SIMPLIFIED: Final = "额余请频过长数载违规内错误权无个机账账户费点达试后输题审认钥连线网关务业拥挤紧张满够买购储续订单币预档绝号锁冻结启开闭处异应时间断暂压负并发并触条钟周话对词险传参类码签简项设备确仅级队于"
FOLDED: Final = str.maketrans(_TRADITIONAL, _SIMPLIFIED, "'’‘`´")
# Most texts that are not ASCII are so by these alone.
_TYPOGRAPHIC: Final = (("’", ""), ("‘", ""), *((mark, " ") for mark in "“”–—…•·«»\u00a0"))
_HAS_TYPOGRAPHIC: Final = re.compile("[" + "".join(mark for mark, _ in _TYPOGRAPHIC) + "]")
_SCHEME_CHARS: Final = 5
STOPS: Final = frozenset(".!?;\n。！？；")
_CAMEL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_NOT_CODE: Final = re.compile(r"[^a-z0-9]+")
# RESOURCE_EXHAUSTED, invalid_api_key, RateLimitError, Throttling.RateQuota: machine words that a sentence quotes
_INNER_CAPITAL: Final = re.compile(
    r"[A-Z](?<=[a-z].)"
)  # begins with the rarer of the two: that is what is searched for
_QUOTED_CODE: Final = re.compile(
    r"(?<![A-Za-z])(?:[A-Za-z]++(?:_[A-Za-z]++)+|[A-Z]{0,8}[A-Za-z][a-z]++(?:[A-Z][a-z]++)+)"
)


def words(text: str) -> list[str]:
    """The words of a text whose links have been taken out."""
    lowered = text.lower()
    if not lowered.isascii() and _HAS_TYPOGRAPHIC.search(lowered):
        for typographic, plain in _TYPOGRAPHIC:
            lowered = lowered.replace(typographic, plain)
    if lowered.isascii():
        for end in (". ", "! ", "? ", "; ", "\n"):
            if end in lowered:
                lowered = lowered.replace(end, f" {_SENTENCE_END} ")
        return lowered.encode().translate(_SPACES, b"'`").decode().split()
    found = _ANY_WORD.findall(lowered.translate(FOLDED))
    return [STOP if word in STOPS else word for word in found]


def without_links(text: str) -> str:
    """A text without its links."""
    scheme, host = text.find("://"), text.find("www.")
    if scheme < 0 and host < 0:
        return text
    # The pattern is tried only from where the first link can begin.
    at = max(0, scheme - _SCHEME_CHARS if host < 0 or 0 <= scheme < host else host)
    return text[:at] + _LINK.sub(" ", text[at:])


def links(text: str) -> list[str]:
    """The links of a text."""
    return _LINK.findall(text)[:_MAX_QUOTED]


def code_word(raw: str) -> str:
    """One spelling for a code: `RateLimitExceeded`, `RATE-LIMIT-EXCEEDED` and `rate_limit_exceeded` are the same word.

    AWS writes `namespace#Type:http://...` (https://smithy.io/2.0/aws/protocols/aws-restjson1-protocol.html), of which
    only the type counts.
    """
    # What is remembered is short, whatever stands in an answer.
    return _code_word(raw if len(raw) <= _MAX_REMEMBERED_CHARS else raw[:_MAX_REMEMBERED_CHARS])


@lru_cache(maxsize=4096)
def _code_word(raw: str) -> str:
    if "#" in raw:
        raw = raw.rpartition("#")[2]
    if ":" in raw:
        # AWS: `Type:http://...`; Copilot: `user_global_rate_limited:pro_plus`
        raw = raw.partition(":")[0] or raw
    return _NOT_CODE.sub("_", _CAMEL.sub("_", raw[:_MAX_CODE_CHARS]).lower()).strip("_")


def quoted_codes(text: str) -> list[str]:
    """The machine-readable words that a sentence quotes, in one spelling."""
    if "_" not in text and not _INNER_CAPITAL.search(text):
        return []
    return [code_word(found) for found in _QUOTED_CODE.findall(text)[:_MAX_QUOTED]]
