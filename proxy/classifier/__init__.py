"""The classifier: what a provider's failed answer means. A library of its own, importable without the proxy.

`classify(answer)` is pure: it depends on its arguments alone. The way of an answer: it is read once into `evidence`; `rules`, `phrases` and
`judgements` are what is known; `meet` looks up which rules a layer meets, `engine` chooses, `waits` reads how long to wait, `explain` tells
all of it in words. `files` are where the rules come from, `hygiene` tells whether they are sound, `export` and `reading` give everything
as a table. `own` holds what the proxy itself knows.
"""

from __future__ import annotations

from proxy.classifier.engine import classify, classify_event
from proxy.classifier.files.load import RulesError, builtin, load_rules
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
