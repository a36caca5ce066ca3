"""The soak's figures and plot; the soak itself takes a quarter of an hour and is run by hand."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from bench.soak import MIX, Window, plot, told
from bench.tools import Load

LOAD = Load(
    seconds=10.0, requests=1000, failed=0, chunks=900, p50_us=41_000, p99_us=43_500, delay_p50_us=300, delay_p99_us=1800
)
WINDOWS = [
    Window(minute=at / 2, memory_mb=50.0 + at, cpu=0.2, loads={case.name: LOAD for case in MIX}) for at in (1, 2, 3)
]


def test_what_is_told() -> None:
    text = told(42.0, WINDOWS)
    assert "3,000 JSON answers, 3,000 whole streams, 150 that their clients left" in text
    assert "| memory at rest, MB | 42.0 | 51.0 | 53.0 |" in text
    assert "| JSON, added p99, ms | | 3.5 | 3.5 |" in text


def test_the_plot_is_a_picture_of_all_windows() -> None:
    picture = ET.fromstring(plot(WINDOWS))
    lines = picture.findall(".//{*}polyline")
    assert [len(line.attrib["points"].split()) for line in lines] == [3, 3, 3]
