"""The four wire dialects. Nothing else in the project knows a dialect's field names.

Each has `error.py` (its error body), `stream.py` (its streams' beginning, errors and end) and `history.py` (the grammar
of its messages). Here is what does not depend on one: which dialect a path speaks, and a failure worded in any of them.
"""

from __future__ import annotations

from typing import assert_never

from proxy.dialects.anthropic import error as anthropic
from proxy.dialects.gemini import error as gemini
from proxy.dialects.openai_chat import error as openai_chat
from proxy.dialects.path import dialect_of
from proxy.dialects.problem import STATUS_OF_CLASS, Problem
from proxy.dialects.responses import error as responses
from proxy.dialects.triage import annotate, triage_member
from proxy.model import Dialect

__all__ = ["STATUS_OF_CLASS", "Problem", "annotate", "dialect_of", "error_body", "triage_member"]


def error_body(dialect: Dialect | None, problem: Problem) -> bytes:
    """The body of an answer that the proxy gives itself; OpenAI's where the dialect is unknown."""
    match dialect:
        case Dialect.OPENAI_CHAT | None:
            return openai_chat.error_body(problem)
        case Dialect.RESPONSES:
            return responses.error_body(problem)
        case Dialect.ANTHROPIC:
            return anthropic.error_body(problem)
        case Dialect.GEMINI:
            return gemini.error_body(problem)
        case _:
            assert_never(dialect)
