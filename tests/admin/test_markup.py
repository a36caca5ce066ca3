from __future__ import annotations

import pytest

from proxy.admin.markup import moment, seconds, table


@pytest.mark.parametrize(
    ("value", "words"),
    [(0.0005, "0.5 ms"), (0.25, "250 ms"), (1, "1 s"), (61, "61 s"), (150, "2.5 min"), (10_800, "3 h")],
)
def test_a_length_of_time_has_the_unit_that_a_person_would_choose(value: float, words: str) -> None:
    assert seconds(value) == words


def test_a_moment_is_short_for_people_and_whole_for_machines() -> None:
    assert moment("2026-03-01T10:20:30.123Z", "2026-03-01T23:00:00.000Z") == (
        '<time datetime="2026-03-01T10:20:30.123Z" title="2026-03-01T10:20:30.123Z">10:20:30</time>'
    )


def test_a_moment_of_another_day_has_its_date() -> None:
    assert ">2026-02-28 23:59:59</time>" in moment("2026-02-28T23:59:59.123Z", "2026-03-01T00:00:01.000Z")


def test_a_table_has_a_caption_and_heads() -> None:
    drawn = table("What it is", ("Name", "#Count"), ['<th scope="row">a</th><td>1</td>'])
    assert "<caption>What it is</caption>" in drawn
    assert '<th scope="col" class="number">Count</th>' in drawn
