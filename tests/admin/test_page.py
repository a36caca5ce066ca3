from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser
from typing import Any

import pytest

from proxy.admin.page import CONTENT_POLICY, EDITION, document, event
from proxy.report import CallReport, Would

VOID = {"meta", "br", "hr", "img", "input", "link", "rect"}


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

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attributes)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def page(rest: Any, **changes: Any) -> str:
    look = {"draining": False, "quarantine": [], **rest.reporter.snapshot()}
    return document(look | changes)


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
    assert "timeout first_byte" in text
    assert "All upstreams are well." not in text


def test_a_run_of_failures_is_told_before_it_is_an_outage(rest: Any) -> None:
    rest.fails()
    text = Document(page(rest)).text
    assert "failing" in text
    assert "1 of 5" in text


def test_a_verdict_stands_with_its_rule_action_and_explanation(rest: Any) -> None:
    rest.fails(call_id="call-9", client="cred-1")
    text = Document(page(rest)).text
    for told in (
        "POST /v1/chat/completions", "504", "timeout", "proxy.first_byte", "reset", "cred-1", "call-9",
        "Try again.", "a machine-readable field decided", "The same call can succeed later.",
    ):  # fmt: skip
        assert told in text


def test_a_healed_call_has_no_class_and_is_shown_all_the_same(rest: Any) -> None:
    rest.reporter.call_healed(
        CallReport(
            call_id="call-3", upstream="openai", endpoint="chat_completions", method="POST", path="/v1", status=200,
            verdict=None, duration_s=0.25, history="repaired=orphan_tool_call@7",
        )
    )  # fmt: skip
    text = Document(page(rest)).text
    assert "healed" in text
    assert "repaired=orphan_tool_call@7" in text


def test_stopping_is_told_in_a_sentence(rest: Any) -> None:
    assert "Stopping: running calls have time to end" in Document(page(rest, draining=True)).text


@pytest.mark.parametrize(
    ("observed", "watches"),
    [
        ({"openai", "anthropic"}, "Observe mode: the proxy only watches."),
        ({"anthropic"}, "Observe mode: calls to anthropic are only watched."),
    ],
)
def test_observing_is_told_in_a_sentence(rest: Any, observed: set[str], watches: str) -> None:
    rest.observes(observed)
    assert f"{watches} So far it would have changed nothing." in Document(page(rest)).text
    for what in Would:
        rest.reporter.would("openai", what)
    rest.reporter.would("openai", Would.RETRY)
    told = f"{watches} It would have retried a call 2 times, held an answer's head for its first event once,"
    assert told in Document(page(rest)).text
    rest.observes(set())
    assert "Observe mode" not in Document(page(rest)).text


def test_what_happened_yesterday_has_its_date(rest: Any) -> None:
    for _ in range(5):
        rest.fails()
    today: Any = rest.reporter.snapshot()["at"][:10]
    assert Document(page(rest)).text.count(today) == 0
    assert Document(page(rest, at="2999-01-01T00:00:01.000Z")).text.count(today) == 7  # begun, down, five verdicts


def test_a_turn_in_quarantine_is_listed_and_can_be_released(rest: Any) -> None:
    turn = {
        "id": "0123456789abcdef", "client": "web", "upstream": "openai", "class": "bad_request", "reason": "image_unreadable",
        "since": "2026-03-01T10:00:00Z", "until": "2026-03-02T10:00:00Z", "refusals": 3,
    }  # fmt: skip
    shown = Document(page(rest, quarantine=[turn], quarantined_turns=70))
    assert "image_unreadable" in shown.text
    assert "The latest 1 of 70." in shown.text
    assert shown.all("button")[0]["data-release"] == "0123456789abcdef"


def test_turns_that_cannot_be_listed_are_still_counted(rest: Any) -> None:
    assert "7, which are kept where this page cannot list them." in Document(page(rest, quarantined_turns=7)).text


@pytest.mark.parametrize("word", ["<script>alert(1)</script>", '" onmouseover="x', "&lt;b&gt;", "<!-- verdicts -->"])
def test_what_clients_send_is_text_and_never_markup(rest: Any, word: str) -> None:
    rest.fails(path=word, call_id=word, client=word)
    shown = Document(page(rest))
    assert shown.text.count(word) == 3
    assert len(shown.all("script")) == 1
    assert not any("onmouseover" in attributes for _, attributes in shown.elements)


def test_tables_are_readable_by_ear(rest: Any) -> None:
    rest.fails()
    rest.reporter.retrying("openai", rest.reporter.status._seen[0].report.verdict, call_id="a", attempt=1, wait_s=1.0)
    shown = Document(page(rest))
    assert shown.all("html")[0]["lang"] == "en"
    assert len(shown.all("table")) == len(shown.all("caption")) == 3
    assert all(cell.get("scope") in ("col", "row") for cell in shown.all("th"))
    ids = {attributes["id"] for _, attributes in shown.elements if "id" in attributes}
    regions = [region for region in shown.all("div") if region.get("role") == "region"]
    assert regions
    assert all(region["tabindex"] == "0" for region in regions)
    assert all(named["aria-labelledby"] in ids for named in [*regions, *shown.all("section")])
    assert all(drawing["role"] == "img" and drawing["aria-label"] for drawing in shown.all("svg"))
    assert len(shown.all("h1")) == 1


def test_ids_and_keys_stand_once(rest: Any) -> None:
    for number in range(3):
        rest.fails(call_id=f"call-{number}")
    shown = Document(page(rest))
    for name in ("id", "data-key", "data-part"):
        values = [attributes[name] for _, attributes in shown.elements if name in attributes]
        assert values
        assert len(values) == len(set(values))


def test_the_page_loads_nothing_from_elsewhere(rest: Any) -> None:
    text = page(rest)
    assert not re.search(r"\bsrc=|@import|url\(| style=|https?://(?!www\.w3\.org)", text)
    assert all(str(link["href"]).startswith("data:") for link in Document(text).all("link"))


@pytest.mark.parametrize("element", ["style", "script"])
def test_the_policy_allows_this_style_and_script_and_no_other(rest: Any, element: str) -> None:
    found = re.search(f"<{element}>(.*?)</{element}>", page(rest), re.DOTALL)
    assert found is not None
    digest = base64.b64encode(hashlib.sha256(found[1].encode()).digest()).decode()
    assert f"{element}-src 'sha256-{digest}'" in CONTENT_POLICY
    assert "unsafe" not in CONTENT_POLICY


def test_an_event_carries_every_part_that_the_document_has_a_place_for(rest: Any) -> None:
    rest.fails()
    look = {"draining": False, "quarantine": [], **rest.reporter.snapshot()}
    told, whole = event(look), document(look)
    places = {attributes["data-part"] for _, attributes in Document(whole).elements if "data-part" in attributes}
    parts = told["parts"]
    assert isinstance(parts, dict)
    assert set(parts) == places
    assert all(part in whole for part in parts.values())
    assert told["edition"] == EDITION
    assert f'data-edition="{EDITION}"' in whole
