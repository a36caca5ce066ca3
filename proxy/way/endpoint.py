"""What kind of call a path is: its label in metrics, its dialect, whether it generates. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from proxy.dialects import dialect_of
from proxy.model import Dialect
from proxy.report.endpoint import endpoint as label

# A POST on a path that ends so generates or embeds: it makes no state worth keeping, so it can be repeated, and its
# good answer is worth a look.
GENERATION_ENDINGS: Final = (
    "/chat/completions",
    "/completions",
    "/responses",
    "/messages",
    "/embeddings",
    ":generateContent",
    ":streamGenerateContent",
    ":embedContent",
    ":batchEmbedContents",
    ":rawPredict",
    ":streamRawPredict",
    "/invoke",
    "/invoke-with-response-stream",
    "/converse",
    "/converse-stream",
    "/api/chat",
    "/api/generate",
    "/api/embed",
    "/api/embeddings",
    "/v1/chat",
    "/v2/chat",
)

_MEMORY: Final = 1024


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What a path is. `generates` holds for POST only."""

    label: str
    generates: bool
    dialect: Dialect | None


class Endpoints:
    """Tells endpoints apart for one provider, and remembers: a service is called on few paths."""

    def __init__(self, generation_paths: tuple[str, ...] = ()) -> None:
        self._endings = GENERATION_ENDINGS + generation_paths
        self._known: dict[str, Endpoint] = {}

    def of(self, path: str) -> Endpoint:
        """`path`: without its query."""
        endpoint = self._known.get(path)
        if endpoint is None:
            if len(self._known) >= _MEMORY:
                self._known.clear()
            endpoint = self._known[path] = self._look(path)
        return endpoint

    def _look(self, path: str) -> Endpoint:
        # An assistant's thread keeps its messages: making one is no generation.
        generates = path.endswith(self._endings) and not ("/threads/" in path and path.endswith("/messages"))
        return Endpoint(label(path), generates, dialect_of(path))
