"""Which calls may be sent twice."""

from __future__ import annotations

import pytest

from proxy.retry.repeatable import Sent, makes_state, may_repeat

CHAT = b'{"model": "m", "messages": []}'
STATEFUL = b'{"model": "m", "conversation": "conv_1"}'

GENERATION = {"method": "POST", "generates": True}
UPLOAD = {"method": "POST", "generates": False}
NO_ANSWER = {"status": None, "was_connected": True}
REFUSED = {"status": None, "was_connected": False}

CASES = [
    # (what was sent and how far it came, body, resend_after_send, may be repeated)
    (GENERATION | {"status": 503}, CHAT, True, True),
    (GENERATION | {"status": 503}, CHAT, False, True),
    (GENERATION | {"status": 503}, STATEFUL, True, True),
    (GENERATION | {"status": 200}, CHAT, True, True),
    (GENERATION | NO_ANSWER, CHAT, True, True),
    (GENERATION | NO_ANSWER, b"", True, True),
    (GENERATION | NO_ANSWER, CHAT, False, False),
    (GENERATION | NO_ANSWER, STATEFUL, True, False),
    (GENERATION | NO_ANSWER, None, True, False),
    (GENERATION | REFUSED, CHAT, False, True),
    (GENERATION | REFUSED, STATEFUL, False, True),
    (GENERATION | REFUSED, None, False, True),
    ({"method": "GET", "status": 500}, b"", False, True),
    ({"method": "HEAD", "status": 500}, b"", False, True),
    ({"method": "GET"} | NO_ANSWER, b"", False, True),
    ({"method": "GET", "generates": True} | NO_ANSWER, b"", False, True),
    ({"method": "PUT", "generates": True, "status": 500}, CHAT, True, False),
    ({"method": "DELETE", "status": 500}, b"", True, False),
    ({"method": "DELETE", "status": 429, "states_wait": True}, b"", True, True),
    ({"method": "DELETE"} | REFUSED, b"", True, True),
    ({"method": "DELETE"} | NO_ANSWER, b"", True, False),
    (UPLOAD | {"status": 429, "states_wait": True}, CHAT, False, True),
    (UPLOAD | {"status": 503, "states_wait": True}, CHAT, False, True),
    (UPLOAD | {"status": 502, "states_wait": True}, CHAT, True, False),
    (UPLOAD | {"status": 200, "states_wait": True}, CHAT, True, False),
    (UPLOAD | {"status": 429}, CHAT, True, False),
    (UPLOAD | {"status": 503}, CHAT, True, False),
    (UPLOAD | NO_ANSWER, CHAT, True, False),
    (UPLOAD | REFUSED, CHAT, False, True),
]


@pytest.mark.parametrize(("facts", "body", "resend", "expected"), CASES)
def test_may_repeat(facts, body, resend, expected):
    sent = Sent(**({"generates": False, "is_held": True, "was_connected": True} | facts))
    assert may_repeat(sent, body, resend_after_send=resend) is expected


@pytest.mark.parametrize("facts", [case[0] for case in CASES])
@pytest.mark.parametrize("end", [{"is_held": False}, {"has_begun": True}])
def test_nothing_is_repeated_that_was_not_held_or_has_begun(facts, end):
    sent = Sent(**({"generates": False, "is_held": True, "was_connected": True} | facts | end))
    assert may_repeat(sent, CHAT, resend_after_send=True) is False


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"", False),
        (CHAT, False),
        (STATEFUL, True),
        (b'{"conversation": {"id": "conv_1"}}', True),
        (b'{"conversation" : ""}', True),
        (b'{"conversation": null}', False),
        (b'{"background": true}', True),
        (b'{"background": false}', False),
        (b'{"background": null, "conversation": "c"}', True),
        (b'{"input": "say \\"background\\" twice"}', False),
        (b'{"tools": [{"parameters": {"background": true}}]}', False),
        (b'{"input": ["background", "conversation"]}', False),
        (b'["background"]', False),
        (b'{"conversation": "c"', True),
        (b'"conversation"', False),
        (b'\xff"background"', True),
    ],
)
def test_makes_state(body, expected):
    assert makes_state(body) is expected


def test_a_body_without_the_words_is_not_parsed(monkeypatch):
    def parse(_body):
        raise AssertionError("parsed")

    monkeypatch.setattr("proxy.retry.repeatable.orjson.loads", parse)
    assert makes_state(b'{"messages": [{"content": "a background story, a conversation"}]}') is False
