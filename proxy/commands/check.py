"""`llm-triage check`: every mistake in a configuration and its rule files at once, without starting anything.

Mistakes go to standard output, one a line as FILE:LINE: key: what is wrong, what is allowed. The exit code is 0 where
there is none, 2 where there are, and 1 where --connect found an upstream that cannot be reached.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from proxy.config import Config, ConfigError, file_of, load, warnings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", type=Path, metavar="FILE", help="configuration file (LLM_TRIAGE_CONFIG)")
    parser.add_argument("--schema", action="store_true", help="print the file's JSON Schema, for editors, and end")
    parser.add_argument("--connect", action="store_true", help="try a connection to each upstream; nothing is sent")


def run(args: argparse.Namespace) -> int:
    if args.schema:
        from proxy.config.schema import json_schema  # noqa: PLC0415  # seldom asked for

        print(json.dumps(json_schema(), indent=2))
        return 0
    path = file_of(args.config, os.environ)
    if path is None and not os.environ.get("LLM_TRIAGE_UPSTREAM"):
        print("llm-triage check: needs --config FILE", file=sys.stderr)
        return 2
    config: Config | None = None
    doubtful: list[str] = []
    try:
        config = load(path, env=os.environ)
        problems, doubtful = examined_rules(config.rules)
    except ConfigError as error:
        problems = [*error.problems, *examined_rules(error.rules)[0]]
    if config is None or problems:
        print("\n".join(problems))
        print(f"{len(problems)} problem{'s' * (len(problems) != 1)}", file=sys.stderr)
        return 2
    for warning in warnings(config):
        print(f"{path or 'llm-triage'}: warning: {warning}")
    for told in doubtful:
        place, _, rest = told.partition(": ")
        print(f"{place}: warning: {rest}")
    print(f"{path or 'llm-triage'}: good, {len(config.upstreams)} upstream{'s' * (len(config.upstreams) != 1)}")
    return connect(config) if args.connect else 0


def examined_rules(extra: Sequence[Path]) -> tuple[list[str], list[str]]:
    """What is wrong with the user's rule files and their cases (`cases/own.yaml` beside `own.yaml`), and what may be meant so."""
    from proxy.classifier import RulesError, load_rules  # noqa: PLC0415  # not for --schema
    from proxy.classifier.hygiene.cases import read_cases  # noqa: PLC0415
    from proxy.classifier.hygiene.check import examined  # noqa: PLC0415

    try:
        rules = load_rules(extra)
    except RulesError as error:
        return list(error.problems), []
    if not extra:
        return [], []
    files = [file for path in extra if (file := path.parent / "cases" / path.name).is_file()]
    unread: list[str] = []
    wrong, doubtful = examined(rules, read_cases(files, unread), [str(path) for path in extra])
    return [*unread, *wrong], doubtful


def connect(config: Config) -> int:
    """Says of each upstream whether a connection, TLS included, comes about."""
    from proxy.commands.connect import probe_all  # noqa: PLC0415  # asyncio and TLS are not needed without it

    results = probe_all(config.upstreams)
    for upstream, failure in zip(config.upstreams, results, strict=True):
        print(f"upstream {upstream.name}: {'connected' if failure is None else failure}")
    return 1 if any(results) else 0
