"""What a message quotes of the request is the caller's text: it says nothing of the failure.

`Invalid value: 'insufficient balance'. Supported values are: ...` speaks of no balance. Knows no rules and no answers.
"""

from __future__ import annotations

import re
from typing import Final

_QUOTE: Final = re.compile(r"[\"'`“‘«{\[]")
CLOSING: Final = {"“": "”", "‘": "’", "«": "»"}
# What stands before a quotation of the request.
CUES: Final = (
    "invalid value", "unexpected value", "unexpected content", "unexpected text", "near", "but got", "but received", "model", "parse",
    "tool result", "string",
)  # fmt: skip
GOT: Final = ("got", "received", "found")  # where something else was expected; else an upstream's answer may follow
INPUT: Final = ("input_value=", "input=")
VALUES: Final = (*INPUT, "parse", "arguments", "json")  # before a value that is no string
CUE_CHARS: Final = 40
MAX_CHARS: Final = 2000
MAX_QUOTES: Final = 64
# pydantic writes the value between these: https://docs.pydantic.dev/latest/errors/errors/
PYDANTIC_END: Final = ", input_type="


def without_request(text: str) -> str:
    """A text without the quoted parts of the request that its own words announce; the same text where there are none."""
    kept, at = [], 0
    for start, end in quotations(text):
        kept.append(text[at:start])
        at = end
    return "".join([*kept, text[at:]]) if kept else text


def quotations(text: str) -> list[tuple[int, int]]:
    """Where these parts begin and end."""
    found: list[tuple[int, int]] = []
    at = 0
    for number, quote in enumerate(_QUOTE.finditer(text)):
        start = quote.start()
        if number == MAX_QUOTES:
            break
        if start < at:
            continue
        said = text[max(0, start - CUE_CHARS) : start]
        before = said.rstrip(" :,").lower()
        if quote[0] in "{[" or before.endswith(INPUT):
            if not before.endswith(VALUES):
                continue
            end = text.find(PYDANTIC_END, start, start + MAX_CHARS)
            end = min(len(text), start + MAX_CHARS) if end < 0 else end
        else:
            if len(before) == len(said):
                continue  # `"model",`: the end of a quotation
            if not before.endswith(CUES) and not ("expect" in before and before.endswith(GOT)):
                continue
            end = text.find(CLOSING.get(quote[0], quote[0]), start + 1, start + MAX_CHARS) + 1
        if end > start:
            found.append((start, end))
            at = end
    return found
