"""`llm-triage demo`: the proxy before a built-in provider that fails on request. The model's name says how.

Without a key and without a network all of it can be tried: with curl, with an official client, with an application of
one's own. --once makes a round of calls with the official openai client, shows what came back, and ends.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib.util
import json
import logging
import os
import shutil
import signal
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from proxy.app import Service, rules_of
from proxy.config import Config, ConfigError, from_values
from proxy.demo.provider import Provider
from proxy.demo.row import heading, shown
from proxy.demo.scenario import SCENARIOS
from proxy.loop import run_loop
from proxy.report import log as logs

if TYPE_CHECKING:
    from proxy.demo.screen import Screen

# So that nobody waits long for what is shown, and every failure is repeated, however many there are.
SETTINGS: Final[Mapping[str, Any]] = {
    "retry": {"max": 2, "base": "200ms", "cap": "400ms", "deadline": "2s", "budget": 1},
    "timeouts": {"first_byte": "1s"},
    "stream": {"idle_timeout": "3s"},
}
PACE_S: Final = 0.05  # between the events of the provider's streams: slow enough to be seen coming
ASKED: Final = ({"role": "user", "content": "Hello"},)
NO_CLIENT: Final = "the tour calls with the official openai client: pip install 'llm-triage[demo]'"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--listen", metavar="HOST:PORT", help="data port (default 127.0.0.1:8080; --once: any)")
    parser.add_argument("--admin", metavar="HOST:PORT", help="admin port (default 127.0.0.1:8081; --once: any)")
    parser.add_argument("--once", action="store_true", help="make a round of calls, show what came back, and end")


def run(args: argparse.Namespace) -> int:
    if args.once and importlib.util.find_spec("openai") is None:
        print(NO_CLIENT, file=sys.stderr)
        return 2
    default = ("127.0.0.1:0", "127.0.0.1:0") if args.once else ("127.0.0.1:8080", "127.0.0.1:8081")
    return run_loop(demo(args.listen or default[0], args.admin or default[1], once=args.once))


async def demo(listen: str, admin: str, *, once: bool) -> int:
    """Runs provider and proxy. Exit code 0, 1 where an address cannot be had, 2 where it is none."""
    provider = Provider(pace_s=PACE_S)
    await provider.start()
    try:
        config = configuration(listen, admin, provider.url)
    except ConfigError as error:
        print("\n".join(error.problems), file=sys.stderr)
        await provider.close()
        return 2
    service = Service(config, rules_of(config))
    try:
        await service.start()
        print(f"llm-triage listens on {service.data_url}, admin on {service.admin_url}\n", flush=True)
        await (show(service, provider) if once else stay(service))
    except OSError as error:
        print(f"cannot listen: {error.strerror or error}; is the address in use?", file=sys.stderr)
        return 1
    finally:
        await service.close()
        await provider.close()
    return 0


def configuration(listen: str, admin: str, upstream: str) -> Config:
    """Raises ConfigError."""
    return from_values({"listen": listen, "admin": admin, "upstreams": [{"name": "demo", "url": upstream}], **SETTINGS})


async def show(service: Service, provider: Provider) -> None:
    """The tour, a row a call, and how to go on."""
    from proxy.demo.tour import tour  # noqa: PLC0415  # needs the openai client, which is an extra

    logging.getLogger(logs.LOGGER).addHandler(logging.NullHandler())  # the table tells the same
    is_terminal = sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
    screen = screen_of() if is_terminal else None
    if screen is not None:
        with screen.shown():
            async for row in tour(service.data_url, provider):
                screen.row(row)
        screen.end()
    else:
        coloured = is_terminal and not os.environ.get("NO_COLOR")
        print(heading(coloured=coloured))
        async for row in tour(service.data_url, provider):
            print(shown(row, coloured=coloured), flush=True)
    print(
        "\nretry: what the client is told to do by itself; calls: what the provider received, the proxy's retries among it."
    )
    print(f"To go on:\n\n  {command()} demo\n")
    print(f"keeps both running; then\n\n{examples('http://127.0.0.1:8080')}\n")
    print(f"For a provider of yours:\n\n  {command()} serve --upstream https://api.openai.com")


def screen_of() -> Screen | None:
    """Rich is an extra: without it the table is plain."""
    try:
        from proxy.demo.screen import Screen  # noqa: PLC0415
    except ImportError:
        return None
    return Screen()


async def stay(service: Service) -> None:
    """Serves until SIGTERM or Ctrl-C."""
    logs.configure(level=service.config.log.level, style=service.config.log.format)
    print(f"{examples(service.data_url)}\n\nModels: good, {', '.join(SCENARIOS)},")
    print("fail-then-good-2 and the like. Status page:", f"{service.admin_url}/status. Ctrl-C ends it.\n", flush=True)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await stop.wait()


def examples(url: str) -> str:
    """Calls to copy, in three dialects."""
    return "\n".join(
        f"  curl {option} {url}{path} -H 'content-type: application/json' \\\n    -d '{json.dumps(body)}'"
        for option, path, body in (
            ("-i", "/v1/chat/completions", {"model": "fail-budget", "messages": ASKED}),
            ("-iN", "/v1/messages", {"model": "fail-midstream", "max_tokens": 9, "stream": True, "messages": ASKED}),
            ("-i", "/v1beta/models/fail-rate-limit:generateContent", {"contents": [{"parts": [{"text": "Hello"}]}]}),
        )
    )


def command() -> str:
    """How this program was called."""
    called = sys.argv[0]
    if os.path.basename(called) != "llm-triage":  # noqa: PTH119
        return f"{os.path.basename(sys.executable)} -m proxy"  # noqa: PTH119
    return "llm-triage" if shutil.which("llm-triage") == called else called
