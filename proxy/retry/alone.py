"""What an official client would do by itself after a failure: through the proxy it is served no later than that. Pure.

The openai and anthropic clients tell how often they have repeated a call already (`x-stainless-retry-count`). They repeat
it twice, half a second and a second after its failures, each up to a quarter earlier
(https://github.com/openai/openai-python/blob/main/src/openai/_base_client.py, `_calculate_retry_timeout`). Who does not
tell is not known to repeat anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

REPEATS: Final = 2  # their default, which is all that a call does not tell
_FIRST_S: Final = 0.5
_LONGEST_S: Final = 8.0
_SHORTEST: Final = 0.75  # of such a wait, at their luckiest


@dataclass(frozen=True, slots=True)
class Alone:
    """A caller that repeats by itself. `made`: how often it has done so with this call."""

    made: int

    def repeats_left(self, ours: int) -> int:
        """How often it would repeat yet, had it made our repeats of this call itself."""
        return max(0, REPEATS - self.made - ours)

    def wait_s(self, ours: int) -> float:
        """The shortest wait that it would make before the next of these."""
        return min(_LONGEST_S, _FIRST_S * 2.0 ** min(self.made + ours, 62)) * _SHORTEST
