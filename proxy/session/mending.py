"""What a dialect contributes to healing: the few wire shapes that have to be written, as bytes.

Its words are neutral: no model takes them for the user's, nor for something that the tool or it itself said (a
placeholder "cancelled by the user" is believed: https://github.com/vertesia/llumiverse/issues/563).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from proxy.session.turn import Entry, Part

NO_RESULT: Final = "[No result was recorded for this tool call.]"
NOTHING_RETURNED: Final = "[The tool returned nothing.]"
NO_ANSWER: Final = "[No answer was recorded.]"
NO_BEGINNING: Final = "[The beginning of this conversation was not recorded.]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mending:
    """How a history of one dialect is written to."""

    entry: Callable[[object], Entry]
    content: str  # the member of a message that holds what it says
    placeholder: Callable[[Part], bytes | None]  # a result for a call; None: none can be made up
    carry: Callable[[Sequence[bytes]], Sequence[bytes]]  # results as entries of their own
    shares: bool  # results are parts of a message, which may hold several
    text: Callable[[bytes], bytes]  # a JSON string as a part of a content array
    opening: bytes  # a neutral first message of the user
    bridge: bytes  # a neutral message of the model
    result: str = ""  # the member of a result that may not be blank; "": it may
    null_content: bool = False  # the content of a message with calls may be null
    unsigned: Callable[[bytes], bytes] | None = None  # a part without its opaque signature; None: the part goes


def dump(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
