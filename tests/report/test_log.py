from __future__ import annotations

import asyncio
import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.report.log import JsonFormatter, TextFormatter, configure, log

SECRET = "sk-verysecret"


class BetrayerError(Exception):
    """A foreign exception whose text and repr hold what must not be shown."""

    def __init__(self) -> None:
        super().__init__(SECRET)


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """Where the configured handler writes; logging is as it was afterwards."""
    root = logging.getLogger()
    handlers, root_level, level = list(root.handlers), root.level, log.level
    yield io.StringIO()
    root.handlers[:] = handlers
    root.setLevel(root_level)
    log.setLevel(level)


def record(message: str, name: str = "llm_triage", **facts: object) -> logging.LogRecord:
    made = logging.LogRecord(name, logging.WARNING, __file__, 1, message, None, None)
    made.facts = facts
    return made


def test_a_text_line_has_time_level_event_and_facts(stream: io.StringIO) -> None:
    configure(level="info", style="text", stream=stream)
    facts = {"class": "timeout", "wait_s": 1.5, "open": True, "advice": "Try again."}
    log.warning("call failed", extra={"facts": facts})
    time, rest = stream.getvalue().split(" ", 1)
    assert time.endswith("Z")
    assert len(time) == len("2026-01-31T12:00:00.123Z")
    assert rest == 'WARNING call failed class=timeout wait_s=1.5 open=true advice="Try again."\n'


def test_a_json_line_is_one_object_with_the_same(stream: io.StringIO) -> None:
    configure(level="info", style="json", stream=stream)
    log.warning("call failed", extra={"facts": {"class": "timeout", "wait_s": 1.5}})
    line = json.loads(stream.getvalue())
    assert line.pop("time").endswith("Z")
    assert line == {"level": "warning", "event": "call failed", "class": "timeout", "wait_s": 1.5}


def test_configuring_again_replaces_and_does_not_double(stream: io.StringIO) -> None:
    configure(level="debug", style="text", stream=io.StringIO())
    configure(level="warning", style="text", stream=stream)
    log.info("quiet")
    log.warning("loud")
    assert stream.getvalue().count("\n") == 1


@pytest.mark.parametrize("formatter", [TextFormatter(), JsonFormatter()])
@given(st.text(), st.text())
def test_whatever_a_fact_holds_it_is_one_printable_line(formatter: logging.Formatter, message: str, value: str) -> None:
    line = formatter.format(record(message.replace("%", ""), path=value))
    assert line.isascii()
    assert line.isprintable()


def test_a_fact_cannot_forge_another(stream: io.StringIO) -> None:
    configure(level="info", style="text", stream=stream)
    log.warning("call failed", extra={"facts": {"path": '/x class=ok\n2026 ERROR "outage\x1b[2J\x7f\u202e'}})
    line = stream.getvalue()
    assert line.endswith('path="/x class=ok\\n2026 ERROR \\"outage\\u001b[2J\\u007f\\u202e"\n')


@pytest.mark.parametrize("style", ["text", "json"])
def test_of_an_exception_only_types_and_places_are_shown(style: str, stream: io.StringIO) -> None:
    configure(level="info", style=style, stream=stream)

    def fail() -> None:
        try:
            raise BetrayerError
        except BetrayerError as cause:
            raise RuntimeError(SECRET) from cause

    try:
        fail()
    except RuntimeError:
        log.exception("request failed")
    line = stream.getvalue()
    assert SECRET not in line
    assert "RuntimeError from BetrayerError at test_log.py:" in line
    assert ":fail" in line
    assert line.count("\n") == 1


def test_a_cycle_of_causes_ends(stream: io.StringIO) -> None:
    configure(level="info", style="text", stream=stream)
    first, second = ValueError(), KeyError()
    first.__cause__, second.__cause__ = second, first
    log.error("request failed", exc_info=first)
    assert "ValueError from KeyError from ValueError" in stream.getvalue()


@pytest.mark.parametrize("style", ["text", "json"])
def test_a_foreign_librarys_arguments_are_not_shown(style: str, stream: io.StringIO) -> None:
    configure(level="info", style=style, stream=stream)
    logging.getLogger("aiohttp.server").error("Error handling request from %s", SECRET, exc_info=BetrayerError())
    line = stream.getvalue()
    assert SECRET not in line
    assert "Error handling request from %s" in line
    assert "aiohttp.server" in line
    assert "BetrayerError" in line


async def test_what_asyncio_says_of_a_lost_exception_holds_no_repr(stream: io.StringIO) -> None:
    configure(level="info", style="text", stream=stream)
    context: dict[str, Any] = {
        "message": "Task exception was never retrieved",
        "exception": BetrayerError(),
        "future": asyncio.get_running_loop().create_future(),
        "client": SECRET,
    }
    asyncio.get_running_loop().default_exception_handler(context)
    line = stream.getvalue()
    assert "Task exception was never retrieved" in line
    assert "BetrayerError" in line
    assert SECRET not in line


def test_a_foreign_message_that_is_an_object_is_only_named(stream: io.StringIO) -> None:
    configure(level="info", style="text", stream=stream)
    logging.getLogger("elsewhere").error(BetrayerError())
    assert "ERROR BetrayerError logger=elsewhere" in stream.getvalue()
    assert SECRET not in stream.getvalue()


def test_foreign_libraries_speak_from_warning_on(stream: io.StringIO) -> None:
    configure(level="debug", style="text", stream=stream)
    logging.getLogger("aiohttp_retry").debug("Attempt %s", 1)
    log.debug("ours")
    assert stream.getvalue().count("\n") == 1


def test_a_record_that_cannot_be_written_is_not_shown_elsewhere(
    stream: io.StringIO, capsys: pytest.CaptureFixture[str]
) -> None:
    configure(level="info", style="text", stream=stream)
    stream.close()
    log.error("call failed", extra={"facts": {"key": SECRET}})
    captured = capsys.readouterr()
    assert captured.out + captured.err == ""
