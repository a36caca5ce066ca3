"""The walk through a body: every member is sorted by its name into the layer that it belongs to. Bounded in all that it reads."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from proxy.classifier.evidence import unwrap
from proxy.classifier.evidence.hidden import failed_event
from proxy.classifier.evidence.kinds import CODE, INNER, PARAM, QUOTA, SKIP, TEXT, VIA, WAIT, Kind, kind_of
from proxy.classifier.evidence.layers import Evidence, Layer
from proxy.classifier.evidence.quotes import without_request
from proxy.classifier.words import code_word, without_links

MAX_LAYERS: Final = 8
MAX_NODES: Final = 400
MAX_DEPTH: Final = 12
MAX_CODES: Final = 24
HEAD_CHARS: Final = 1600
TAIL_CHARS: Final = 600  # a telling code may stand at the end of a long text
MAX_PROSE: Final = 8_000
MAX_SPARE: Final = 8
MAX_CODE_CHARS: Final = 120
# MiniMax and others put their business code at a message's end: "insufficient balance (1008)"
_CLOSING_CODE: Final = re.compile(r"\((\d{4,6})\)\s{0,4}$")
# one-api and others end each message so; the words of an id are no words of the message.
_NAME_OF_REQUEST_ID: Final = re.compile(r"equest[ _-]?[Ii][Dd]")  # begins with what is quickly searched for
_REQUEST_ID: Final = re.compile(r"\(?[Rr]equest[ _-]?[Ii][Dd][\"']?[:=]? ?[\w-]{6,64}\)?")
# Such an answer may quote what it refuses.
REQUEST_IS_WRONG: Final = frozenset({400, 404, 422})
_EMPTY: Final = frozenset({"", "none", "null", "undefined"})


class Walk:
    """Walks a body and sorts its members. Lives for one answer."""

    def __init__(self, status: int) -> None:
        self.status = status
        self.layers: list[Layer] = []
        self.waits: list[tuple[str, Any]] = []
        self.body_headers: dict[str, str] = {}
        self.spare: list[str] = []
        self.quoting: list[str] = []
        self.nodes = 0
        self.prose_left = MAX_PROSE

    def evidence(self, headers: Mapping[str, str], body: Any, layer: Layer | None = None) -> Evidence:
        layer = layer or self.layer("answer")
        shape = self.body(layer, body)
        kept = [one for one in self.layers if not one.is_empty() or one.statuses] or [layer]
        return Evidence(self.status, headers, kept, self.waits, self.body_headers, shape, self.spare, self.quoting)

    def layer(self, where: str) -> Layer:
        if len(self.layers) >= MAX_LAYERS:
            return self.layers[-1]
        self.layers.append(Layer(where))
        return self.layers[-1]

    def body(self, layer: Layer, body: Any) -> str:
        if isinstance(body, unwrap.Event):
            if body.status >= 400:
                layer.statuses.append(body.status)
            value = unwrap.json_value(body.data)
            self.value(layer, body.data if value is None else value, 0)
            return "event"
        if not isinstance(body, str):
            self.value(layer, body, 0)
            return "json"
        start = body.lstrip()[:1]
        if not start:
            return "empty"
        if start in '{["':
            value = unwrap.json_value(body)
            if value is None:
                value = unwrap.salvage(body) or None
            if value is not None:
                self.value(layer, value, 0)
                return "json"
        if unwrap.looks_like_html(body):
            title, page = unwrap.page_text(body)
            layer.where = "page"
            self.prose(layer, title)
            self.prose(layer, page)
            return "html"
        if unwrap.looks_like_stream(body):
            event = failed_event(body, None) or next(unwrap.events(body), None)
            if event is not None:
                return self.body(layer, event)
        self.text(layer, body, 0)
        return "text"

    def value(self, layer: Layer, value: Any, depth: int) -> None:
        if isinstance(value, dict):
            self.object(layer, value, depth)
        elif isinstance(value, list):
            for item in value[:32]:
                self.value(layer, item, depth + 1)
        elif isinstance(value, str):
            self.text(layer, value, depth)

    def object(self, layer: Layer, value: dict[str, Any], depth: int) -> None:
        if depth > MAX_DEPTH:
            return
        for name, member in value.items():
            self.nodes += 1
            if self.nodes > MAX_NODES:
                return
            if member is None or member == "":
                continue
            self.member(layer, name, member, depth)

    def member(self, layer: Layer, name: str, member: Any, depth: int) -> None:
        skeleton, kind = kind_of(name)
        if kind is SKIP and not (skeleton == "output" and isinstance(member, dict) and "error" in member):
            return
        if kind is WAIT:
            self.waits.append((skeleton, member))
            return
        if kind is QUOTA and isinstance(member, (str, int)):
            layer.quotas.append((skeleton, str(member)[:200]))
            return
        if isinstance(member, str):
            self.string(layer, name, skeleton, kind, member, depth)
        elif isinstance(member, bool):
            if member and skeleton == "isbyok":
                layer.codes.setdefault("byok", name)  # OpenRouter: the caller's own key at the provider
        elif isinstance(member, int):
            if kind is CODE or skeleton == "error":
                self.code(layer, str(member), name)
        elif isinstance(member, (dict, list)):
            self.container(layer, skeleton, kind, member, depth)

    def string(self, layer: Layer, name: str, skeleton: str, kind: Kind | None, member: str, depth: int) -> None:
        if kind is CODE:
            if _is_word(member):
                # How an answer finished is another matter than why a prompt was blocked, by the same words.
                self.code(layer, f"finish_{member}" if skeleton == "finishreason" else member, name)
            else:
                self.text(layer, member, depth)
        elif kind is TEXT:
            if _is_word(member):
                self.code(layer, member, name)
            self.text(layer, member, depth)
        elif kind is INNER:
            self.text(self.layer(skeleton), member, depth)
        elif kind is PARAM:
            if member.lower() not in _EMPTY:
                layer.params.append(code_word(member[:80]))
        elif kind is VIA:
            layer.via = layer.via or member[:60]
        elif kind is None and len(self.spare) < MAX_SPARE and (" " in member or not member.isascii()):
            self.spare.append(member[:HEAD_CHARS])

    def container(self, layer: Layer, skeleton: str, kind: Kind | None, member: Any, depth: int) -> None:
        if skeleton in ("headers", "responseheaders"):
            if isinstance(member, dict):
                self.body_headers.update((str(key).lower(), str(item)) for key, item in list(member.items())[:64])
        elif kind is PARAM and isinstance(member, list):
            layer.params.extend(code_word(str(item)[:80]) for item in member[:8])
        elif kind is INNER:
            self.value(self.layer(skeleton), member, depth + 1)
        elif skeleton == "error" and isinstance(member, dict) and layer.texts:
            self.value(self.layer("error"), member, depth + 1)
        else:
            self.value(layer, member, depth + 1)

    def code(self, layer: Layer, raw: str, member: str) -> None:
        word = code_word(raw)
        if "." in raw and "://" not in raw:
            # Dotted codes name their family first: AuthFailure.SignatureFailure
            family = code_word(raw.partition(".")[0])
            if len(family) > 3 and len(layer.codes) < MAX_CODES - 1:
                layer.codes.setdefault(word, member)
                word = family
        if word in _EMPTY or len(layer.codes) >= MAX_CODES:
            return
        if len(word) == 3 and word[0] in "45" and word.isdigit():
            layer.statuses.append(int(word))
        layer.codes.setdefault(word, member)

    def text(self, layer: Layer, text: str, depth: int) -> None:
        """Prose, or prose around a quoted answer, which becomes a layer further in."""
        if self.status in REQUEST_IS_WRONG:
            said, text = text, without_request(text)
            if text is not said:
                self.quoting.append(said)
        if depth <= MAX_DEPTH and ("{" in text or "[" in text):
            outer, value = unwrap.embedded(text)
            if isinstance(value, dict) or (isinstance(value, list) and any(isinstance(item, dict) for item in value)):
                self.prose(layer, outer)
                self.value(self.layer("quoted"), value, depth + 2)
                return
        if "<" in text and unwrap.looks_like_html(text):
            title, page = unwrap.page_text(text)
            inner = self.layer("page")
            self.prose(inner, title)
            self.prose(inner, page)
            return
        self.prose(layer, text)

    def prose(self, layer: Layer, text: str) -> None:
        text = text.strip()
        if not text or self.prose_left <= 0:
            return
        if len(text) > HEAD_CHARS + TAIL_CHARS:
            text = f"{text[:HEAD_CHARS]}\n{text[-TAIL_CHARS:]}"
        if _NAME_OF_REQUEST_ID.search(text):
            text = _REQUEST_ID.sub(" ", text).strip()
        if text.endswith(")"):
            closing = _CLOSING_CODE.search(text)
            if closing:
                layer.codes.setdefault(closing[1], "the message's end")
        plain = without_links(text)
        if plain is not text:
            layer.linking.append(text)
        self.prose_left -= len(plain)
        if plain not in layer.texts:
            layer.texts.append(plain)


def _is_word(text: str) -> bool:
    return len(text) <= MAX_CODE_CHARS and len(text.split(None, 1)) == 1
