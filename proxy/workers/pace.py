"""How soon a child that died is replaced. Pure.

At once after a good while of service; with growing pauses where one after another dies young, so that a fault which
every child meets at its start does not keep the machine busy.
"""

from __future__ import annotations

from typing import Final

STEADY_S: Final = 10.0
_FIRST_S: Final = 0.25
_LONGEST_S: Final = 30.0


class Pace:
    """The pauses of one place."""

    def __init__(self) -> None:
        self._young = 0  # died so, in a row

    def pause_s(self, lived_s: float) -> float:
        """A child has died after so long: the pause before the next."""
        if lived_s >= STEADY_S:
            self._young = 0
            return 0.0
        self._young += 1
        return min(_FIRST_S * 2.0 ** min(self._young - 1, 16), _LONGEST_S)
