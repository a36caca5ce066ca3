"""The status page as a document: `status.html` with its parts filled in, and the policy that lets it do nothing else.

One file that loads nothing from elsewhere. What its parts say is up to `parts.py`; here they are put in their places,
and each live event carries the same parts for the page's script to exchange.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from importlib.resources import files
from typing import Any, Final

from proxy.admin.parts import draw

_TEMPLATE: Final = files("proxy.admin").joinpath("status.html").read_text("utf-8")
_PLACE: Final = re.compile(r"<!-- (\w+) -->")

EDITION: Final = hashlib.sha256(_TEMPLATE.encode()).hexdigest()[:12]  # a page of another edition has to load anew


def _digest(element: str) -> str:
    found = re.search(f"<{element}>(.*?)</{element}>", _TEMPLATE, re.DOTALL)
    assert found is not None
    return f"'sha256-{base64.b64encode(hashlib.sha256(found[1].encode()).digest()).decode()}'"


CONTENT_POLICY: Final = (
    "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; img-src data:; connect-src 'self'; "
    f"script-src {_digest('script')}; style-src {_digest('style')}"
)


def document(look: Mapping[str, Any]) -> str:
    """The whole page, which needs no script to be read."""
    parts = {"edition": EDITION, **draw(look)}
    return _PLACE.sub(lambda place: parts[place[1]], _TEMPLATE)


def event(look: Mapping[str, Any]) -> dict[str, object]:
    """What a page that is open needs to be as `document` would be."""
    return {"edition": EDITION, "parts": draw(look)}
