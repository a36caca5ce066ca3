from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser
from typing import Any

import pytest

from proxy.admin.page import CONTENT_POLICY, render
from proxy.report import Would

VOID = {"meta", "br", "hr", "img", "input", "link"}


class Document(HTMLParser):
    """Holds that every element is closed in order, and what of it a screen reader needs."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def page(rest: Any, *, is_draining: bool = False) -> str:
    return render(rest.reporter.snapshot(), is_draining=is_draining)


def test_a_quiet_page_says_that_all_is_well(rest: Any) -> None:
    text = Document(page(rest)).text
    assert "All upstreams are well." in text
    assert "No failure so far." in text
    assert "Observe mode" not in text


def test_an_outage_is_told_first_with_since_when_and_why(rest: Any) -> None:
    for _ in range(5):
        rest.fails()
    text = Document(page(rest)).text
    assert "Down: openai." in text
    assert "5/5" in text
    assert "first_byte" in text


def test_a_verdict_stands_with_its_rule_and_action(rest: Any) -> None:
    rest.fails(call_id="call-9", client="cred-1")
    text = Document(page(rest)).text
    for told in ("POST /v1/chat/completions", "504", "timeout", "proxy.first_byte", "reset", "cred-1", "call-9"):
        assert told in text


def test_draining_and_observing_are_told_in_a_sentence(rest: Any) -> None:
    rest.reporter.would("openai", Would.WRITE_EVENT)
    text = Document(page(rest, is_draining=True)).text
    assert "Draining: no new calls are taken." in text
    assert "It would have: write event 1 times." in text


@pytest.mark.parametrize("word", ["<script>alert(1)</script>", '" onmouseover="x', "&lt;b&gt;"])
def test_what_clients_send_is_text_and_never_markup(rest: Any, word: str) -> None:
    rest.fails(path=word, call_id=word, client=word)
    document = Document(page(rest))
    assert document.text.count(word) == 3
    assert document.all("script") == []


def test_tables_are_readable_by_ear(rest: Any) -> None:
    rest.fails()
    document = Document(page(rest))
    assert document.all("html")[0]["lang"] == "en"
    assert len(document.all("table")) == len(document.all("caption")) >= 3
    assert all(cell.get("scope") in ("col", "row") for cell in document.all("th"))
    regions = [region for region in document.all("div") if region.get("role") == "region"]
    assert all(region["tabindex"] == "0" and region["aria-label"] for region in regions)
    assert len(document.all("h1")) == 1


def test_the_page_loads_nothing_and_its_style_is_the_one_that_the_policy_allows(rest: Any) -> None:
    text = page(rest)
    assert not re.search(r"\bsrc=|@import|url\(|<link|style=", text)
    style = re.search(r"<style>(.*?)</style>", text, re.DOTALL)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in CONTENT_POLICY
