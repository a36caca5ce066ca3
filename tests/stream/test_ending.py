"""The comment behind an error."""

from __future__ import annotations

import dataclasses

import pytest

from proxy.model import Action
from proxy.stream.ending import comment
from tests.stream.test_watch_broken import COMMENT, PROBLEM


def test_one_line():
    assert comment(PROBLEM) == COMMENT
    assert comment(PROBLEM).count(b"\n") == 1


def test_it_says_what_the_tags_say():
    of = dataclasses.replace(PROBLEM, retry=False, action=Action.NEW_SESSION)
    assert comment(of, b"\r") == b": llm-error class=network reason=truncated_stream retry=false session=new_session\r"


@pytest.mark.parametrize("reason", ["stream_idle", "überlastet"])
def test_ascii_only(reason):
    of = dataclasses.replace(PROBLEM, verdict=dataclasses.replace(PROBLEM.verdict, reason=reason))
    assert comment(of).isascii()
