"""What a message quotes of the request is the caller's text: it says nothing of the failure.

`Invalid value: 'insufficient balance'. Supported values are: ...` speaks of no balance. Knows no rules and no answers.
"""

from __future__ import annotations

import re
from typing import Final

_CUE: Final = re.compile(
    r"\b(?:(?:invalid value|(?:unexpected )?text|unexpected (?:value|content)|near|got|received|model|input(?:_value)?=)[:,]? ?(?=[\"'`])"
    r"|(?:(?:could not|cannot|failed to|unable to) parse\b[\w ]{0,40}:? ?|input(?:_value)?=)(?=[\"'{\[]))",
    re.IGNORECASE,
)
_MAX_CHARS: Final = 2000
# pydantic writes the value between these: https://docs.pydantic.dev/latest/errors/errors/
_PYDANTIC_END: Final = ", input_type="


def without_request(text: str) -> str:
    """A text without the quoted parts of the request that its own words announce."""
    kept, at = [], 0
    for cue in _CUE.finditer(text):
        start = cue.end()
        if start < at:
            continue
        opening = text[start]
        is_value = opening in "{[" or cue[0].endswith("=")
        end = text.find(_PYDANTIC_END if is_value else opening, start + 1, start + _MAX_CHARS)
        if end < 0:
            end = min(len(text), start + _MAX_CHARS) if is_value else start
        kept.append(text[at:start])
        at = end
    return "".join([*kept, text[at:]]) if kept else text
