"""Rule files become `Rules`, or one `RulesError` that holds every mistake as `FILE:LINE: ...`.

Users' files are read before the built-in ones: their rules outrank all, a rule with a built-in id replaces it. Lines are
looked up only when something is wrong.
"""

from __future__ import annotations

import gc
import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final, TypeGuard

from proxy.builtin import config_dir
from proxy.classifier.files.heads import read_head
from proxy.classifier.files.rulefile import RuleFile, nearest
from proxy.classifier.judgements import JUDGEMENTS
from proxy.classifier.own import OWN_REASONS
from proxy.classifier.phrases import Phrase, compile_phrase
from proxy.classifier.rules import Reason, Rule, Rules, Tier, build_index, provider_key, reason_of
from proxy.model import Action, Class, Provider, Scope

TOP_KEYS: Final = frozenset({"provider", "reasons", "rules"})
REASON_KEYS: Final = frozenset({"class", "scope", "action", "advice", "meaning", "forget"})
RULE_KEYS: Final = frozenset({"id", "when", "then", "tier", "anywhere", "source", "scope", "action"})
WHEN_KEYS: Final = frozenset({"status", "code", "not_code", "phrase", "unless", "param", "link", "header", "shows"})
# Both are told in headers.
_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,120}")
_REASON: Final = re.compile(r"[a-z0-9_]{1,80}")
_TIERS: Final[Mapping[str, Tier]] = {
    "judged": Tier.JUDGED, "code": Tier.CODE, "phrase": Tier.PHRASE, "hint": Tier.HINT, "status": Tier.STATUS,
}  # fmt: skip
# Common files, in the order in which their rules are tried; all others are a provider's own.
_COMMON: Final = (
    "judged.yaml",
    "gateways.yaml",
    "codes.yaml",
    "languages.yaml",
    "phrases.yaml",
    "hints.yaml",
    "statuses.yaml",
)
_REASONS_FILE: Final = "reasons.yaml"
_MAX_ADVICE: Final = 160


class RulesError(Exception):
    """Rule files that cannot be used: every problem at once."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


def rules_directory() -> Path:
    """Where the built-in rules lie."""
    return config_dir() / "rules"


@cache
def builtin() -> Rules:
    """The built-in rules, read once."""
    return load_rules()


def builtin_files(directory: Path | None = None) -> list[Path]:
    """The built-in rule files in the order in which they are read."""
    directory = directory or rules_directory()
    own = sorted(path for path in directory.glob("*.yaml") if path.name not in (*_COMMON, _REASONS_FILE))
    return [directory / _REASONS_FILE, *own, *(directory / name for name in _COMMON)]


def load_rules(extra: Sequence[Path] = (), *, files: Sequence[Path] | None = None) -> Rules:
    """Read users' files, then the built-in ones. Raises `RulesError` with every problem."""
    reading = _Reading()
    # Thousands of small values that all stay: collections while they are made cost a fifth of the time and find nothing.
    collects = gc.isenabled()
    gc.disable()
    try:
        for path in extra:
            reading.read(RuleFile(Path(path), reading.problems), user=True)
        for path in builtin_files() if files is None else files:
            # A phrase of the built-in files is read when it is first asked for: the tests hold that each can be.
            reading.read(
                RuleFile(path, reading.problems, phrase=Phrase if files is None else compile_phrase), user=False
            )
        return reading.rules()
    finally:
        if collects:
            gc.enable()


class _Reading:
    """What was read so far, and all that is wrong with it."""

    def __init__(self) -> None:
        self.problems: list[str] = []
        self.reasons: dict[str, Reason] = dict(OWN_REASONS)
        self.given: set[str] = set()
        self.found: dict[str, Rule] = {}
        self.providers: dict[str, Provider] = {}
        self.speaks: dict[str, set[str]] = {}
        self.heads: dict[str, dict[str, Any]] = {}
        self.clocks: dict[str, float] = {}
        self.names: dict[str, str] = {}
        self.wanted: list[tuple[RuleFile, list[str | int], str]] = []
        self.spoken: list[tuple[RuleFile, str]] = []

    def read(self, file: RuleFile, *, user: bool) -> None:
        value = file.load(TOP_KEYS)
        if value is None:
            return
        provider = self.provider(file, value["provider"], user=user) if "provider" in value else ""
        for name, reason in file.mapping(value, "reasons", []).items():
            self.reason(file, str(name), reason)
        for at, rule in enumerate(file.sequence(value, "rules", [])):
            self.rule(file, at, rule, provider, user=user)

    def provider(self, file: RuleFile, given: Any, *, user: bool) -> str:
        head = read_head(file, given)
        if head is None:
            return ""
        name = head.name
        # What a user's head leaves out, the built-in one of the same provider says.
        self.heads[name] = {**head.known, **self.heads.get(name, {})}
        self.providers[name] = Provider(name=name, **self.heads[name])
        if head.ahead_s is not None:
            self.clocks.setdefault(name, head.ahead_s)
        if user:
            self.spoken += [(file, other) for other in head.speaks]
        for alias in (name, *head.aliases):
            self.names.setdefault(provider_key(alias), name)
            self.speaks.setdefault(provider_key(alias), set()).update((name, *head.speaks))
        return name

    def reason(self, file: RuleFile, name: str, given: Any) -> None:
        where: list[str | int] = ["reasons", name]
        if not _REASON.fullmatch(name):
            file.problem(where, f"reason {name!r}: a reason is one word in snake_case")
            return
        if not isinstance(given, dict):
            file.problem(where, f"reason {name}: expected class, advice and meaning")
            return
        file.known_keys(given, REASON_KEYS, where)
        file.label = f"reason {name}: "
        cls = file.choice(given, "class", list(Class), where)
        scope = file.choice(given, "scope", list(Scope), where) if "scope" in given else None
        action = file.choice(given, "action", list(Action), where) if "action" in given else None
        advice = given.get("advice")
        meaning = file.text(given, "meaning", where)
        forget = file.text(given, "forget", where) or None
        if not _is_sentence(advice):
            file.problem(
                [*where, "advice"], f"reason {name}: advice is one ASCII sentence of at most {_MAX_ADVICE} characters"
            )
            return
        file.label = ""
        if name in self.given:
            return  # a user's file said it first
        self.given.add(name)
        if cls is not None:
            self.reasons[name] = reason_of(
                name,
                Class(cls),
                advice=advice,
                meaning=meaning,
                scope=Scope(scope) if scope else None,
                action=Action(action) if action else None,
                forget=forget,
            )

    def rule(self, file: RuleFile, at: int, given: Any, provider: str, *, user: bool) -> None:
        where: list[str | int] = ["rules", at]
        name = given.get("id") if isinstance(given, dict) else None
        if not isinstance(name, str) or not _ID.fullmatch(name):
            file.problem(where, f"rule {at + 1}: needs an id of letters, digits, '.', '-' and '_'")
            return
        file.label = f"rule {name}: "
        file.known_keys(given, RULE_KEYS, where)
        if name in self.found:
            if self.found[name].file == str(file.path):
                file.problem(where, f"rule {name}: this id is used twice")
            return
        reason = given.get("then")
        if not isinstance(reason, str):
            file.problem([*where, "then"], f"rule {name}: then: needs a reason")
            reason = ""
        else:
            self.wanted.append((file, [*where, "then"], reason))
        when = file.mapping(given, "when", where)
        if not when:
            file.problem(where, f"rule {name}: when: needs at least one condition, of: {', '.join(sorted(WHEN_KEYS))}")
        inner: list[str | int] = [*where, "when"]
        file.known_keys(when, WHEN_KEYS, inner)
        for key, wanted in when.items():
            if not wanted and wanted != 0:
                # A condition that holds nothing would hold everywhere.
                file.problem([*inner, key], f"rule {name}: {key}: holds nothing: fill it or leave it out")
        shows = file.choice(when, "shows", list(JUDGEMENTS), inner) if "shows" in when else None
        phrases = file.phrases(when, "phrase", inner)
        codes = file.codes(when, "code", inner)
        tier = file.choice(given, "tier", list(_TIERS), where) if "tier" in given else None
        scope = file.choice(given, "scope", list(Scope), where) if "scope" in given else None
        action = file.choice(given, "action", list(Action), where) if "action" in given else None
        headers = file.mapping(when, "header", inner)
        for key, value in headers.items():
            if isinstance(value, (list, dict, bool)):
                file.problem(
                    [*inner, "header", key], f"rule {name}: header: {key}: expected a text that its value holds"
                )
        beside = bool(headers or "param" in when or "link" in when)
        natural = (
            Tier.JUDGED
            if shows
            else Tier.CODE
            if codes or (beside and not phrases)
            else Tier.PHRASE
            if phrases
            else Tier.STATUS
        )
        self.found[name] = Rule(
            id=name,
            reason=reason,
            tier=Tier.USER if user else _TIERS[tier] if tier else natural,
            order=len(self.found),
            file=str(file.path),
            at=at,
            provider=provider,
            anywhere=file.flag(given, "anywhere", where),
            source=file.text(given, "source", where),
            statuses=file.statuses(when, inner),
            codes=codes,
            not_codes=file.codes(when, "not_code", inner),
            phrases=phrases,
            unless=file.phrases(when, "unless", inner),
            params=file.codes(when, "param", inner),
            links=tuple(file.words(when, "link", inner)),
            headers=tuple((key.lower(), str(value or "").lower()) for key, value in headers.items()),
            shows=shows or "",
            scope=Scope(scope) if scope else None,
            action=Action(action) if action else None,
        )

    def rules(self) -> Rules:
        for file, where, reason in self.wanted:
            if reason not in self.reasons:
                file.problem(where, f"then: unknown reason {reason!r}{nearest(reason, self.reasons)}")
        for file, other in self.spoken:
            if other not in self.providers:
                told = f"provider.speaks: no rule file has the provider {other!r}{nearest(other, self.providers)}"
                file.problem(["provider", "speaks"], told)
        if self.problems:
            raise RulesError(self.problems)
        rules = tuple(self.found.values())
        return Rules(
            rules=rules,
            reasons=self.reasons,
            providers=self.providers,
            names=self.names,
            speaks={alias: frozenset(names) for alias, names in self.speaks.items()},
            clocks={name: ahead_s for name, ahead_s in self.clocks.items() if ahead_s},
            index=build_index(rules, self.reasons),
            has_users=any(rule.tier is Tier.USER for rule in rules),
        )


def _is_sentence(advice: Any) -> TypeGuard[str]:
    return isinstance(advice, str) and 0 < len(advice) <= _MAX_ADVICE and advice.isascii() and "\n" not in advice
