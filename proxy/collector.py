"""Python's garbage collector, set for a process that serves calls.

A call leaves no reference cycles behind (a test holds it to that), so there is next to nothing to collect, while each full
collection stops every stream for as long as it takes to look at all that is open: some 100 ms with 2,000 streams.
"""

from __future__ import annotations

import gc
from typing import Final

# Objects that were made and not unmade before the young ones are looked at; then after how many rounds the older ones.
# 2,000 streams are some 300,000 objects: opening them no longer calls for a full collection. By default it did so often.
THRESHOLDS: Final = (10_000, 20, 10)


def settle() -> None:
    """What lives from here to the end need not be looked at again; what comes is looked at more seldom."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
