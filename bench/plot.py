"""What a request or chunk costs on each target, in the bare pass-through's cost: bars, as an SVG written by hand."""

from __future__ import annotations

from typing import Final
from xml.sax.saxutils import escape

from bench.report import BASE, Results

_WIDTH: Final = 860
_LEFT: Final = 250
_RIGHT: Final = 70
_TOP: Final = 64
_BAR: Final = 13
_GAP: Final = 12
_MOST: Final = 3.0  # longer bars are cut, and say so
# Told apart by all eyes: https://sronpersonalpages.nl/~pault/
_COLOURS: Final = {"nginx": "#bbbbbb", BASE: "#4477aa", "proxy": "#228833", "litellm": "#cc3311", "portkey": "#ee7733"}


def plot(results: Results) -> str:
    names = [name for name in results.targets() if name != "direct"]
    scale = (_WIDTH - _LEFT - _RIGHT) / _MOST
    parts: list[str] = []
    y = _TOP
    for case in results.cases():
        parts.append(_text(_LEFT - 10, y + len(names) * _BAR / 2 + 4, case.title, anchor="end"))
        for name in names:
            ratio = results.relative(case.name, name)
            if ratio is not None:
                width = min(ratio, _MOST) * scale
                colour = _COLOURS.get(name, "#333333")
                parts.append(f'<rect x="{_LEFT}" y="{y}" width="{width:.1f}" height="{_BAR - 2}" fill="{colour}"/>')
                parts.append(_text(_LEFT + width + 5, y + _BAR - 4, f"{ratio:.2f}", size=10))
            y += _BAR
        y += _GAP
    x = _LEFT + scale
    parts.append(f'<line x1="{x:.1f}" y1="{_TOP - 6}" x2="{x:.1f}" y2="{y}" stroke="#888888" stroke-dasharray="3 3"/>')
    key = []
    at = float(_LEFT)
    for name in names:
        key.append(f'<rect x="{at:.1f}" y="38" width="11" height="11" fill="{_COLOURS.get(name, "#333333")}"/>')
        key.append(_text(at + 16, 48, name))
        at += 40 + 8 * len(name)
    title = _text(
        16, 22, "CPU a request (streams: a chunk), in that of a bare aiohttp pass-through; less is better", size=14
    )
    body = "\n".join([title, *key, *parts])
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {y + 8}" font-family="system-ui, sans-serif">\n'
        f'<rect width="100%" height="100%" fill="#ffffff"/>\n{body}\n</svg>\n'
    )


def _text(x: float, y: float, text: str, *, size: int = 12, anchor: str = "start") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" fill="#222222">{escape(text)}</text>'
    )
