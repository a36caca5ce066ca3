"""The classifier: what a provider's failed answer means. A library of its own, importable without the proxy.

`classify(answer)` is pure: it depends on its arguments alone. The way of an answer: `decode` (content coding) and `unwrap`
(JSON in strings, pages, streams) give values, `failure` tells whether a 200 is a failure at all, `evidence` gathers what is
said layer by layer, `rules` and `judgements` say what it means, `engine` chooses, `waits` reads how long to wait, `explain`
tells all of it in words. `load` reads rule files, `check` tells what is wrong with them, `own` holds what the proxy itself
knows.
"""

from __future__ import annotations

from proxy.classifier.engine import classify, classify_event
from proxy.classifier.load import RulesError, builtin, load_rules
from proxy.classifier.own import OWN_REASONS, own_verdict
from proxy.classifier.rules import Reason, Rule, Rules
from proxy.classifier.search import looks_like_error

__all__ = [
    "OWN_REASONS",
    "Reason",
    "Rule",
    "Rules",
    "RulesError",
    "builtin",
    "classify",
    "classify_event",
    "load_rules",
    "looks_like_error",
    "own_verdict",
]
