"""What came back of a call, as it is shown."""

from __future__ import annotations

import pytest

from proxy.demo.row import Row, heading, shown

TAGS = {
    "x-llm-error-class": "rate_limited",
    "x-llm-error-reason": "requests_per_minute",
    "x-llm-session-action": "reset",
    "x-llm-error-advice": "Wait.",
    "x-should-retry": "true",
    "retry-after": "7",
}


def test_a_failure_is_told_by_its_tags():
    row = Row.of("m", 429, TAGS)
    assert row == Row("m", 429, "rate_limited", "requests_per_minute", "reset", "in 7 s", "Wait.")


@pytest.mark.parametrize(
    ("headers", "retry"),
    [({}, ""), ({"x-should-retry": "false", "retry-after": "90"}, "no"), ({"x-should-retry": "true"}, "yes")],
)
def test_whether_to_retry(headers, retry):
    assert Row.of("m", 500, headers).retry == retry


def test_a_good_answer_is_ok():
    assert shown(Row.of("m", 200, {}), coloured=False).split() == ["m", "200", "ok", "0"]


def test_an_error_event_of_the_proxys_tells_class_and_session():
    row = Row.of("m", 200, {}).broken({"class": "network", "reason": "truncated_stream", "session": "reset"}, "Cut.")
    assert (row.cls, row.reason, row.action, row.advice) == ("network", "truncated_stream", "reset", "Cut.")


def test_an_error_event_of_the_providers_has_its_code_only():
    assert Row.of("m", 200, {}).broken({"code": "server_is_overloaded"}, "Busy.").reason == "server_is_overloaded"


@pytest.mark.parametrize("problem", [None, "text", [1]])
def test_an_error_event_of_any_form_is_shown(problem):
    assert "Cut." in shown(Row.of("m", 200, {}).broken(problem, "Cut."), coloured=False)


def test_what_the_head_told_stands_though_the_stream_raises():
    row = Row.of("m", 200, TAGS)
    assert row.broken({}, "") == row


def test_columns_stand_below_each_other_and_advice_on_a_line_of_its_own():
    first, second = shown(Row.of("m", 429, TAGS), coloured=False).splitlines()
    assert first.index("rate_limited") == heading(coloured=False).index("class")
    assert second.strip() == "Wait."


def test_colours_are_asked_for():
    row = Row.of("m", 429, TAGS)
    assert "\033" not in shown(row, coloured=False) + heading(coloured=False)
    assert "\033" in shown(row, coloured=True)
