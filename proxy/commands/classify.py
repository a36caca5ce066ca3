"""Say what a provider's answer means: class, reason, what to do, whose fault, what about the session, and why.

Reads one answer (a body, or what `curl -i` prints) from FILE or standard input; with --jsonl one JSON object a line, whose
verdict is printed at once. --status, --provider and --header then hold for lines that do not say their own.
"""

from __future__ import annotations

import argparse
import contextlib
import errno
import io
import json
import os
import sys
from pathlib import Path
from typing import Any, Final, TextIO, cast

from proxy.classifier import Rules, RulesError, load_rules
from proxy.classifier.api import Defaults, NotAnAnswerError, classify_json, identity_of
from proxy.classifier.explain import explain
from proxy.classifier.export import exported
from proxy.classifier.recorded import begins_with_a_status, plain, recorded
from proxy.commands.lines import batches
from proxy.commands.page import page, shown

# The classifier reads less of a body; before it may stand heads, interim answers and redirects.
_ANSWER_BYTES: Final = 1 << 20
_LINE_BYTES: Final = 8 << 20
_END_OF_INPUT: Final = "Ctrl-Z and Enter" if os.name == "nt" else "Ctrl-D"


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
        return _misused("--status: expected a number from 100 to 999")
    headers = [_header(text) for text in args.header]
    if None in headers:
        return _misused("--header: expected 'Name: value'")
    if args.provider and rules.provider(args.provider) is None:
        _say(f"no rule file knows the provider {args.provider!r}")
    known = Defaults(status=args.status, provider=args.provider, headers=tuple(one for one in headers if one))
    try:
        source = _standard_input() if args.file == "-" else Path(args.file).open("rb")  # noqa: SIM115 - closed below
    except OSError as error:
        return _misused(f"{args.file}: {error.strerror}")
    with source:
        if source.isatty():
            expected = "answers, a JSON object a line," if args.jsonl else "an answer"
            _say(f"reads {expected} from standard input; {_END_OF_INPUT} ends it")
        judge = _lines if args.jsonl else _one
        return judge(source, rules, known, sys.stdout, explained=args.explain)


def _say(text: str) -> None:
    print(f"llm-triage classify: {text}", file=sys.stderr, flush=True)


def _misused(text: str) -> int:
    _say(text)
    return 2


def _header(text: str) -> tuple[str, str] | None:
    name, colon, value = text.partition(":")
    return (name.strip(), value.strip()) if colon and name.strip() else None


def _standard_input() -> io.BufferedReader:
    if sys.stdin is None:  # it was closed: `<&-`
        raise OSError(errno.EBADF, "standard input is closed")
    return cast("io.BufferedReader", sys.stdin.buffer)


def _one(source: io.BufferedReader, rules: Rules, known: Defaults, out: TextIO, *, explained: bool) -> int:
    raw = plain(source.read(_ANSWER_BYTES))
    answer = recorded(raw, status=known.status, headers=known.headers, provider=known.provider)
    told = explain(answer, rules)
    out.write(shown(page(told, rules, explained=explained), out.encoding or "utf-8"))
    if told.verdict is None and known.status is None and not begins_with_a_status(raw):
        _say("no status was given, so it was read as a 200; --status N says which")
    return 0


def _lines(source: io.BufferedReader, rules: Rules, known: Defaults, out: TextIO, *, explained: bool) -> int:
    """Every line in gives a line out, in order and before more is waited for; 1 where one was no answer."""
    code = 0
    for batch in batches(source, _LINE_BYTES):
        for line in batch:
            if line is not None and not line.strip():
                continue
            result = _line(line, rules, known, explained=explained)
            if "invalid" in result:
                code = 1
            out.write(json.dumps(result) + "\n")
        out.flush()
    return code


def _line(line: bytes | None, rules: Rules, known: Defaults, *, explained: bool) -> dict[str, Any]:
    if line is None:
        return {"invalid": f"the line is longer than {_LINE_BYTES >> 20} MiB"}
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return {"invalid": "the line is no JSON"}
    try:
        # No clock: when an answer of a line was received is not known, so only its own Date turns an instant into a wait.
        return classify_json(value, rules, explain=explained, defaults=known)
    except NotAnAnswerError as error:
        identity = None
        with contextlib.suppress(NotAnAnswerError):
            identity = identity_of(value)
        return {**({"id": identity} if identity is not None else {}), "invalid": str(error)}
