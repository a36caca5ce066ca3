"""From measurements to figures: ratios are taken within a round, and the page gets them between its marks."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from bench.plot import plot
from bench.report import BEGIN, END, Results, into, p50, table
from bench.run import Cores, Measured, Memory
from bench.tools import Load

LOAD = Load(
    seconds=2, requests=1000, failed=0, chunks=0, p50_us=1000, p99_us=3000, delay_p50_us=0, delay_p99_us=0,
)  # fmt: skip


def measured(target: str, cpu_s: float, repeat: int = 0, **load: Any) -> Measured:
    return Measured(case="json-64", target=target, repeat=repeat, load=replace(LOAD, **load), cpu_s=cpu_s)


def test_cost_is_cpu_by_request_and_by_chunk_of_streams():
    results = Results([measured("bare", 0.1), measured("proxy", 0.2, chunks=10_000)], [])
    assert results.cost_us("json-64", "bare") == pytest.approx(100)
    assert results.cost_us("json-64", "proxy") == pytest.approx(20)
    assert results.per_cpu_s("json-64", "bare") == pytest.approx(10_000)


def test_ratios_are_taken_within_a_round_since_rounds_drift():
    rows = [
        measured("bare", 0.1, 0), measured("proxy", 0.11, 0),
        measured("bare", 0.4, 1), measured("proxy", 0.44, 1),
        measured("bare", 0.2, 2), measured("proxy", 0.60, 2),
    ]  # fmt: skip
    assert Results(rows, []).relative("json-64", "proxy") == pytest.approx(1.1)


def test_added_latency_is_what_direct_does_not_have():
    rows = [measured("direct", 0, p50_us=100), measured("proxy", 0.1, p50_us=350)]
    assert Results(rows, []).added_ms("json-64", "proxy", p50) == pytest.approx(0.25)


def test_what_was_not_measured_has_no_figure():
    results = Results([measured("proxy", 0.1, requests=0)], [])
    assert results.cost_us("json-64", "proxy") is None
    assert results.relative("json-64", "proxy") is None
    assert results.added_ms("json-64", "proxy", p50) is None
    assert "–" in table(results)


def test_the_table_names_failures_and_memory():
    rows = [measured("direct", 0), measured("bare", 0.1), measured("proxy", 0.125, failed=7)]
    text = table(Results(rows, [Memory(target="proxy", idle_kb=50 * 1024, stream_kb=28.04)]))
    assert "| JSON, 64 connections | request | 100.0 | 125.0 | 1.25 | 0.80 |" in text
    assert "| proxy | 50.0 | 28.0 |" in text
    assert "**7 requests failed.**" in text


def test_the_page_keeps_what_stands_around_the_figures():
    page = f"# before\n{BEGIN}\nold\n{END}\nafter\n"
    assert into(page, "new") == f"# before\n{BEGIN}\n\nnew\n\n{END}\nafter\n"
    assert into(into(page, "new"), "new") == into(page, "new")


def test_the_plot_is_an_svg_with_a_bar_a_target():
    rows = [measured("direct", 0), measured("nginx", 0.01), measured("bare", 0.1), measured("proxy", 0.9)]
    root = ET.fromstring(plot(Results(rows, [])))
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    texts = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {"0.10", "1.00", "9.00", "nginx", "proxy"} <= set(texts)


@pytest.mark.parametrize(
    ("cores", "expected"),
    [
        ([0], Cores((0,), 0, 0)),
        ([0, 1], Cores((0,), 1, 1)),
        ([0, 1, 2, 3], Cores((0, 1, 2), 2, 3)),
    ],
)
def test_the_target_is_kept_apart_from_its_load(cores, expected):
    assert Cores.of(cores) == expected
    assert expected.of_target(1) == {0}
