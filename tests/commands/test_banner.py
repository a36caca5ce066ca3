"""What `serve` says below its first line."""

from __future__ import annotations

from typing import Any

import pytest

from proxy.commands.banner import banner
from proxy.config import from_values

OPENAI = {"name": "openai", "url": "https://api.openai.com"}
CLAUDE = {
    "name": "claude",
    "url": "https://api.anthropic.com/secret-path",
    "prefix": "/anthropic",
    "credential": "sk-1234567890",
}
ADMIN = "http://127.0.0.1:8081"


def told(*upstreams: Any, traces: bool = False, **settings: Any) -> list[str]:
    return banner(from_values({"upstreams": list(upstreams), **settings}), ADMIN, traces=traces)


def test_the_defaults():
    assert told(OPENAI) == [
        "  sends  / to api.openai.com",
        "  on     tags, retries, history hints",
        "  off    mended histories, gate, heartbeats, an end to silent streams, compat",
        "  look   http://127.0.0.1:8081/status, http://127.0.0.1:8081/metrics",
    ]


def test_where_calls_go_without_a_secret():
    sends, *rest = told(OPENAI, CLAUDE)
    assert sends == "  sends  / to api.openai.com, /anthropic to api.anthropic.com with a credential of its own"
    assert not any(secret in "".join([sends, *rest]) for secret in ("sk-1234567890", "secret-path"))


def test_what_is_on_in_places_names_them():
    _, on, off, _ = told(OPENAI, CLAUDE | {"history": "heal", "gate": True, "stream": {"heartbeat": "5s"}})
    assert on == "  on     tags, retries, history hints, mended histories (claude), gate (claude), heartbeats (claude)"
    assert off == "  off    an end to silent streams, compat"


def test_what_changes_answers_is_named():
    _, on, off, _ = told(OPENAI | {"compat": {"budget_status": 402}})
    assert on.endswith(", compat")
    assert "compat" not in off


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"mode": "observe"}, "observe mode (tags, metrics and logs), history hints"),
        ({"workers": 4, "store": "redis://127.0.0.1/0"}, "tags, 4 workers, a shared store, retries, history hints"),
        ({"traces": True}, "tags, traces, retries, history hints"),
        ({"clients": [{"name": "web", "sha256": "0" * 64}]}, "tags, client keys (1), retries, history hints"),
    ],
)
def test_what_holds_for_the_process(settings, words):
    assert told(OPENAI, **settings)[1] == f"  on     {words}"


def test_what_is_only_observed_has_nothing_on_but_tags():
    on = told(OPENAI, CLAUDE | {"mode": "observe"})[1]
    assert on == "  on     tags, observe mode (claude), retries (openai), history hints"
    assert told(OPENAI, mode="observe")[2].startswith("  off    retries, mended histories,")


def test_many_upstreams_stay_one_line():
    many = [{"name": f"u{n}", "url": f"http://h{n}:1", "prefix": f"/p{n}"} for n in range(8)]
    sends, _, _, _ = told(*many)
    assert sends.endswith("/p4 to h4:1 and 3 more")
