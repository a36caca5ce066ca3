from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from proxy.admin.chart import chart
from proxy.model import Class

MINUTE = st.fixed_dictionaries(
    {
        "minutes_ago": st.integers(0, 59),
        "by_class": st.dictionaries(st.sampled_from([str(cls) for cls in Class]), st.integers(1, 10**6), min_size=1),
    }
)


def test_the_hour_reads_from_left_to_right_and_bars_stand_on_each_other() -> None:
    drawn = chart(
        [{"minutes_ago": 59, "by_class": {"timeout": 8}}, {"minutes_ago": 0, "by_class": {"auth": 4, "network": 2}}], 14
    )
    assert '<rect class="timeout" x="1" y="0.0" width="8" height="100.0"/>' in drawn
    assert '<rect class="auth" x="591" y="50.0" width="8" height="50.0"/>' in drawn
    assert '<rect class="network" x="591" y="25.0" width="8" height="25.0"/>' in drawn
    assert "this minute: 4 auth, 2 network" in drawn
    assert "14 in the last hour, at most 8 in one minute" in drawn


def test_one_failure_is_a_small_bar() -> None:
    assert 'height="25.0"' in chart([{"minutes_ago": 3, "by_class": {"auth": 1}}], 1)


def test_a_quiet_hour_says_so() -> None:
    assert 'aria-label="No failure in the last hour."' in chart([], 0)


@given(st.lists(MINUTE, max_size=5))
def test_no_bar_leaves_the_drawing(minutes: list[dict[str, object]]) -> None:
    for x, y, height in re.findall(r'x="(\d+)" y="([-\d.e]+)" width="8" height="([\d.e-]+)"', chart(minutes, 1)):
        assert 0 <= int(x) <= 592
        assert float(y) >= -0.1  # heights are rounded, and there are thirteen classes at most
        assert float(y) + float(height) <= 100.1
