"""A failing request that comes again unchanged is held for a while."""

from __future__ import annotations

from proxy.session.replays import Held, Replays

KEY, OTHER = b"k" * 32, b"o" * 32


def test_more_than_so_many_replays_are_answered_from_the_last_answer() -> None:
    replays: Replays[str] = Replays(replays=3, hold_s=30, ttl_s=3600)
    for number in range(4):  # the first and three replays
        assert replays.held(KEY, b"body", number) is None
        replays.failed(KEY, b"body", f"answer {number}", number)
    assert replays.held(KEY, b"body", 13.0) == Held("answer 3", 10.0)
    assert replays.held(KEY, b"body", 33.0) is None
    replays.failed(KEY, b"body", "later", 33.0)
    assert replays.held(KEY, b"body", 34.0) == Held("later", 1.0)


def test_another_request_or_caller_is_not_held() -> None:
    replays: Replays[str] = Replays(replays=0, hold_s=30, ttl_s=3600)
    replays.failed(KEY, b"body", "no", 0.0)
    assert replays.held(KEY, b"body", 1.0) is not None
    assert replays.held(KEY, b"body ", 1.0) is None
    assert replays.held(OTHER, b"body", 1.0) is None
    assert (replays.concerns(KEY), replays.concerns(OTHER)) == (True, False)


def test_success_or_age_begins_anew() -> None:
    replays: Replays[str] = Replays(replays=1, hold_s=30, ttl_s=100)
    replays.failed(KEY, b"body", "no", 0.0)
    replays.succeeded(KEY, b"body")
    assert not replays.concerns(KEY)
    replays.failed(KEY, b"body", "no", 1.0)
    replays.failed(KEY, b"body", "no", 101.0)
    assert replays.held(KEY, b"body", 102.0) is None


def test_memory_is_bounded() -> None:
    replays: Replays[int] = Replays(replays=0, hold_s=30, ttl_s=3600)
    for number in range(200):
        replays.failed(KEY, b"%d" % number, number, 0.0)
    assert replays.held(KEY, b"0", 1.0) is None
    assert replays.held(KEY, b"199", 1.0) == Held(199, 1.0)
    for number in range(5000):
        replays.failed(b"%d" % number, b"", number, 0.0)
    assert not replays.concerns(KEY)
