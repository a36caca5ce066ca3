"""docs/headers.md says what the code writes, reads and drops."""

from __future__ import annotations

import re

import pytest

from proxy.classifier import own_verdict
from proxy.dialects import STATUS_OF_CLASS
from proxy.model import Action
from proxy.retry.patience import patience_of
from proxy.way.credential import CLIENT_KEY
from proxy.way.headers import CLIENT_INFO
from proxy.way.refuse import STATUS
from proxy.way.tag import NAMES
from tests.docs.markdown import ROOT, links, page, quoted, section, table

HEADERS = page("docs/headers.md")


def test_every_tag_is_explained():
    before_streams = HEADERS.partition("## Inside streams")[0]
    told = [name for row in table(before_streams, "header") for name in quoted(row[0])]
    assert sorted(told) == sorted(NAMES)


def test_the_actions_are_those_of_the_code():
    assert [quoted(row[0])[0] for row in table(HEADERS, "action")] == [*Action]


def test_statuses_of_classes_are_those_of_the_code():
    told = {quoted(row[0])[0]: int(row[1]) for row in table(section(HEADERS, "## In bodies"), "class")}
    assert told == STATUS_OF_CLASS


def test_the_proxys_own_answers_are_those_of_the_code():
    told = {}
    for status, cls, reasons in table(HEADERS, "status"):
        for reason in quoted(reasons.partition(" (")[0]):
            told[reason] = (int(status), *quoted(cls))
    assert told == {reason: (status, own_verdict(reason).cls) for reason, status in STATUS.items()}


def test_what_a_caller_may_say_is_read():
    told = {quoted(row[0])[0]: row[1] for row in table(section(HEADERS, "## What a caller may say"), "header")}
    assert set(told) == {"x-llm-retry", "x-llm-deadline", CLIENT_KEY}
    assert patience_of({"x-llm-retry": quoted(told["x-llm-retry"])[0]}).max_retries == 0
    assert [patience_of({"x-llm-deadline": text}).deadline_s for text in quoted(told["x-llm-deadline"])[:2]] == [8, 0.5]


def test_what_tells_about_the_client_is_named_whole():
    told = re.search(r"unless `forward_client: true`,(.*?)\.", section(HEADERS, "## What does not pass"), re.DOTALL)
    assert told
    assert {*quoted(told[1])} == {name.decode() for name in CLIENT_INFO} | {"x-forwarded-*"}


@pytest.mark.parametrize("to", sorted({to.partition("#")[0] for to in links(HEADERS)}))
def test_its_links_lead_somewhere(to):
    assert (ROOT / "docs" / to).exists()
