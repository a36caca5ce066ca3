"""The last hour as bars: one a minute, stacked by class. Drawn as SVG without a word of style: colours are the page's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from proxy.admin.markup import text

MINUTES: Final = 60
_STEP: Final = 10  # a minute's width; 8 of it are the bar
_HEIGHT: Final = 100
_LEAST_SCALE: Final = 4  # a single failure must not look like the end of the world


def chart(minutes: Sequence[Mapping[str, Any]], total: int) -> str:
    most = max((sum(minute["by_class"].values()) for minute in minutes), default=0)
    scale = max(most, _LEAST_SCALE)
    bars = "".join(_minute(minute, scale) for minute in minutes)
    return (
        f'<div class="chart"><svg viewBox="0 0 {MINUTES * _STEP} {_HEIGHT}" preserveAspectRatio="none" role="img" '
        f'aria-label="{_label(total, most)}">{bars}</svg>'
        '<div class="axis" aria-hidden="true"><span>60 min ago</span>'
        f"<span>{f'at most {most} in a minute' if most else ''}</span><span>now</span></div></div>"
    )


def _label(total: int, most: int) -> str:
    if not total:
        return "No failure in the last hour."
    return (
        f"Failures minute by minute: {total} in the last hour, at most {most} in one minute. The table has the classes."
    )


def _minute(minute: Mapping[str, Any], scale: int) -> str:
    left = (MINUTES - 1 - minute["minutes_ago"]) * _STEP
    floor: float = _HEIGHT
    bars = []
    for cls, count in minute["by_class"].items():
        height = round(count / scale * _HEIGHT, 2)
        floor = round(floor - height, 2)
        bars.append(f'<rect class="{text(cls)}" x="{left + 1}" y="{floor}" width="{_STEP - 2}" height="{height}"/>')
    told = ", ".join(f"{count} {cls}" for cls, count in minute["by_class"].items())
    back = f'<rect class="minute" x="{left}" y="0" width="{_STEP}" height="{_HEIGHT}"/>'
    return f"<g><title>{_ago(minute['minutes_ago'])}: {text(told)}</title>{back}{''.join(bars)}</g>"


def _ago(minutes: int) -> str:
    return "this minute" if minutes == 0 else f"{minutes} min ago"
