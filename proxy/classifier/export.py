"""All rules as one JSON document, so that a client in any language can carry the same rules. docs/export.md tells how it is read;
clients/javascript reads it.
"""

from __future__ import annotations

from typing import Any, Final

from proxy.classifier.reading import reading
from proxy.classifier.rules import Rule, Rules, Tier
from proxy.model import TRAITS

FORMAT: Final = 2


def exported(rules: Rules) -> dict[str, Any]:
    """What a reader needs to read an answer, then reasons, providers and rules, the rules in the order of their files."""
    return {
        "format": FORMAT,
        "tiers": [tier.name.lower() for tier in Tier],
        **reading(),
        "traits": {cls.value: {"retry": traits.can_retry} for cls, traits in TRAITS.items()},
        "reasons": {
            name: {
                "class": reason.cls.value,
                "scope": reason.scope.value,
                "action": reason.action.value,
                "advice": reason.advice,
                "meaning": reason.meaning,
                "forget": reason.forget,
            }
            for name, reason in sorted(rules.reasons.items())
        },
        "providers": {
            name: {
                "hosts": list(provider.hosts),
                "hosted": provider.hosted,
                "credential": provider.credential,
                "dialect": provider.dialect.value if provider.dialect else None,
                "business_codes": list(provider.business_codes),
                "names": sorted(alias for alias, named in rules.names.items() if named == name),
                "speaks": sorted(rules.speaking(name)),
                "clock_s": rules.clocks.get(name, 0.0),
            }
            for name, provider in sorted(rules.providers.items())
        },
        "rules": [_rule(rule) for rule in sorted(rules.rules, key=lambda rule: rule.order)],
    }


def _rule(rule: Rule) -> dict[str, Any]:
    members: dict[str, Any] = {
        "id": rule.id,
        "order": rule.order,
        "tier": rule.tier.name.lower(),
        "reason": rule.reason,
        "provider": rule.provider or None,
        "anywhere": rule.anywhere or None,
        "status": _ranges(rule.statuses),
        "code": sorted(rule.codes),
        "not_code": sorted(rule.not_codes),
        "phrase": [phrase.text for phrase in rule.phrases],
        "unless": [phrase.text for phrase in rule.unless],
        "param": sorted(rule.params),
        "link": list(rule.links),
        "header": dict(rule.headers),
        "shows": rule.shows or None,
        "scope": rule.scope.value if rule.scope else None,
        "action": rule.action.value if rule.action else None,
        "source": rule.source or None,
    }
    return {name: member for name, member in members.items() if member not in (None, [], {})}


def _ranges(statuses: frozenset[int]) -> list[list[int]]:
    """Inclusive ranges."""
    ranges: list[list[int]] = []
    for status in sorted(statuses):
        if ranges and ranges[-1][1] == status - 1:
            ranges[-1][1] = status
        else:
            ranges.append([status, status])
    return ranges
