"""The names of members that tell a wait, each with the unit that it states: `retry_after_minutes` counts minutes.

In the spelling of `kinds.kind_of`. What their values say is read by `waits`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

# A bare number in one of these is of seconds, or an epoch.
_SECONDS: Final = (
    "retryafter", "retryin", "retrydelay", "tryagainin", "tryagainafter", "waittime", "resetin", "resetsin", "resetafter", "resetsafter", "resetsat",
    "resetat", "resettime", "reset", "nextaccesstime", "ratelimitreset", "nextavailableat", "nextretryat", "nextretryin", "nextretryafter",
    "retryafters", "retryins", "resetafters", "resetseconds", "resetsecs", "availableat", "estimatedtime", "timetoreset", "timeuntilreset", "quotaresetdelay", "quotaresettimestamp",
)  # fmt: skip
# A `wait` or `backoff` alone may be a setting, and with `min` the least that one allows; with its unit it is a wait.
_WITH_UNIT: Final = (
    "retryafter", "retryin", "retrydelay", "tryagainin", "nextretryin", "wait", "waittime", "waitfor", "backoff", "cooldown", "resetin", "resetsin",
    "resetafter", "timetoreset", "timeuntilreset", "estimatedtime",
)  # fmt: skip
_AFTER_UNIT: Final = ("untilreset", "untilretry", "towait", "toreset")
_UNITS: Final[Mapping[float, tuple[str, ...]]] = {
    0.001: ("ms", "msec", "msecs", "millis", "milliseconds"),
    1.0: ("sec", "secs", "seconds"),
    60.0: ("mins", "minutes"),
    3600.0: ("hours", "hrs"),
    86400.0: ("days",),
}


def _names() -> Iterator[tuple[str, float]]:
    for unit_s, units in _UNITS.items():
        for unit in units:
            yield from ((name + unit, unit_s) for name in _WITH_UNIT)
            yield from ((unit + name, unit_s) for name in _AFTER_UNIT)


WAIT_NAMES: Final[Mapping[str, float]] = {**dict(_names()), **dict.fromkeys(_SECONDS, 1.0)}
