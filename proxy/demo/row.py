"""What came back of a call, as the tags tell it, and how it is shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

COLUMNS: Final = (
    ("model", 23),
    ("status", 6),
    ("class", 16),
    ("reason", 27),
    ("session", 11),
    ("retry", 9),
    ("calls", 5),
)
_INDENT: Final = " " * 4
_PROVIDERS_OWN: Final = "(in the stream)"  # an event that passed as it was; a comment behind it tells the class
_BOLD, _RED, _GREEN, _DIM, _OFF = "\033[1m", "\033[31m", "\033[32m", "\033[2m", "\033[0m"


@dataclass(frozen=True, slots=True)
class Row:
    """One call's outcome. Without a class it went well."""

    model: str
    status: int
    cls: str = ""
    reason: str = ""
    action: str = ""
    retry: str = ""
    advice: str = ""
    calls: int = 0  # that the provider received

    @classmethod
    def of(cls, model: str, status: int, headers: Mapping[str, str]) -> Row:
        return cls(
            model,
            status,
            cls=headers.get("x-llm-error-class", ""),
            reason=headers.get("x-llm-error-reason", ""),
            action=headers.get("x-llm-session-action", ""),
            retry=_retry(headers),
            advice=headers.get("x-llm-error-advice", ""),
        )

    def broken(self, problem: object, message: str) -> Row:
        """The stream ended in an error event, with the class among its members where the proxy wrote it."""
        if self.cls:
            return self  # its head told already
        said = problem if isinstance(problem, Mapping) else {}
        return replace(
            self,
            cls=str(said.get("class") or _PROVIDERS_OWN),
            reason=str(said.get("reason") or said.get("code") or ""),
            action=str(said.get("session") or ""),
            advice=message,
        )

    def after(self, calls: int) -> Row:
        return replace(self, calls=calls)

    def values(self) -> list[str]:
        """A text for each of `COLUMNS`."""
        return [self.model, str(self.status), self.cls or "ok", self.reason, self.action, self.retry, str(self.calls)]


def heading(*, coloured: bool) -> str:
    line = _line([name for name, _ in COLUMNS])
    return f"{_BOLD}{line}{_OFF}" if coloured else line


def shown(row: Row, *, coloured: bool) -> str:
    """A line, and the advice below it."""
    line = _line(row.values())
    if not coloured:
        return line + (f"\n{_INDENT}{row.advice}" if row.advice else "")
    hue = _RED if row.cls else _GREEN
    line = line.replace(row.cls or "ok", f"{hue}{row.cls or 'ok'}{_OFF}", 1)
    return line + (f"\n{_INDENT}{_DIM}{row.advice}{_OFF}" if row.advice else "")


def _line(values: list[str]) -> str:
    return "  ".join(value.ljust(width) for value, (_, width) in zip(values, COLUMNS, strict=True)).rstrip()


def _retry(headers: Mapping[str, str]) -> str:
    """Whether and when the client should try again itself."""
    should = headers.get("x-should-retry")
    if should is None:
        return ""
    wait = headers.get("retry-after")
    if should == "false":
        return "no"
    return "yes" if wait is None else f"in {wait} s"
