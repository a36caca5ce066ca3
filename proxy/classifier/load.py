"""Rule files become `Rules`, or one `RulesError` that holds every mistake as `FILE:LINE: ...`.

Users' files are read before the built-in ones: their rules outrank all, a rule with a built-in id replaces it. Lines are
looked up only when something is wrong.
"""

from __future__ import annotations

import difflib
import gc
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Final

import yaml

from proxy.builtin import config_dir
from proxy.classifier.judgements import JUDGEMENTS
from proxy.classifier.nodes import line_of, nodes, values
from proxy.classifier.own import OWN_REASONS
from proxy.classifier.phrases import Phrase, PhraseError, compile_phrase
from proxy.classifier.rules import Reason, Rule, Rules, Tier, build_index, provider_key, reason_of
from proxy.classifier.words import code_word
from proxy.model import Action, Class, Dialect, Provider, Scope

TOP_KEYS: Final = frozenset({"provider", "reasons", "rules"})
HEAD_KEYS: Final = frozenset(
    {
        "name", "aliases", "speaks", "hosts", "hosted", "credential", "dialect", "generation_paths", "stream_end", "refuses",
        "business_codes", "clock",
    }
)  # fmt: skip
REASON_KEYS: Final = frozenset({"class", "scope", "action", "advice", "meaning", "forget"})
RULE_KEYS: Final = frozenset({"id", "when", "then", "tier", "anywhere", "source", "scope", "action"})
WHEN_KEYS: Final = frozenset({"status", "code", "not_code", "phrase", "unless", "param", "link", "header", "shows"})
_WORD_TYPES: Final = frozenset({str, int})
# Both are told in headers.
_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,120}")
_REASON: Final = re.compile(r"[a-z0-9_]{1,80}")
_STATUS: Final = re.compile(r"(?P<low>[1-9](?:[0-9]{2}|xx))(?:(?<!x)-(?P<high>[1-9][0-9]{2}))?")
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
            reading.read(_File(Path(path), reading.problems), user=True)
        for path in builtin_files() if files is None else files:
            # A phrase of the built-in files is read when it is first asked for: the tests hold that each can be.
            reading.read(_File(path, reading.problems, phrase=Phrase if files is None else compile_phrase), user=False)
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
        self.clocks: dict[str, float] = {}
        self.names: dict[str, str] = {}
        self.wanted: list[tuple[_File, list[str | int], str]] = []

    def read(self, file: _File, *, user: bool) -> None:
        value = file.load()
        if value is None:
            return
        file.known_keys(value, TOP_KEYS, [])
        provider = self.provider(file, value["provider"]) if "provider" in value else ""
        for name, reason in file.mapping(value, "reasons", []).items():
            self.reason(file, str(name), reason)
        for at, rule in enumerate(file.sequence(value, "rules", [])):
            self.rule(file, at, rule, provider, user=user)

    def provider(self, file: _File, head: Any) -> str:
        where: list[str | int] = ["provider"]
        if not isinstance(head, dict) or not isinstance(head.get("name"), str):
            file.problem(where, "provider: needs a name")
            return ""
        file.known_keys(head, HEAD_KEYS, where)
        name = str(head["name"])
        dialect = head.get("dialect")
        if dialect is not None and dialect not in list(Dialect):
            file.problem(
                [*where, "dialect"], f"provider.dialect: unknown dialect {dialect!r}, allowed: {', '.join(Dialect)}"
            )
            dialect = None
        self.providers.setdefault(
            name,
            Provider(
                name=name,
                hosts=tuple(file.words(head, "hosts", where)),
                hosted=bool(head.get("hosted", False)),
                credential=str(head.get("credential", "authorization")),
                dialect=Dialect(dialect) if dialect else None,
                generation_paths=tuple(file.words(head, "generation_paths", where)),
                stream_end=str(head.get("stream_end", "")),
                refuses=frozenset(file.words(head, "refuses", where)),
                business_codes=tuple(file.words(head, "business_codes", where)),
            ),
        )
        clock = head.get("clock", 0)
        if isinstance(clock, (int, float)) and not isinstance(clock, bool) and -14 <= clock <= 14:
            self.clocks.setdefault(name, clock * 3600.0)
        else:
            file.problem([*where, "clock"], "provider.clock: expected hours ahead of UTC, -14 to 14")
        for alias in (name, *file.words(head, "aliases", where)):
            self.names.setdefault(provider_key(alias), name)
            self.speaks.setdefault(provider_key(alias), set()).update((name, *file.words(head, "speaks", where)))
        return name

    def reason(self, file: _File, name: str, given: Any) -> None:
        where: list[str | int] = ["reasons", name]
        if not _REASON.fullmatch(name):
            file.problem(where, f"reason {name!r}: a reason is one word in snake_case")
            return
        if not isinstance(given, dict):
            file.problem(where, f"reason {name}: expected class, advice and meaning")
            return
        file.known_keys(given, REASON_KEYS, where)
        cls = file.choice(given, "class", list(Class), where)
        scope = file.choice(given, "scope", list(Scope), where) if "scope" in given else None
        action = file.choice(given, "action", list(Action), where) if "action" in given else None
        advice = str(given.get("advice", ""))
        if not advice or len(advice) > _MAX_ADVICE or not advice.isascii() or "\n" in advice:
            file.problem(
                [*where, "advice"], f"reason {name}: advice is one ASCII sentence of at most {_MAX_ADVICE} characters"
            )
        if name in self.given:
            return  # a user's file said it first
        self.given.add(name)
        if cls is not None:
            self.reasons[name] = reason_of(
                name,
                Class(cls),
                advice=advice,
                meaning=str(given.get("meaning", "")),
                scope=Scope(scope) if scope else None,
                action=Action(action) if action else None,
                forget=given.get("forget"),
            )

    def rule(self, file: _File, at: int, given: Any, provider: str, *, user: bool) -> None:
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
        shows = file.choice(when, "shows", list(JUDGEMENTS), inner) if "shows" in when else None
        phrases = file.phrases(when, "phrase", inner)
        codes = file.codes(when, "code", inner)
        tier = file.choice(given, "tier", list(_TIERS), where) if "tier" in given else None
        scope = file.choice(given, "scope", list(Scope), where) if "scope" in given else None
        action = file.choice(given, "action", list(Action), where) if "action" in given else None
        headers = file.mapping(when, "header", inner)
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
            anywhere=bool(given.get("anywhere", False)),
            source=str(given.get("source") or ""),
            statuses=file.statuses(when, inner),
            codes=codes,
            not_codes=file.codes(when, "not_code", inner),
            phrases=phrases,
            unless=file.phrases(when, "unless", inner),
            params=file.codes(when, "param", inner),
            links=tuple(file.words(when, "link", inner)),
            headers=tuple((str(key).lower(), str(value or "").lower()) for key, value in headers.items()),
            shows=shows or "",
            scope=Scope(scope) if scope else None,
            action=Action(action) if action else None,
        )

    def rules(self) -> Rules:
        for file, where, reason in self.wanted:
            if reason not in self.reasons:
                file.problem(where, f"then: unknown reason {reason!r}{nearest(reason, self.reasons)}")
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


class _File:
    """One rule file and where its values stand."""

    def __init__(self, path: Path, problems: list[str], phrase: Callable[[str], Phrase] = compile_phrase) -> None:
        self.path = path
        self.phrase = phrase
        self.problems = problems
        self.text = ""
        self.label = ""

    def load(self) -> dict[str, Any] | None:
        try:
            self.text = self.path.read_text(encoding="utf-8")
            value = values(self.text)
        except OSError as error:
            self.problems.append(f"{self.path}:1: cannot be read: {error.strerror}")
            return None
        except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
            mark = getattr(error, "problem_mark", None)
            self.problems.append(
                f"{self.path}:{mark.line + 1 if mark else 1}: is not YAML: {getattr(error, 'problem', None) or 'unreadable'}"
            )
            return None
        if not isinstance(value, dict):
            self.problems.append(f"{self.path}:1: expected a mapping with: {', '.join(sorted(TOP_KEYS))}")
            return None
        return value

    def problem(self, where: Sequence[str | int], text: str) -> None:
        self.problems.append(f"{self.path}:{self.line(where)}: {text}")

    @cached_property
    def node(self) -> Any:
        """Composed once more where a line is asked for: thousands of nodes kept for that would slow every good start."""
        return nodes(self.text)

    def line(self, where: Sequence[str | int]) -> int:
        return line_of(self.node, where)

    def known_keys(self, value: Mapping[str, Any], allowed: frozenset[str], where: list[str | int]) -> None:
        for key in value:
            if key not in allowed:
                self.problem([*where, key], f"{self.label}unknown key {key!r}{nearest(str(key), allowed)}")

    def mapping(self, value: Mapping[str, Any], key: str, where: list[str | int]) -> Mapping[str, Any]:
        found = value.get(key)
        if found is None:
            return {}
        if isinstance(found, dict):
            return found
        self.problem([*where, key], f"{self.label}{key}: expected a mapping")
        return {}

    def sequence(self, value: Mapping[str, Any], key: str, where: list[str | int]) -> Sequence[Any]:
        found = value.get(key)
        if found is None:
            return ()
        if isinstance(found, list):
            return found
        self.problem([*where, key], f"{self.label}{key}: expected a list")
        return ()

    def words(self, value: Mapping[str, Any], key: str, where: list[str | int]) -> list[str]:
        found = value.get(key)
        if found is None:
            return []
        items = found if isinstance(found, list) else [found]
        if _WORD_TYPES.issuperset(map(type, items)):
            return list(map(str, items))
        self.problem([*where, key], f"{self.label}{key}: expected words")
        return []

    def codes(self, value: Mapping[str, Any], key: str, where: list[str | int]) -> frozenset[str]:
        return frozenset(map(code_word, self.words(value, key, where)))

    def phrases(self, value: Mapping[str, Any], key: str, where: list[str | int]) -> tuple[Phrase, ...]:
        compiled = []
        found = value.get(key)
        # A block of text holds a phrase a line: a tenth of what as many items of a list take to read.
        for text in found.splitlines() if isinstance(found, str) else self.words(value, key, where):
            try:
                compiled.append(self.phrase(text))
            except PhraseError as error:
                self.problem([*where, key], f"{self.label}{error}")
        return tuple(compiled)

    def choice(self, value: Mapping[str, Any], key: str, allowed: Sequence[str], where: list[str | int]) -> str | None:
        found = value.get(key)
        if found in allowed:
            return str(found)
        self.problem(
            [*where, key],
            f"{self.label}{key}: {found!r} is not one of: {', '.join(allowed)}{nearest(str(found), allowed)}",
        )
        return None

    def statuses(self, value: Mapping[str, Any], where: list[str | int]) -> frozenset[int]:
        found: list[frozenset[int]] = []
        for item in self.words(value, "status", where):
            meant = _statuses(item)
            if not meant:
                self.problem([*where, "status"], f"{self.label}status: {item!r} is neither a number, 400-499 nor 4xx")
            found.append(meant)
        return found[0] if len(found) == 1 else frozenset().union(*found)


@cache
def _statuses(item: str) -> frozenset[int]:
    """What `429`, `400-499` or `4xx` means; nothing where it means none."""
    said = _STATUS.fullmatch(item)
    low, high = (said["low"], said["high"] or said["low"]) if said else ("", "")
    if not low or low > high:
        return frozenset()
    return frozenset(range(int(low.replace("x", "0")), int(high.replace("x", "9")) + 1))


def nearest(word: str, known: Iterable[str]) -> str:
    """`, did you mean "class"?` where a known word is near."""
    close = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f', did you mean "{close[0]}"?' if close else ""
