"""What the built-in provider has beside generation: models, files and stored responses, in OpenAI's shapes."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any, Final

from proxy.demo import openai_errors
from proxy.demo.scenario import SCENARIOS
from proxy.demo.shape import Document

MODELS: Final = ("good", *SCENARIOS)
KEPT: Final = 10_000  # stored objects of a kind; older ones are forgotten, as real providers do


class Resources:
    """State on the provider's side."""

    def __init__(self, serials: Iterator[int]) -> None:
        self._serials = serials
        self.responses: dict[str, Document] = {}
        self.files: dict[str, Document] = {}

    def store(self, response: Document) -> None:
        self.responses[response["id"]] = response
        _bound(self.responses)

    def forget(self) -> None:
        """As after a restart, or after the time for which a provider keeps things."""
        self.responses.clear()
        self.files.clear()

    def answer(self, method: str, path: str, size: int) -> tuple[int, Document]:
        """Status and body for a call whose body had `size` bytes."""
        *_, collection, last = ["", "", *path.strip("/").split("/")]
        match method, collection, last:
            case "GET", _, "models":
                return 200, {"object": "list", "data": [_model(name) for name in MODELS], "has_more": False}
            case "GET", "models", name:
                return (200, _model(name)) if name in MODELS else _missing("model", name)
            case "POST", _, "files":
                return 200, self._keep_file(size)
            case "GET", _, "files":
                return 200, {"object": "list", "data": list(self.files.values()), "has_more": False}
            case (("GET" | "DELETE"), ("files" | "responses"), name):
                held = self.files if collection == "files" else self.responses
                return self._stored(method, held, collection, name)
            case "POST", "messages", "count_tokens":
                return 200, {"input_tokens": 8}
            case _:
                pass
        refusal = openai_errors.refusal(404, f"Invalid URL ({method} {path})")
        return refusal.status, refusal.body

    def _keep_file(self, size: int) -> Document:
        name = f"file-{next(self._serials)}"
        self.files[name] = {
            "id": name,
            "object": "file",
            "bytes": size,
            "created_at": 1700000000,
            "filename": "upload",
            "purpose": "user_data",
            "status": "processed",
        }
        _bound(self.files)
        return self.files[name]

    def _stored(self, method: str, held: dict[str, Document], collection: str, name: str) -> tuple[int, Document]:
        if name not in held:
            return _missing(collection.removesuffix("s"), name)
        if method == "DELETE":
            del held[name]
            return 200, {"id": name, "object": collection.removesuffix("s"), "deleted": True}
        return 200, held[name]


def _model(name: str) -> Document:
    return {"id": name, "object": "model", "type": "model", "created": 1700000000, "owned_by": "llm-triage"}


def _missing(kind: str, name: str) -> tuple[int, Document]:
    if kind == "model":
        refusal = openai_errors.refusal(
            404, f"The model '{name}' does not exist", code="model_not_found", param="model"
        )
    else:
        refusal = openai_errors.refusal(404, f"No such {kind} object: {name}", param="id")
    return refusal.status, refusal.body


def _bound(held: dict[str, Any]) -> None:
    for name in list(islice(held, max(0, len(held) - KEPT))):
        del held[name]
