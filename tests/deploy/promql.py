"""What an expression asks Prometheus for, as far as a mistyped name can be told: metrics, their matchers, labels."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from prometheus_client.parser import text_string_to_metric_families

from proxy.classifier import OWN_REASONS
from proxy.model import Action, Class, Source
from proxy.report import Outcome, StreamFailure, Suppressed, Would

SCRAPED = frozenset({"instance", "job"})  # labels that Prometheus adds
CLOSED: Mapping[str, frozenset[str]] = {
    "error_class": frozenset(Class),
    "source": frozenset(Source),
    "outcome": frozenset(Outcome),
    "action": frozenset(Action),
    "what": frozenset(Would),
    "result": frozenset({"ok", "refused"}),
    "reason": frozenset(OWN_REASONS),  # a provider's reasons come and go with the rules
}
KINDS = frozenset(StreamFailure) | frozenset(Suppressed)

_METRIC = re.compile(r"\b(llm_triage_\w+)(?:\{([^}]*)\})?")
_MATCHER = re.compile(r'(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"')
_GROUPING = re.compile(r"\bby \(([^)]*)\)")


@dataclass(frozen=True, slots=True)
class Asked:
    metric: str
    matchers: tuple[tuple[str, str], ...]  # label and what it is compared with


def asked(expression: str) -> Iterator[Asked]:
    for metric, matchers in _METRIC.findall(expression):
        yield Asked(metric, tuple((label, value) for label, _, value in _MATCHER.findall(matchers)))


def grouped(expression: str) -> frozenset[str]:
    return frozenset(label for group in _GROUPING.findall(expression) for label in re.split(r",\s*", group))


def series(exposition: str) -> dict[str, frozenset[str]]:
    """Each series' name in a scrape, with its labels."""
    found: dict[str, frozenset[str]] = {}
    for family in text_string_to_metric_families(exposition):
        for sample in family.samples:
            found[sample.name] = found.get(sample.name, frozenset()) | frozenset(sample.labels)
    return found


def mistakes(expression: str, known: Mapping[str, frozenset[str]]) -> list[str]:
    """Everything in an expression that no scrape can ever answer."""
    found = []
    may_group = set(SCRAPED)
    for one in asked(expression):
        if one.metric not in known:
            found.append(f"no such metric: {one.metric}")
            continue
        may_group |= known[one.metric]
        for label, value in one.matchers:
            if label not in known[one.metric] | SCRAPED:
                found.append(f"{one.metric} has no label {label}")
            elif label in CLOSED and not value.startswith("$"):
                found += [f"{label} is never {word!r}" for word in value.split("|") if word not in CLOSED[label]]
    return found + [f"nothing to group by: {label}" for label in sorted(grouped(expression) - may_group)]
