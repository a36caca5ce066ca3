"""The tour on a terminal, with rich: rows as they come, and what is being waited for. Without rich the rows are plain.

Colours follow who has to act: the caller's own failures, those that pass by themselves, those that only a person mends.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from rich.console import Console
from rich.text import Text

from proxy.demo.row import COLUMNS, Row
from proxy.demo.tour import TOUR
from proxy.model import Class

_GOOD, _PERSON, _PASSES, _CALLER = "bold green", "bold red", "yellow", "cyan"
_HUES: Final[Mapping[str, str]] = {
    Class.BUDGET_EXHAUSTED: _PERSON,
    Class.AUTH: _PERSON,
    **dict.fromkeys(
        (Class.RATE_LIMITED, Class.OVERLOADED, Class.TIMEOUT, Class.NETWORK, Class.PROVIDER_ERROR), _PASSES
    ),
}
LEGEND: Final = (("passes by itself", _PASSES), ("needs a person", _PERSON), ("needs another request", _CALLER))


class Screen:
    """`NO_COLOR` is rich's to obey."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(highlight=False)
        self._done = 0
        self._good = 0
        self._status = self._console.status(self._waiting(), spinner="dots")

    @contextmanager
    def shown(self) -> Iterator[None]:
        """The line that tells what is waited for is there meanwhile, and gone afterwards, however that ends."""
        heading = "  ".join(name.ljust(width) for name, width in COLUMNS)
        self._console.print(Text(heading.rstrip(), "bold"), soft_wrap=True)
        with self._status:
            yield

    def row(self, row: Row) -> None:
        self._done += 1
        self._good += not row.cls
        hue = _GOOD if not row.cls else _HUES.get(row.cls, _CALLER)
        styles = ("", "dim", hue, hue, "bold" if row.action not in ("", "keep") else "dim", "", "dim")
        line = Text()
        for value, (_, width), style in zip(row.values(), COLUMNS, styles, strict=True):
            line.append(value.ljust(width) + "  ", style)
        line.rstrip()
        self._console.print(line, soft_wrap=True)
        if row.advice:
            self._console.print(Text(f"    {row.advice}", "dim italic"), soft_wrap=True)
        self._status.update(self._waiting())

    def end(self) -> None:
        line = Text(f"\n{self._done} calls, {self._good} went well. ")
        for about, hue in LEGEND:
            line.append("● ", hue).append(f"{about}  ")
        self._console.print(line, soft_wrap=True)

    def _waiting(self) -> Text:
        if self._done == len(TOUR):
            return Text("done")
        return Text(f"{self._done + 1}/{len(TOUR)} {TOUR[self._done].model}", "dim")
