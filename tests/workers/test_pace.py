from __future__ import annotations

from proxy.workers.pace import STEADY_S, Pace


def test_one_that_served_for_a_while_is_replaced_at_once() -> None:
    assert Pace().pause_s(STEADY_S) == 0


def test_the_pauses_grow_where_one_after_another_dies_young_and_have_an_end() -> None:
    pace = Pace()
    pauses = [pace.pause_s(0.1) for _ in range(40)]
    assert pauses[:4] == [0.25, 0.5, 1, 2]
    assert pauses == sorted(pauses)
    assert pauses[-1] == 30


def test_a_good_while_is_a_new_beginning() -> None:
    pace = Pace()
    for _ in range(10):
        pace.pause_s(0.1)
    pace.pause_s(STEADY_S + 1)
    assert pace.pause_s(0.1) == 0.25
