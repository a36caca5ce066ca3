"""The few shapes that the page is made of. Every value that enters here is escaped: paths and ids come from outside."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape


def text(value: object) -> str:
    return escape(str(value))


def moment(iso: str, today: str) -> str:
    """Hours, minutes and seconds; the day too where it is not today. Whole for machines. Always UTC, as in the log."""
    day = "" if iso[:10] == today[:10] else f"{iso[:10]} "
    return f'<time datetime="{text(iso)}" title="{text(iso)}">{text(day + iso[11:19])}</time>'


def table(caption: str, columns: Sequence[str], rows: Iterable[str]) -> str:
    """`rows` are cells, already marked up. A column whose name begins with # holds numbers."""
    head = "".join(
        f'<th scope="col" class="number">{column[1:]}</th>' if column[0] == "#" else f'<th scope="col">{column}</th>'
        for column in columns
    )
    body = "".join(f"<tr>{row}</tr>" for row in rows)
    return f"<table><caption>{caption}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def dot(cls: str) -> str:
    return f'<span class="dot {text(cls)}" aria-hidden="true"></span>'


def times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def seconds(value: float) -> str:
    """A length of time in the unit that a person would choose."""
    if value < 1:
        return f"{value * 1000:.3g} ms"
    if value < 120:
        return f"{value:.3g} s"
    return f"{value / 60:.3g} min" if value < 7200 else f"{value / 3600:.3g} h"
