"""What every store promises. Keys read `kind:rest`; the kind bounds how many of them a store keeps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol


class Store(Protocol):
    """Never raises for a reason outside this process, and never waits longer than its timeout.

    A store that loses its server goes on with what this process knows; `failures` counts how often.
    """

    @property
    def failures(self) -> int:
        """Operations that the server did not answer."""

    async def get(self, keys: Sequence[str]) -> Mapping[str, bytes]:
        """Those of the keys that are there, with their values."""

    async def put(self, key: str, value: bytes, ttl_s: float) -> None:
        """Keep a value until `ttl_s` has passed; a former value is forgotten."""

    async def claim(self, key: str, ttl_s: float) -> bool:
        """Take something that one of all may have: True for the first to ask until `ttl_s` has passed."""

    async def count(self, key: str, ttl_s: float) -> int:
        """Add one, and tell how many there are since the first, which `ttl_s` forgets."""

    async def drop(self, key: str) -> bool:
        """Forget a key; False where it was not there."""

    async def listing(self, kind: str, most: int) -> Mapping[str, bytes]:
        """Up to `most` keys of a kind with their values."""

    def limit(self, kind: str, most: int) -> None:
        """Keep at most so many of a kind from now on."""

    def held(self, kind: str) -> int:
        """How many of a kind this process knows of; never waits."""

    async def close(self) -> None:
        """Let the server go."""
