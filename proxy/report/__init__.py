"""Tells people and machines what happened: metrics, log lines, outages, the latest for a status page.

`reporter.py` is the story: the forwarding path talks to it alone, in the values of `event.py`. Beside it are what a
good call costs (`tally.py`), what is in trouble (`outage.py`), what was told before (`repeats.py`), what a line says
(`lines.py`) and how it looks (`log.py`), and what must never be shown (`mask.py`).
"""

from __future__ import annotations

from proxy.report.event import CallReport, Outcome, Progress, StreamFailure, Suppressed, Would
from proxy.report.mask import credential_label, mask_target
from proxy.report.metrics import Metrics, Words
from proxy.report.reporter import Reporter, ReportSettings

__all__ = [
    "CallReport", "Metrics", "Outcome", "Progress", "ReportSettings", "Reporter", "StreamFailure", "Suppressed",
    "Words", "Would", "credential_label", "mask_target",
]  # fmt: skip
