"""How a line looks: logfmt or JSON, on stdlib logging, with nothing in it that could break or betray.

Own records carry their facts in `extra={"facts": {...}}`. Of a foreign library's record only the unfilled first line
of its message is shown, of any exception only the types and where it passed: arguments, reprs and texts of foreign
objects hold request headers and URLs (repr(aiohttp.ClientResponseError) does). What is told, and at which level, is
up to `reporter.py`.
"""

from __future__ import annotations

import json
import logging
import re
import sys
import time
import traceback
from collections.abc import Mapping
from functools import lru_cache
from typing import Final, TextIO

from proxy.report import sentry

LOGGER: Final = "llm_triage"
log: Final = logging.getLogger(LOGGER)

_MAX_CHAIN: Final = 5  # chains of exceptions can be cyclic
_JSON: Final = json.JSONEncoder(default=str)
_PLAIN: Final = re.compile(r"[!#-<>-~]+", re.ASCII)  # printable, without space, quote and equals sign


def configure(*, level: str, style: str, stream: TextIO | None = None) -> None:
    """Send every record of this process to one stream; `level` is ours, foreign libraries speak from warning on."""
    handler = _Handler(stream or sys.stderr)
    handler.setFormatter(JsonFormatter() if style == "json" else TextFormatter())
    root = logging.getLogger()
    for old in [h for h in root.handlers if isinstance(h, _Handler)]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(logging.WARNING)
    log.setLevel(level.upper())
    sentry.attach(log)


class _Handler(logging.StreamHandler[TextIO]):
    """A handler that never prints a record that it failed on: the default shows its arguments."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the name is stdlib's
        pass


class TextFormatter(logging.Formatter):
    """One line for people and grep: `2026-01-31T12:00:00.123Z WARNING call failed class=timeout upstream=openai`."""

    def format(self, record: logging.LogRecord) -> str:
        line = [_time(record), record.levelname, _escape(_message(record))]
        is_plain = _PLAIN.fullmatch
        for name, value in _facts(record).items():
            line.append(f"{name}={value if type(value) is str and is_plain(value) else _text(value)}")
        return " ".join(line)


class JsonFormatter(logging.Formatter):
    """One object a line."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "event": _message(record),
            **_facts(record),
        }
        return _dump(line)


def _is_ours(record: logging.LogRecord) -> bool:
    return record.name == LOGGER or record.name.startswith(f"{LOGGER}.")


def _message(record: logging.LogRecord) -> str:
    if _is_ours(record):
        return record.getMessage()
    # asyncio fills its messages itself, with reprs from the second line on:
    # https://github.com/python/cpython/blob/3.11/Lib/asyncio/base_events.py (default_exception_handler)
    return str(record.msg).partition("\n")[0] if isinstance(record.msg, str) else type(record.msg).__name__


def _facts(record: logging.LogRecord) -> Mapping[str, object]:
    facts: dict[str, object] = {}
    if _is_ours(record):
        facts.update(getattr(record, "facts", {}))
    else:
        facts["logger"] = record.name
    if record.exc_info and record.exc_info[1] is not None:
        facts["exception"] = _exception(record.exc_info[1])
    return facts


def _exception(exception: BaseException) -> str:
    """The types along the chain, and the frames of the outermost."""
    types: list[str] = []
    link = exception
    while len(types) < _MAX_CHAIN:
        types.append(type(link).__qualname__)
        cause = link.__cause__ or link.__context__
        if cause is None:
            break
        link = cause
    frames = traceback.extract_tb(exception.__traceback__)[-8:]
    places = " > ".join(f"{frame.filename.rpartition('/')[2]}:{frame.lineno}:{frame.name}" for frame in frames)
    return f"{' from '.join(types)} at {places}" if places else " from ".join(types)


def _time(record: logging.LogRecord) -> str:
    return f"{_second(int(record.created))}.{int(record.msecs):03d}Z"


@lru_cache(maxsize=2)
def _second(epoch: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(epoch))


def _text(value: object) -> str:
    if isinstance(value, str):
        return value if _PLAIN.fullmatch(value) else _quoted(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:.6g}"
    text = str(value)
    return text if _PLAIN.fullmatch(text) else _quoted(text)


@lru_cache(maxsize=512)
def _quoted(text: str) -> str:
    """Mostly advice, which repeats."""
    return _dump(text)


@lru_cache(maxsize=64)
def _escape(text: str) -> str:
    return _dump(text)[1:-1].replace('\\"', '"')


def _dump(value: object) -> str:
    """JSON in ASCII: control, bidirectional and surrogate characters arrive as escapes, not at a terminal."""
    return _JSON.encode(value).replace("\x7f", "\\u007f")
