"""What an answer says, gathered once: layers from the outermost wrapper to the innermost cause, each with its codes, prose,
statuses and parameters, and beside them all that tells a wait. Judges nothing.

A layer is one error object with what stands around it. What a gateway quotes (JSON in a string, `metadata.raw`, an error
within an error) is a layer of its own, further in.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from functools import lru_cache
from typing import Any, Final
from urllib.parse import unquote

from proxy.classifier import unwrap
from proxy.classifier.decode import text_of
from proxy.classifier.failure import failed_choice, is_failure
from proxy.classifier.phrases import Heard, spelled
from proxy.classifier.quotes import without_request
from proxy.classifier.words import STOP, code_word, links, quoted_codes, without_links, words
from proxy.model import Answer, Provider

_MAX_LAYERS: Final = 8
_MAX_NODES: Final = 400
_MAX_DEPTH: Final = 12
_MAX_CODES: Final = 24
_HEAD_CHARS: Final = 1600
_TAIL_CHARS: Final = 600  # a telling code may stand at the end of a long text
_MAX_PROSE: Final = 8_000
_MAX_SPARE: Final = 8
_MAX_CODE_CHARS: Final = 120
_MAX_NAME_CHARS: Final = 40


class _Kind(IntEnum):
    CODE = 1
    TEXT = 2
    INNER = 3  # a quoted answer: its own layer
    PARAM = 4
    WAIT = 5
    QUOTA = 6
    SKIP = 7
    VIA = 8


def _kinds() -> dict[str, _Kind]:
    table = {
        _Kind.CODE: "code type status reason errorcode errortype __type kind category errorname errorcategory errcode errno name "
        "statuscode httpstatus httpstatuscode rawstatuscode statuscodevalue errorsubcode subcode limitsource quotametric limittype title exceptiontype "
        "blockreason finishreason statusmsg statusname codename errorkey errorid ret errortypecode "
        "resultcode retcode returncode failurecode fehlercode codigo codice",
        _Kind.TEXT: "message msg desc detail details error errormessage errormsg description errordescription statusmsg title text "
        "localizedmessage info developermessage usermessage statustext errordetail errordetails fault faultstring errmsg explanation "
        "internalmessage displaymessage statusmessage raifilteredreason blockreasonmessage humanreadable err reasonphrase summary exception "
        "servicemessage failurereason failuremessage resultmsg retmsg returnmsg meldung fehler fehlermeldung beschreibung mensaje descripcion mensagem "
        "descricao messaggio errore erreur erro",
        _Kind.INNER: "raw innererror innererrors cause originalerror upstreamerror providererror previouserrors body upstreambody rawerror "
        "innerexception upstream wrapped",
        _Kind.PARAM: "param parameter field loc target property argument",
        _Kind.WAIT: "retryafter retryafterms retryafterseconds retryaftersecs retrydelay retryin retryinseconds resetsinseconds resetsat "
        "resetat resetin resetinseconds resetafter resetafterseconds waitseconds waittime waitms waittimeseconds secondsuntilreset "
        "resettime nextaccesstime ratelimitreset nextavailableat estimatedtime retryaftersec cooldownseconds timetoreset resetsafter quotaresetdelay "
        "quotaresettimestamp reset availableat nextretryat",
        _Kind.QUOTA: "quotaid quotalimit quotalimitvalue quotavalue",
        _Kind.SKIP: "input output messages choices usage failedgeneration request prompt requestbody safetyratings links stack "
        "stacktrace traceback documentationurl docurl url helpurl debug whatyoushoulddo footer instance logs requestid rayid "
        "timestamp path userid ctx remedyhint",
        _Kind.VIA: "providername provider modelprovider upstreamprovider",
    }
    return {name: kind for kind, names in table.items() for name in names.split()}


_KINDS: Final[Mapping[str, _Kind]] = _kinds()
# MiniMax and others put their business code at a message's end: "insufficient balance (1008)"
_CLOSING_CODE: Final = re.compile(r"\((\d{4,6})\)\s{0,4}$")
# one-api and others end each message so; the words of an id are no words of the message.
_NAME_OF_REQUEST_ID: Final = re.compile(r"equest[ _-]?[Ii][Dd]")  # begins with what is quickly searched for
_REQUEST_ID: Final = re.compile(r"\(?[Rr]equest[ _-]?[Ii][Dd][\"']?[:=]? ?[\w-]{6,64}\)?")
# No event fails without one of these in it; most events of a long stream need no parsing for that.
# What a model says of errors does not hit: quotes are escaped there.
_MAY_FAIL: Final = re.compile(
    r'rror\w{0,12}"|^(?:event: ?)?error|xception|[cC]ode"|ailed\b|lockReason"|"ok"|uccess\w{0,4}"|Reason"|tatus\w{0,9}"|errno"|"ret"'
    r'|"(?:erfolg|exito|sucesso)"|HTTP_STATUS/[45]',
    re.MULTILINE,
)
# A gateway that answers 500 or 502 says by its own members what it was told.
_WRAPPED: Final = (500, 502)
# Such an answer may quote what it refuses.
_REQUEST_IS_WRONG: Final = frozenset({400, 404, 422})
_EMPTY: Final = frozenset({"", "none", "null", "undefined"})
_SKELETON: Final[dict[int, int | None]] = {ord("_"): None, ord("-"): None, ord(" "): None}


def members() -> dict[str, list[str]]:
    """What is held by members of which names, in the spelling of `_kind_of`."""
    return {kind.name.lower(): sorted(name for name, of in _KINDS.items() if of is kind) for kind in _Kind}


@lru_cache(maxsize=2048)
def _kind_of(name: str) -> tuple[str, _Kind | None]:
    """A member's name without its spelling (`retryAfter`, `retry_after`, `Retry-After`), and what it holds."""
    skeleton = name.lower().translate(_SKELETON) if len(name) < _MAX_NAME_CHARS else ""
    return skeleton, _KINDS.get(skeleton)


@dataclass(slots=True)
class Layer:
    """One error object, or one piece of prose, in one wrapper."""

    where: str
    codes: dict[str, str] = field(default_factory=dict)  # code word -> member that held it
    texts: list[str] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    params: list[str] = field(default_factory=list)
    linking: list[str] = field(default_factory=list)  # texts that hold links, as they stood
    quotas: list[tuple[str, str]] = field(default_factory=list)
    via: str = ""  # the provider that a gateway names as the one who said it
    _heard: Heard | None = None
    _quoted: list[str] | None = None

    def heard(self) -> Heard:
        """The prose as words."""
        if self._heard is None:
            said: list[str] = []
            for text in self.texts:
                said += words(text)
                said.append(STOP)
            self._heard = Heard(said)
        return self._heard

    def says_one_of(self, said: frozenset[str]) -> bool:
        """Whether its prose or its codes say one of some words."""
        if not said.isdisjoint(self.heard().vocabulary):
            return True
        for code in self.codes:  # noqa: SIM110 (a generator would cost as much as the search)
            if not said.isdisjoint(spelled(code).vocabulary):
                return True
        return False

    def links(self) -> list[str]:
        """The links in the prose: not what it states, but at times what it means (`...error-code#token-limit`)."""
        return [link for text in self.linking for link in links(text)]

    def quoted(self) -> list[str]:
        """Machine-readable words that the prose quotes."""
        if self._quoted is None:
            self._quoted = [code for text in self.texts for code in quoted_codes(text)]
        return self._quoted

    def is_empty(self) -> bool:
        return not (self.codes or self.texts or self.quotas)


@dataclass(slots=True)
class Evidence:
    """All that an answer says, with nothing decided."""

    http_status: int
    headers: Mapping[str, str]
    layers: list[Layer]  # outermost first
    waits: list[tuple[str, Any]]  # member names and values that tell a wait
    body_headers: dict[str, str]  # headers that a gateway quotes inside the body
    shape: str  # how the body was read, in a word
    spare: list[str]  # sentences in members whose names say nothing: read only where no other says anything

    def unnamed(self) -> Layer | None:
        """The sentences of members whose names say nothing, as a layer."""
        return Layer("other members", texts=self.spare) if self.spare else None

    @property
    def status(self) -> int:
        """What acts as the status: the innermost cause's own, else what HTTP said."""
        inner_from = 0 if self.http_status < 400 or self.http_status in _WRAPPED else 1
        for layer in reversed(self.layers[inner_from:]):
            if layer.statuses:
                return layer.statuses[-1]
        return self.http_status


# Alibaba's API gateway has no other place for it: https://help.aliyun.com/zh/api-gateway/; gRPC's is percent-encoded:
# https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md
_HEADERS_OF_PROSE: Final = ("x-ca-error-message", "grpc-message", "x-error-message")
_HEADERS_OF_CODES: Final = (
    "x-amzn-errortype", "x-amzn-error-type", "x-error-code", "x-ms-error-code", "x-error-type", "grpc-status-name", "x-error-reason",
)  # fmt: skip
_HEADERS_THAT_TELL: Final = frozenset((*_HEADERS_OF_CODES, *_HEADERS_OF_PROSE))


def gather(answer: Answer, provider: Provider | None = None) -> Evidence | None:
    """Read an answer once; None where it is a good one."""
    headers = {name.lower(): value for name, value in answer.headers}
    reader = _Reader(answer.status)
    exception = headers.get(":exception-type") or (headers.get(":error-code") if answer.status < 400 else None)
    if answer.status < 400 and "x-amzn-waf-action" in headers:
        # A challenge to a browser, under a 202 without a body: https://docs.aws.amazon.com/waf/latest/developerguide/waf-captcha-and-challenge-how-it-works.html
        exception = f"waf_{headers['x-amzn-waf-action']}"
    if answer.status < 400 and not exception:
        if answer.status < 200 or not answer.body:
            return None
        value, shape = _failed_value(answer, headers, provider)
        if value is None:
            return None
        evidence = reader.evidence(headers, value)
        evidence.shape = shape or evidence.shape
        return evidence
    layer = reader.layer("answer")
    if exception:
        reader.code(layer, exception, ":exception-type")
    if not _HEADERS_THAT_TELL.isdisjoint(headers):
        for name in _HEADERS_OF_CODES:
            if name in headers:
                reader.code(layer, headers[name], name)
        for name in _HEADERS_OF_PROSE:
            if name in headers:
                reader.prose(layer, unquote(headers[name][:_HEAD_CHARS]))
    text = text_of(answer.body, headers.get("content-encoding", "")) if answer.body else ""
    return reader.evidence(headers, text, layer)


def _failed_value(answer: Answer, headers: Mapping[str, str], provider: Provider | None) -> tuple[Any, str]:
    """The failing part of a body under a good status (None where nothing fails), and its shape where that is what fails."""
    coding = headers.get("content-encoding", "")
    text = text_of(answer.body, coding)
    kind = headers.get("content-type", "")
    if answer.stream or "event-stream" in kind or (unwrap.looks_like_stream(text) and "json" not in kind):
        return next((event for event in unwrap.events(text, _MAY_FAIL) if _event_failed(event, provider)), None), ""
    is_json = text.lstrip()[:1] in ("{", "[")
    value = unwrap.json_value(text) if is_json else None
    if value is not None and is_failure(value, provider):
        return ((failed_choice(value) or value) if isinstance(value, dict) else value), ""
    if isinstance(value, dict):
        if "ndjson" in kind or "\n{" in text:
            return next((line for line in unwrap.json_lines(text, _MAY_FAIL) if is_failure(line, provider)), None), ""
    elif is_json and not coding and _is_cut(len(answer.body), headers.get("content-length", "")):
        return text, "cut"
    elif not is_json and answer.status < 300 and _is_page(text, kind):
        return text, "page"
    return None, ""


def _is_cut(size: int, length: str) -> bool:
    return length.isdigit() and len(length) < 16 and size < int(length)


def _is_page(text: str, kind: str) -> bool:
    """A page for people where an answer was due, or what PHP writes into one when it dies."""
    if kind and "html" not in kind:
        return False
    return unwrap.looks_like_html(text) or "Fatal error" in text[:80]


def _event_failed(event: unwrap.Event, provider: Provider | None) -> bool:
    if event.status >= 400:
        return True
    # `thread.run.failed`: https://platform.openai.com/docs/api-reference/assistants-streaming/events
    if (event.name in ("error", "exception") or event.name.endswith(".failed")) and event.data:
        return True
    return event.data[:1] in ("{", "[") and is_failure(unwrap.json_value(event.data), provider)


class _Reader:
    """Walks a body and sorts its members. Lives for one answer."""

    def __init__(self, status: int) -> None:
        self.status = status
        self.layers: list[Layer] = []
        self.waits: list[tuple[str, Any]] = []
        self.body_headers: dict[str, str] = {}
        self.spare: list[str] = []
        self.nodes = 0
        self.prose_left = _MAX_PROSE

    def evidence(self, headers: Mapping[str, str], body: Any, layer: Layer | None = None) -> Evidence:
        layer = layer or self.layer("answer")
        shape = self.body(layer, body)
        kept = [one for one in self.layers if not one.is_empty() or one.statuses] or [layer]
        return Evidence(self.status, headers, kept, self.waits, self.body_headers, shape, self.spare)

    def layer(self, where: str) -> Layer:
        if len(self.layers) >= _MAX_LAYERS:
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
            failed = (one for one in unwrap.events(body, _MAY_FAIL) if _event_failed(one, None))
            event = next(failed, None) or next(unwrap.events(body), None)
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
        if depth > _MAX_DEPTH:
            return
        for name, member in value.items():
            self.nodes += 1
            if self.nodes > _MAX_NODES:
                return
            if member is None or member == "":
                continue
            self.member(layer, name, member, depth)

    def member(self, layer: Layer, name: str, member: Any, depth: int) -> None:
        skeleton, kind = _kind_of(name)
        if kind is _Kind.SKIP and not (skeleton == "output" and isinstance(member, dict) and "error" in member):
            return
        if kind is _Kind.WAIT:
            self.waits.append((skeleton, member))
            return
        if kind is _Kind.QUOTA and isinstance(member, (str, int)):
            layer.quotas.append((skeleton, str(member)[:200]))
            return
        if isinstance(member, str):
            self.string(layer, name, skeleton, kind, member, depth)
        elif isinstance(member, bool):
            return
        elif isinstance(member, int):
            if kind is _Kind.CODE or skeleton == "error":
                self.code(layer, str(member), name)
        elif isinstance(member, (dict, list)):
            self.container(layer, skeleton, kind, member, depth)

    def string(self, layer: Layer, name: str, skeleton: str, kind: _Kind | None, member: str, depth: int) -> None:
        if kind is _Kind.CODE:
            if _is_word(member):
                # How an answer finished is another matter than why a prompt was blocked, by the same words.
                self.code(layer, f"finish_{member}" if skeleton == "finishreason" else member, name)
            else:
                self.text(layer, member, depth)
        elif kind is _Kind.TEXT:
            if _is_word(member):
                self.code(layer, member, name)
            self.text(layer, member, depth)
        elif kind is _Kind.INNER:
            self.text(self.layer(skeleton), member, depth)
        elif kind is _Kind.PARAM:
            if member.lower() not in _EMPTY:
                layer.params.append(code_word(member[:80]))
        elif kind is _Kind.VIA:
            layer.via = layer.via or member[:60]
        elif kind is None and len(self.spare) < _MAX_SPARE and (" " in member or not member.isascii()):
            self.spare.append(member[:_HEAD_CHARS])

    def container(self, layer: Layer, skeleton: str, kind: _Kind | None, member: Any, depth: int) -> None:
        if skeleton in ("headers", "responseheaders"):
            if isinstance(member, dict):
                self.body_headers.update((str(key).lower(), str(item)) for key, item in list(member.items())[:64])
        elif kind is _Kind.PARAM and isinstance(member, list):
            layer.params.extend(code_word(str(item)[:80]) for item in member[:8])
        elif kind is _Kind.INNER:
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
            if len(family) > 3 and len(layer.codes) < _MAX_CODES - 1:
                layer.codes.setdefault(word, member)
                word = family
        if word in _EMPTY or len(layer.codes) >= _MAX_CODES:
            return
        if len(word) == 3 and word[0] in "45" and word.isdigit():
            layer.statuses.append(int(word))
        layer.codes.setdefault(word, member)

    def text(self, layer: Layer, text: str, depth: int) -> None:
        """Prose, or prose around a quoted answer, which becomes a layer further in."""
        if self.status in _REQUEST_IS_WRONG:
            text = without_request(text)
        if depth <= _MAX_DEPTH and ("{" in text or "[" in text):
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
        if len(text) > _HEAD_CHARS + _TAIL_CHARS:
            text = f"{text[:_HEAD_CHARS]}\n{text[-_TAIL_CHARS:]}"
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
    return len(text) <= _MAX_CODE_CHARS and len(text.split(None, 1)) == 1
