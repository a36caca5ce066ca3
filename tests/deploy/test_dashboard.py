"""The Grafana dashboard: every query against a live registry, every metric on some panel."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.promql import asked, grouped, mistakes

DASHBOARD: dict[str, Any] = json.loads((Path(__file__).parents[2] / "deploy/grafana/dashboard.json").read_text("utf-8"))
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]


def targets() -> Iterator[Any]:
    for panel in PANELS:
        for target in panel["targets"]:
            yield pytest.param(panel, target, id=f"{panel['title']}-{target['refId']}")


@pytest.mark.parametrize(("panel", "target"), list(targets()))
def test_what_a_panel_asks_for_exists(panel: Any, target: Any, known: dict[str, frozenset[str]]) -> None:
    assert list(asked(target["expr"]))
    assert mistakes(target["expr"], known) == []
    legend = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
    assert legend <= grouped(target["expr"])


@pytest.mark.parametrize("variable", DASHBOARD["templating"]["list"][1:], ids=lambda variable: variable["name"])
def test_a_variable_takes_its_values_from_a_label_that_exists(variable: Any, known: dict[str, frozenset[str]]) -> None:
    found = re.fullmatch(r"label_values\((\w+), (\w+)\)", variable["query"]["query"])
    assert found is not None
    assert found[2] in known[found[1]]


def test_every_metric_is_on_some_panel(known: dict[str, frozenset[str]]) -> None:
    shown = {one.metric for panel in PANELS for target in panel["targets"] for one in asked(target["expr"])}
    counted = {name.removesuffix("_sum") for name in known if name.endswith("_sum")}
    whole = {name for name in known if not re.search(r"_(bucket|sum|count)$", name)} | {
        f"{name}_bucket" for name in counted
    }
    assert whole - shown == set()


def test_variables_in_queries_are_declared() -> None:
    declared = {variable["name"] for variable in DASHBOARD["templating"]["list"]} | {"__rate_interval"}
    used = set(re.findall(r"\$\{?(\w+)", json.dumps(DASHBOARD)))
    assert used - declared == {"__all"}


def test_panels_have_ids_of_their_own_and_do_not_overlap() -> None:
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(ids) == len(set(ids))
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & taken
        assert at["x"] + at["w"] <= 24
        taken |= cells
