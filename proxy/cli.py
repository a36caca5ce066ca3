"""The command line: which command is asked for, and its exit code. Each command is a module of `commands/`.

Only the module that is asked for is imported: `check` and `classify` need no server, and start at once. Exit codes: 0 is
good, 1 problems found, 2 wrong usage or configuration.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Final

from proxy.version import VERSION

COMMANDS: Final[Mapping[str, str]] = {
    "serve": "run the proxy",
    "check": "look for mistakes in a configuration and its rule files",
    "classify": "say what a provider's answer means",
    "demo": "try the proxy before a built-in provider that fails on request",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a command and returns its exit code."""
    words = sys.argv[1:] if argv is None else list(argv)
    asked = words[0] if words and words[0] in COMMANDS else None
    module: Any = importlib.import_module(f"proxy.commands.{asked}") if asked else None
    arguments = _parser(asked, module).parse_args(words)
    try:
        code: int = module.run(arguments)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader has gone (`llm-triage classify … | head`). Python would complain once more when it flushes at exit.
        sys.stdout = None
        return 1
    except KeyboardInterrupt:
        return 130
    return code


def _parser(asked: str | None, module: Any) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="llm-triage",
        description="A transparent proxy in front of LLM providers: every failure says what it is and what to do next.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"llm-triage {VERSION}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name, summary in COMMANDS.items():
        command = commands.add_parser(name, help=summary, description=module.__doc__ if name == asked else None,
                                      formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)  # fmt: skip
        if name == asked:
            module.add_arguments(command)
    return parser
