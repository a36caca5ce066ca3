"""The Responses dialect answers a failed call with the same body as chat completions; only its streams differ."""

from __future__ import annotations

from proxy.dialects.openai_chat.error import error_body, error_object

__all__ = ["error_body", "error_object"]
