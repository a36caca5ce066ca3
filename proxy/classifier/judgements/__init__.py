"""Reasoning that no table can hold, each judgement small, named and told in words.

A rule asks for one by `shows: <name>`. A judgement looks at one layer and says what it saw, or None. It decides nothing by
itself: the rule that asks says what it means.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from proxy.classifier.judgements.quoted import shows_payment_status, status_said
from proxy.classifier.judgements.seen import Judgement, Seen
from proxy.classifier.judgements.shape import shows_page, shows_quoted_bill, shows_spent_window
from proxy.classifier.judgements.side import shows_their_load
from proxy.classifier.judgements.size import (
    shows_demand_over_limit,
    shows_more_tokens_than_fit,
    shows_spent_amount,
    shows_zero_limit,
)
from proxy.classifier.judgements.window import Window, shows_stated_wait, shows_window, window_of

__all__ = ["JUDGEMENTS", "Judgement", "Seen", "Window", "status_said", "window_of"]

JUDGEMENTS: Final[Mapping[str, Judgement]] = {
    "window": shows_window,
    "demand_over_limit": shows_demand_over_limit,
    "more_tokens_than_fit": shows_more_tokens_than_fit,
    "zero_limit": shows_zero_limit,
    "stated_wait": shows_stated_wait,
    "their_load": shows_their_load,
    "payment_status": shows_payment_status,
    "page": shows_page,
    "spent_window": shows_spent_window,
    "quoted_bill": shows_quoted_bill,
    "spent_amount": shows_spent_amount,
}
