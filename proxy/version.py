"""The version, known without looking at installed metadata: a checkout has none. The wheel's is read from here."""

from __future__ import annotations

from typing import Final

VERSION: Final = "0.1.0"
