"""What a judgement is: it looks at one layer and says what it saw, or None."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from proxy.classifier.evidence import Evidence, Layer


class Seen(NamedTuple):
    """What a judgement saw, in words, and the finer reason that it gives where it gives one."""

    words: str
    reason: str = ""


Judgement = Callable[[Evidence, Layer], Seen | None]
