"""The name of a model as a wish: how its calls fail. `fail-budget`, `fail-overloaded-then-good-2`, `text-only`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from types import MappingProxyType
from typing import Final


class How(Enum):
    """What the provider does."""

    ANSWER = auto()
    REFUSE = auto()  # a failed answer in the dialect's own words
    REFUSE_ORDER = auto()  # refuses tool calls without results, and the reverse; else answers
    REFUSE_IMAGES = auto()  # refuses histories with images; else answers
    REFUSE_IN_200 = auto()  # the refusal's body under a good status
    EVENT_FIRST = auto()  # a stream whose first event is the refusal
    EVENT_LATER = auto()  # a stream that ends with the refusal
    PAGE = auto()  # a load balancer's HTML
    SLOW = auto()  # answers well, but late
    HANG_UP = auto()  # breaks the connection instead of an answer
    BREAK = auto()  # breaks it in the middle of the answer
    END_EARLY = auto()  # ends a stream in good order, with its end missing
    STALL = auto()  # stops in the middle and says nothing more


@dataclass(frozen=True, slots=True)
class Scenario:
    """One way to fail."""

    how: How
    about: str  # a line for people
    says: str = ""  # which refusal, where one is said


@dataclass(frozen=True, slots=True)
class Wish:
    """What a model's name asks for: so many failures of each conversation before it goes well, None for ever."""

    scenario: Scenario
    failures: int | None = None


GOOD: Final = Scenario(How.ANSWER, "answers well")

SCENARIOS: Final[Mapping[str, Scenario]] = MappingProxyType(
    {
        "fail-budget": Scenario(How.REFUSE, "the account has no money left", "budget"),
        "fail-rate-limit": Scenario(How.REFUSE, "too many requests in this minute", "rate-limit"),
        "fail-overloaded": Scenario(How.REFUSE, "the provider's capacity is short", "overloaded"),
        "fail-auth": Scenario(How.REFUSE, "the key is wrong", "auth"),
        "fail-model": Scenario(How.REFUSE, "no such model", "model"),
        "fail-context": Scenario(How.REFUSE, "the history is longer than the window", "context"),
        "fail-content-filter": Scenario(How.REFUSE, "the newest message offends a policy", "content-filter"),
        "fail-bad-request": Scenario(How.REFUSE, "a parameter that the model does not take", "bad-request"),
        "fail-orphan-tool-call": Scenario(How.REFUSE_ORDER, "refuses tool calls without results, as the real ones do"),
        "fail-session-expired": Scenario(How.REFUSE, "the provider has forgotten the state that is named", "stale"),
        "fail-server-error": Scenario(How.REFUSE, "a fault of the provider's own", "server-error"),
        "fail-unknown": Scenario(How.REFUSE, "an answer from which nobody can tell", "unknown"),
        "fail-error-in-200": Scenario(How.REFUSE_IN_200, "an error under a good status", "budget"),
        "fail-stream-error-first": Scenario(How.EVENT_FIRST, "a stream that begins with an error", "overloaded"),
        "fail-stream-error-later": Scenario(How.EVENT_LATER, "a stream that ends with an error", "overloaded"),
        "fail-midstream": Scenario(How.BREAK, "the connection breaks in the middle of the answer"),
        "fail-early-end": Scenario(How.END_EARLY, "a stream ends in good order, but before its end"),
        "fail-stall": Scenario(How.STALL, "a stream falls silent in the middle"),
        "fail-html": Scenario(How.PAGE, "a load balancer's page instead of an answer"),
        "fail-timeout": Scenario(How.SLOW, "the answer comes too late"),
        "fail-network": Scenario(How.HANG_UP, "the connection breaks before an answer"),
        "text-only": Scenario(How.REFUSE_IMAGES, "a model that takes no images", "image"),
    }
)

REFUSALS: Final = frozenset(scenario.says for scenario in SCENARIOS.values() if scenario.says)

_THEN_GOOD: Final = re.compile(r"(?P<name>.+)-then-good(?:-(?P<failures>\d{1,6}))?")


def wish(model: str) -> Wish:
    """What a name asks for; a name that asks for nothing is a good model's. A vendor's prefix (`openai/…`) is no matter."""
    name = model.rpartition("/")[2]
    failures = None
    if found := _THEN_GOOD.fullmatch(name):
        name, failures = found["name"], int(found["failures"] or 1)
    if name == "fail":
        name = "fail-overloaded"
    scenario = SCENARIOS.get(name)
    return Wish(GOOD) if scenario is None else Wish(scenario, failures)
