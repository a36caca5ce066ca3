"""The vocabulary of reasons as a page: `python -m proxy.classifier.vocabulary > docs/reasons.md`. A test holds the page to it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Final

from proxy.classifier.files.load import builtin
from proxy.classifier.own import OWN_REASONS
from proxy.classifier.rules import Reason, Rules
from proxy.model import TRAITS, Class

_HEAD: Final = """\
# Reasons

Made by `python -m proxy.classifier.vocabulary` from `config/rules/reasons.yaml` and the proxy's own table; do not edit by hand.

`x-llm-error-reason` is one of these words, the `reason` label of the metrics too. Each stands under one class, so an alert on a
reason never needs the class beside it (`body_too_large` alone has two: `bad_request` off the generation paths). The words are
stable: a new one may come with a release, one that is here is not renamed. Rule files may add their own.

Scope says who fails with it, action what it means for the stored session; `own` marks what the proxy knows itself.
"""


def page(rules: Rules) -> str:
    """All reasons by class."""
    return "\n".join([_HEAD, *(line for cls in Class for line in _class(cls, rules))])


def _class(cls: Class, rules: Rules) -> Iterator[str]:
    mine = sorted((reason for reason in rules.reasons.values() if reason.cls is cls), key=lambda reason: reason.name)
    if not mine:
        return
    yield f"## {cls}"
    yield ""
    yield f"Retried by itself: {'yes' if TRAITS[cls].can_retry else 'never'}."
    yield ""
    yield "| reason | scope | action | meaning | advice |"
    yield "| --- | --- | --- | --- | --- |"
    for reason in mine:
        yield _row(reason)
    yield ""


def _row(reason: Reason) -> str:
    forget = f", forget `{reason.forget}`" if reason.forget else ""
    own = " (own)" if reason.name in OWN_REASONS else ""
    return f"| `{reason.name}`{own} | {reason.scope} | {reason.action}{forget} | {reason.meaning} | {reason.advice} |"


if __name__ == "__main__":
    sys.stdout.write(page(builtin()))
