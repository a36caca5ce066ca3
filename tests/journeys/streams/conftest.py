from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.journeys.streams.cutting import Cutting, cutting


@pytest.fixture(scope="module")
def cut() -> Iterator[Cutting]:
    with cutting() as cut:
        yield cut
