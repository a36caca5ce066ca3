"""What a request's headers allow, and how far the proxy then goes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.retry.alone import Alone
from proxy.retry.patience import Patience, automatic_deadline_s, limits_of, patience_of


def test_nothing_stated():
    assert patience_of({}) == Patience()


@pytest.mark.parametrize(
    ("headers", "stated_s"),
    [
        ({"x-stainless-read-timeout": "600"}, 600.0),
        ({"x-stainless-read-timeout": "600.0"}, 600.0),
        ({"x-stainless-read-timeout": " 20 "}, 20.0),
        ({"x-stainless-timeout": "45"}, 45.0),
        ({"x-stainless-read-timeout": "10", "x-stainless-timeout": "45"}, 10.0),
        ({"x-stainless-read-timeout": "never", "x-stainless-timeout": "45"}, 45.0),
        ({"x-stainless-read-timeout": "0", "x-stainless-timeout": "45"}, 45.0),
        ({"x-stainless-timeout": "0"}, None),
        ({"x-stainless-timeout": "-1"}, None),
        ({"x-stainless-timeout": "inf"}, None),
        ({"x-stainless-timeout": "nan"}, None),
        ({"x-stainless-timeout": "1e9"}, None),
        ({"x-stainless-timeout": ""}, None),
        ({"x-stainless-timeout": "9" * 400}, None),
    ],
)
def test_stated_patience(headers, stated_s):
    assert patience_of(headers).stated_s == stated_s


@pytest.mark.parametrize(
    ("text", "count"), [("0", 0), ("2", 2), (" 2 ", 2), ("-1", None), ("two", None), ("", None), ("1.5", None)]
)
def test_retries_that_the_client_has_made(text, count):
    assert patience_of({"x-stainless-retry-count": text}).client_retries == count


def test_only_who_tells_of_its_repeats_is_known_to_make_any():
    told = patience_of({"x-stainless-retry-count": "1"})
    assert limits_of(told, retries=5, deadline_s=None, started_at=0.0).alone == Alone(1)
    assert limits_of(patience_of({}), retries=5, deadline_s=None, started_at=0.0).alone is None


@pytest.mark.parametrize(
    ("text", "most"),
    [("off", 0), ("OFF", 0), (" off ", 0), ("0", 0), ("3", 3), ("-3", None), ("on", None), ("", None), ("1.5", None)],
)
def test_a_call_may_ask_for_fewer_retries(text, most):
    assert patience_of({"x-llm-retry": text}).max_retries == most


@pytest.mark.parametrize(
    ("text", "deadline_s"),
    [
        ("8s", 8.0),
        ("8", 8.0),
        ("1.5s", 1.5),
        ("500ms", 0.5),
        ("2m", 120.0),
        ("1h", 3600.0),
        ("8 S", 8.0),
        ("0s", 0.0),
        ("-8s", None),
        ("8 seconds", None),
        ("soon", None),
        ("", None),
        ("inf", None),
        ("٣s", None),
    ],
)
def test_a_call_may_ask_for_an_earlier_deadline(text, deadline_s):
    assert patience_of({"x-llm-deadline": text}).deadline_s == deadline_s


@pytest.mark.parametrize(
    ("stated_s", "deadline_s"), [(None, 15.0), (600.0, 60.0), (240.0, 60.0), (239.0, 59.75), (20.0, 5.0), (1.0, 0.25)]
)
def test_the_automatic_deadline(stated_s, deadline_s):
    assert automatic_deadline_s(stated_s) == deadline_s


@pytest.mark.parametrize(
    ("patience", "retries", "deadline_s", "expected"),
    [
        (Patience(), 5, None, (5, 115.0)),
        (Patience(stated_s=600), 5, None, (5, 160.0)),
        (Patience(stated_s=600), 5, 10.0, (5, 110.0)),
        (Patience(stated_s=20), 5, 90.0, (5, 190.0)),
        (Patience(client_retries=2), 5, None, (3, 115.0)),
        (Patience(client_retries=9), 5, None, (0, 115.0)),
        (Patience(max_retries=0), 5, None, (0, 115.0)),
        (Patience(max_retries=2), 5, None, (2, 115.0)),
        (Patience(max_retries=50), 5, None, (5, 115.0)),
        (Patience(max_retries=2, client_retries=1), 5, None, (1, 115.0)),
        (Patience(deadline_s=8), 5, None, (5, 108.0)),
        (Patience(deadline_s=900), 5, None, (5, 115.0)),
        (Patience(deadline_s=0), 5, None, (5, 100.0)),
        (Patience(deadline_s=8), 5, 3.0, (5, 103.0)),
    ],
)
def test_limits(patience, retries, deadline_s, expected):
    limits = limits_of(patience, retries=retries, deadline_s=deadline_s, started_at=100.0)
    assert (limits.retries, limits.until) == expected


@given(
    st.dictionaries(
        st.sampled_from(["x-llm-retry", "x-llm-deadline", "x-stainless-retry-count"]),
        st.text(max_size=20) | st.from_regex(r"[0-9]{1,6}(ms|s|m|h)?", fullmatch=True),
    )
)
def test_whatever_a_call_says_loosens_nothing(headers):
    limits = limits_of(patience_of(headers), retries=5, deadline_s=15.0, started_at=0.0)
    assert 0 <= limits.retries <= 5
    assert 0 <= limits.until <= 15.0
