"""A request's bytes become a `History`, or None where they hold none. What is wrong with it is left to `faults`."""

from __future__ import annotations

import json
from typing import Any, assert_never

import orjson

from proxy.dialects.anthropic import history as anthropic
from proxy.dialects.gemini import history as gemini
from proxy.dialects.openai_chat import history as openai_chat
from proxy.dialects.responses import history as responses
from proxy.model import Dialect
from proxy.session.turn import History


def parse(body: bytes) -> Any:
    """The request's JSON, or None where it is not JSON; never raises."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        pass
    # A lone half of a surrogate pair ("\\ud83d", an emoji cut in two) is what other JSON libraries send and take.
    if b"\\ud" not in body and b"\\uD" not in body:
        return None
    try:
        return json.loads(body.decode())
    except (ValueError, RecursionError):
        return None


def read(dialect: Dialect, body: bytes) -> History | None:
    """The history in a request of this dialect, or None."""
    return read_document(dialect, parse(body))


def read_document(dialect: Dialect, document: object) -> History | None:
    """The history in an already parsed request of this dialect, or None."""
    if not isinstance(document, dict):
        return None
    match dialect:
        case Dialect.OPENAI_CHAT:
            return openai_chat.read(document)
        case Dialect.RESPONSES:
            return responses.read(document)
        case Dialect.ANTHROPIC:
            return anthropic.read(document)
        case Dialect.GEMINI:
            return gemini.read(document)
        case _:
            assert_never(dialect)
