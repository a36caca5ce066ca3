"""Counts per second as an SVG of a few lines, written by hand: a drawing library would be the heaviest dependency here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

_WIDTH: Final = 860
_HEIGHT: Final = 380
_LEFT: Final = 62
_RIGHT: Final = 20
_TOP: Final = 48
_BOTTOM: Final = 52
_COLOURS: Final = ("#4477aa", "#228833", "#cc3311")  # told apart by all eyes: https://sronpersonalpages.nl/~pault/


def plot(lines: Sequence[tuple[str, Sequence[int]]], *, title: str, shaded: tuple[float, float], shade: str) -> str:
    """Named lines of counts per second, each point the mean with its neighbours, so that chance does not hide the shape."""
    smooth = [(name, _smooth(counts)) for name, counts in lines]
    length = len(smooth[0][1])
    highest = max(max(rates) for _, rates in smooth)
    step = next(step for step in (10, 25, 50, 100, 200, 500, 1000) if highest / step <= 8)
    top = (highest // step + 1) * step

    def x(second: float) -> float:
        return round(_LEFT + second / length * (_WIDTH - _LEFT - _RIGHT), 1)

    def y(rate: float) -> float:
        return round(_HEIGHT - _BOTTOM - rate / top * (_HEIGHT - _TOP - _BOTTOM), 1)

    begin, end = x(shaded[0]), x(shaded[1])
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" font-family="sans-serif" font-size="12" fill="#333">',
        f"<title>{title}</title>",
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#fff"/>',
        f'<rect x="{begin}" y="{_TOP}" width="{end - begin:.1f}" height="{y(0) - _TOP:.1f}" fill="#eee"/>',
        _text((begin + end) / 2, _TOP + 16, shade),
    ]
    for rate in range(0, int(top) + 1, step):
        parts.append(f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y(rate)}" y2="{y(rate)}" stroke="#ddd"/>')
        parts.append(_text(_LEFT - 6, y(rate) + 4, str(rate), "end"))
    parts += [_text(x(second), y(0) + 18, str(second)) for second in range(0, length + 1, 30)]
    parts.append(_text(_WIDTH / 2, _HEIGHT - 12, "seconds"))
    parts.append(
        f'<g transform="translate(16 {(_TOP + y(0)) / 2:.1f}) rotate(-90)">{_text(0, 0, "requests per second")}</g>'
    )
    at = float(_LEFT)
    for (name, rates), colour in zip(smooth, _COLOURS, strict=False):
        points = " ".join(f"{x(second + 0.5)},{y(rate)}" for second, rate in enumerate(rates))
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.8"/>')
        parts.append(f'<line x1="{at}" x2="{at + 22}" y1="24" y2="24" stroke="{colour}" stroke-width="3"/>')
        parts.append(_text(at + 28, 28, name, "start"))
        at += 56 + 6.5 * len(name)
    return "\n".join([*parts, "</svg>", ""])


def _text(x: float, y: float, text: str, anchor: str = "middle") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{text}</text>'


def _smooth(counts: Sequence[int]) -> list[float]:
    around = [counts[max(0, i - 1) : i + 2] for i in range(len(counts))]
    return [sum(some) / len(some) for some in around]
