"""The cheap search on the success path: may this body under a good status be an error? Nothing is parsed.

A hit only says that `classify` should look; a miss says that the answer is good. A quoted error in a model's text does not
hit, since JSON escapes the quotes around a member's name there.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from proxy.model import Provider

# An object that is not empty, or a string that is not empty; null, false, {}, [] and "" are no content.
_ERROR: Final = re.compile(rb'(?<!\\)"[eE]rror"\s{0,64}+:\s{0,64}+(?:\{\s{0,64}"|"(?!"))')


def looks_like_error(body: bytes, provider: Provider | None = None) -> bool:
    """Whether a body holds an `error` member with content, or its provider's business code."""
    if b'rror"' in body and _ERROR.search(body):
        return True
    if provider is None or not provider.business_codes:
        return False
    return any(pattern.search(body) for pattern in _business(provider.business_codes))


@lru_cache(maxsize=256)
def _business(paths: tuple[str, ...]) -> tuple[re.Pattern[bytes], ...]:
    """A member of that name whose value is neither 0, null nor empty."""
    return tuple(
        re.compile(
            rb'(?<!\\)"'
            + re.escape(path.rpartition(".")[2]).encode()
            + rb'"\s{0,64}+:\s{0,64}+(?!0\s{0,64}[,}]|"0"|""|null|\{\s{0,64}\}|\[)'
        )
        for path in paths
    )
