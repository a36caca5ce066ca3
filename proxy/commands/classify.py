"""Say what a provider's answer means: class, reason, what to do, whose fault, what about the session, and why.

Reads one answer (a body, or what `curl -i` prints) from FILE or standard input; with --jsonl one JSON object a line.
"""

from __future__ import annotations

import argparse
import json
import sys
import textwrap
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, Final, TextIO

from proxy.classifier import Rules, RulesError, load_rules
from proxy.classifier.api import NotAnAnswerError, answer_of, identity_of, verdict_dict
from proxy.classifier.engine import classify
from proxy.classifier.explain import Explanation, explain
from proxy.classifier.export import exported
from proxy.classifier.recorded import recorded
from proxy.model import Action, Scope, Verdict

_ACTIONS: Final = {
    Action.KEEP: "keep it: nothing is wrong with the session",
    Action.RESET: "reset: drop the cached agent or connection, rebuild it from the stored history",
    Action.ROLLBACK: "rollback: remove the failed turn from the stored history",
    Action.REPAIR: "repair: the stored history is out of order, mend it",
    Action.COMPACT: "compact: shorten the stored history",
    Action.NEW_SESSION: "new session: forget the server-side id, send the full history",
}
_SCOPES: Final = {
    Scope.REQUEST: "this request",
    Scope.SESSION: "this session",
    Scope.MODEL: "this model, for everybody or for this account",
    Scope.CREDENTIAL: "this credential: key, account or organisation",
    Scope.PROVIDER: "the provider",
    Scope.PROXY: "the proxy",
}
_WIDTH: Final = 100


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", nargs="?", default="-", metavar="FILE", help="the answer; - or nothing: standard input")
    parser.add_argument("--provider", default="", metavar="P", help="who answered, as rule files name it")
    parser.add_argument("--status", type=int, metavar="N", help="the HTTP status, where the input has none")
    parser.add_argument(
        "--header", action="append", default=[], metavar="'K: V'", help="a header of the answer; repeatable"
    )
    parser.add_argument(
        "--explain", action="store_true", help="show the evidence, the rules considered and why the winner won"
    )
    parser.add_argument("--jsonl", action="store_true", help="one answer a line in, one verdict a line out")
    parser.add_argument(
        "--rules",
        action="append",
        default=[],
        type=Path,
        metavar="FILE",
        help="more rules, read before the built-in ones",
    )
    parser.add_argument("--export-rules", action="store_true", help="print all rules as one JSON document and end")


def run(args: argparse.Namespace) -> int:
    try:
        rules = load_rules(args.rules)
    except RulesError as error:
        for problem in error.problems:
            print(problem, file=sys.stderr)
        return 2
    if args.export_rules:
        print(json.dumps(exported(rules), ensure_ascii=False, indent=1))
        return 0
    if args.status is not None and not 100 <= args.status <= 999:
        print("llm-triage classify: --status: expected a number from 100 to 999", file=sys.stderr)
        return 2
    headers = [_header(text) for text in args.header]
    if None in headers:
        print("llm-triage classify: --header: expected 'Name: value'", file=sys.stderr)
        return 2
    try:
        source: BinaryIO = sys.stdin.buffer if args.file == "-" else Path(args.file).open("rb")  # noqa: SIM115 - closed below
    except OSError as error:
        print(f"llm-triage classify: {args.file}: {error.strerror}", file=sys.stderr)
        return 2
    with source:
        if args.jsonl:
            return _lines(source, rules, sys.stdout, explained=args.explain)
        raw = source.read()
    answer = recorded(raw, status=args.status, headers=[one for one in headers if one], provider=args.provider)
    told = explain(answer, rules)
    sys.stdout.write(_shown(page(told, explained=args.explain), sys.stdout.encoding or "utf-8"))
    if args.provider and rules.provider(args.provider) is None:
        print(f"llm-triage classify: no rule file knows the provider {args.provider!r}", file=sys.stderr)
    if told.verdict is None and args.status is None and not raw.startswith(b"HTTP/"):
        print(
            "llm-triage classify: no status was given, so it was read as a 200; --status N says which", file=sys.stderr
        )
    return 0


def _header(text: str) -> tuple[str, str] | None:
    name, colon, value = text.partition(":")
    return (name.strip(), value.strip()) if colon and name.strip() else None


def _shown(text: str, encoding: str) -> str:
    """A page that can be printed: what a provider wrote must not steer the terminal, nor end in an error of its encoding."""
    seen = "".join(
        char if char.isprintable() or char == "\n" else char.encode("unicode_escape").decode("ascii") for char in text
    )
    return seen.encode(encoding, "backslashreplace").decode(encoding)


def _lines(source: Iterable[bytes], rules: Rules, out: TextIO, *, explained: bool) -> int:
    """Every line in gives a line out, in order; 1 where one was no answer."""
    code = 0
    for line in source:
        if not line.strip():
            continue
        result = _line(line, rules, explained=explained)
        if "invalid" in result:
            code = 1
        out.write(json.dumps(result) + "\n")
    return code


def _line(line: bytes, rules: Rules, *, explained: bool) -> dict[str, Any]:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return {"invalid": "the line is no JSON"}
    identity = None
    try:
        identity = identity_of(value)
        answer = answer_of(value)
    except NotAnAnswerError as error:
        return {**({"id": identity} if identity is not None else {}), "invalid": str(error)}
    # No clock: when a recorded answer was received is not known, so only its own Date can turn an instant into a wait.
    if not explained:
        return verdict_dict(classify(answer, rules), identity)
    told = explain(answer, rules)
    return {**verdict_dict(told.verdict, identity), "explanation": told.as_dict()}


def page(told: Explanation, *, explained: bool) -> str:
    """The verdict for a person."""
    verdict = told.verdict
    lines = ["good answer: no error in it"] if verdict is None else list(_verdict(verdict))
    if explained:
        lines += ["", "evidence", *_wrapped(told.evidence)]
        if told.considered:
            lines += ["", "rules considered"]
            for one in told.considered:
                lines += _wrapped([f"{one.rule} -> {one.cls}, {one.reason}: {one.by} ({one.tier})"])
                if one.source:
                    lines.append(f"      {one.source}")
    lines += ["", "why", *_wrapped(told.why)]
    return "\n".join(lines) + "\n"


def _verdict(verdict: Verdict) -> Iterator[str]:
    yield f"{verdict.cls}: {verdict.reason}"
    yield ""
    yield f"  what to do  {verdict.advice}"
    if not verdict.can_retry:
        yield "  retry       no: the same call fails again"
    elif verdict.wait:
        yield f"  retry       yes, after {verdict.wait.seconds:g} s, as the provider says"
    else:
        yield "  retry       yes, with back-off"
    yield f"  who fails   {_SCOPES[verdict.scope]}"
    yield f"  session     {_ACTIONS[verdict.action]}"
    if verdict.forget:
        yield f"  forget      {verdict.forget}"
    yield f"  rule        {verdict.rule} (confidence: {verdict.confidence})"


def _wrapped(lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        yield from textwrap.wrap(line, _WIDTH, initial_indent="  - ", subsequent_indent="    ", break_long_words=False)
