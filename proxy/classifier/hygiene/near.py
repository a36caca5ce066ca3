"""Which rules an answer comes near, whatever decides it: what a near miss of a rule must hold so that it shows the rule's bounds."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from proxy.classifier.evidence import Evidence
from proxy.classifier.evidence.answer import gather
from proxy.classifier.judgements import JUDGEMENTS
from proxy.classifier.phrases import any_in, spelled
from proxy.classifier.rules import Rule, Rules
from proxy.classifier.words import code_word, quoted_codes, words
from proxy.model import Answer


def near(answer: Answer, rules: Rules) -> set[Rule]:
    """The rules of which an answer holds a code or a word that leads to a phrase; a header, parameter or link that they ask
    for; what their judgement sees; or the status, where they ask for nothing else.
    """
    evidence = gather(answer, rules.provider(answer.provider))
    if evidence is None:
        # A good answer that speaks of failures: its text is all that may be misread.
        text = answer.body.decode("utf-8", "replace")
        said = words(text)
        return set(_by_words({*map(code_word, said), *quoted_codes(text)}, said, rules))
    found: set[Rule] = set()
    for layer in evidence.layers:
        codes = {*layer.codes, *layer.quoted()}
        said = [*layer.heard().words, *(word for code in layer.codes for word in spelled(code).words)]
        found.update(_by_words(codes, said, rules))
    found.update(rule for rule in rules.index.rules if rule.shows and _is_judged_alike(rule, evidence))
    found.update(rule for rule in rules.index.by_header if _asks_for_one_of(rule, evidence))
    for status in (evidence.status, evidence.http_status):
        found.update(rules.index.by_status.get(status, ()))
        found.update(rule for rule in rules.index.users_by_status if not rule.statuses or status in rule.statuses)
    return found


def _by_words(codes: Collection[str], said: Collection[str], rules: Rules) -> Iterator[Rule]:
    for code in codes:
        yield from rules.index.by_code.get(code, ())
    for word in rules.index.words.intersection(said):
        for _, rule in rules.index.by_word[word]:
            yield rule


def _is_judged_alike(rule: Rule, evidence: Evidence) -> bool:
    return any(
        not rule.codes.isdisjoint(layer.codes)
        or any_in(rule.phrases, layer.heard())
        or JUDGEMENTS[rule.shows](evidence, layer) is not None
        for layer in evidence.layers
    )


def _asks_for_one_of(rule: Rule, evidence: Evidence) -> bool:
    return any(name in evidence.headers or name in evidence.body_headers for name, _ in rule.headers) or any(
        not rule.params.isdisjoint(layer.params) or any(part in link for link in layer.links() for part in rule.links)
        for layer in evidence.layers
    )
