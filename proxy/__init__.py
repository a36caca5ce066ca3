"""llm-triage: a transparent proxy before LLM providers that says what every failure means.

The classifier is a library of its own: `from proxy import Answer, classify`.
"""

from __future__ import annotations

from proxy.classifier import classify
from proxy.model import Answer, Verdict

__all__ = ["Answer", "Verdict", "classify"]
