"""Every setting with its type, default and a line of help. Names are the keys of the YAML file.

An upstream starts from the global sections and holds its own where it says so: after loading, `upstream.timeouts` and
its siblings are complete. Where values come from is up to `load.py`; what they must be to each other, to `check.py`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    SecretStr,
    WithJsonSchema,
    model_validator,
)

from proxy.config import units, values
from proxy.config.values import Address, Permit


def _text(parse: Callable[[str], Any], *done: type) -> BeforeValidator:
    """A validator that reads text, and passes what a program gave as a value."""

    def read(value: Any) -> Any:
        if isinstance(value, str):
            return parse(value)
        if isinstance(value, done) and not isinstance(value, bool):
            return value
        raise ValueError("expected one value, not a list or mapping" if value is not None else "is empty")

    return BeforeValidator(read, json_schema_input_type=str)


def _measure(pattern: str) -> WithJsonSchema:
    return WithJsonSchema({"type": ["number", "string"], "pattern": f"^({pattern})$", "minimum": 0})


Duration = Annotated[float, _text(units.duration_s, int, float), Field(ge=0), _measure(units.DURATION)]
Size = Annotated[int, _text(units.size_bytes, int), Field(ge=0), _measure(units.SIZE)]
Listen = Annotated[Address, _text(Address.parse, Address), PlainSerializer(str)]
Allowed = Annotated[Permit, _text(Permit.parse, Permit), PlainSerializer(str)]
Credential = Annotated[SecretStr, _text(lambda text: SecretStr(values.credential(text)), SecretStr)]
HeaderName = Annotated[str, _text(values.header_name)]
HeaderValue = Annotated[str, _text(values.header_value)]
Host = Annotated[str, _text(values.host_name)]
Origin = Annotated[str, _text(values.origin)]
Prefix = Annotated[str, _text(values.prefix)]
ProxyURL = Annotated[str, _text(values.proxy_url)]
Sha256 = Annotated[str, _text(values.sha256)]
StoreURL = Annotated[str, _text(values.store_url)]
UpstreamURL = Annotated[str, _text(values.upstream_url)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$")]


def _deadline(text: str) -> float | None:
    return None if text.strip() == "auto" else units.duration_s(text)


def _status(value: Any) -> Any:
    return None if _word(value) == "off" else value


def _word(value: Any) -> Any:
    """YAML 1.1 reads a bare `off` as false: whoever writes YAML by program may send that."""
    return "off" if value in (False, "false") else value


Deadline = Annotated[float | None, _text(_deadline, int, float, type(None)), _measure(f"auto|{units.DURATION}")]
Status = Annotated[
    Annotated[int, Field(ge=400, le=599)] | None,
    BeforeValidator(_status),
    WithJsonSchema({"anyOf": [{"enum": ["off", False]}, {"type": "integer", "minimum": 400, "maximum": 599}]}),
]


class Mode(StrEnum):
    """Whether the proxy acts, or tags and counts only."""

    ACT = "act"
    OBSERVE = "observe"


class History(StrEnum):
    """What is done about a history that is out of order."""

    OFF = "off"
    HINT = "hint"
    HEAL = "heal"


class _Settings(BaseModel):
    model_config = ConfigDict(
        frozen=True, extra="forbid", hide_input_in_errors=True, arbitrary_types_allowed=True, validate_default=False
    )


class Client(_Settings):
    """A client key that may call."""

    name: Name = Field(description="who it is, in logs")
    sha256: Sha256 = Field(description="the key's SHA-256: printf %s KEY | sha256sum", repr=False)


class Timeouts(_Settings):
    """How long a call may take; 0 is no limit."""

    connect: Duration = Field(default=5.0, description="to a connection with the upstream; 0: none")
    first_byte: Duration = Field(default=0.0, description="from request sent to the answer's head; 0: none")
    total: Duration = Field(
        default=0.0, description="from request read to the answer's head, retries included; 0: none"
    )
    upload_idle: Duration = Field(default=60.0, description="an upload without progress is dropped; 0: never")
    head: Duration = Field(default=30.0, description="for a client's request head to be whole; 0: none")


class Stream(_Settings):
    """Event streams."""

    peek_bytes: Size = Field(default=65536, description="an answer's beginning, or an unfinished event, held at most")
    hold: Duration = Field(default=5.0, description="how long a head waits for its first event")
    idle_timeout: Duration = Field(default=0.0, description="a stream without data for so long is ended; 0: never")
    heartbeat: Duration = Field(default=0.0, description="a comment after so long without data; 0: none")


class UpstreamStream(Stream):
    """An upstream's event streams."""

    end: Literal["protocol", "eof"] = Field(
        default="protocol", description="eof: this upstream ends good streams without the protocol's end"
    )


class Retry(_Settings):
    """Repeats of failed calls."""

    max: int = Field(default=5, ge=0, le=100, description="repeats of one call; 0: none")
    base: Duration = Field(
        default=2.0, description="the first wait is drawn from 0 to this, each next from twice as much"
    )
    cap: Duration = Field(default=32.0, description="the longest wait that is drawn")
    deadline: Deadline = Field(
        default=None,
        ge=0,
        description="no retry starts after it; auto: a quarter of the patience that the client states",
    )
    budget: float = Field(default=0.2, ge=0, le=1, description="repeats as a share of the last minute's requests")
    resend_after_send: bool = Field(default=True, description="repeat calls that the provider may have seen")


class Compat(_Settings):
    """Changes to failed answers for clients that read no tags."""

    budget_status: Status = Field(
        default=None, description="status of budget_exhausted, such as 402; off: the provider's own"
    )
    error_in_200: Annotated[Literal["off", "status"], BeforeValidator(_word)] = Field(
        default="off", description="status: an error inside a 200 gets the status of its class"
    )
    annotate: bool = Field(default=False, description="add a member `triage` to a JSON error's object")


class Quarantine(_Settings):
    """Turns that the provider refused for what they contain."""

    ttl: Duration = Field(default=86400.0, description="how long one is remembered")
    max_turns: int = Field(default=10000, ge=0, description="remembered at most")
    replays: int = Field(default=3, ge=0, description="refusals of one turn that reach the provider before it is held")
    hold: Duration = Field(
        default=30.0, description="how long its replays are answered from the last refusal; 0: never"
    )


class Outage(_Settings):
    """When a run of failures is an outage."""

    threshold: int = Field(default=5, ge=1, description="failures in a row that open one")
    clear: Duration = Field(default=30.0, description="successes for so long close it")


class Limits(_Settings):
    """What the proxy holds and takes; 0 is no limit."""

    replay_bytes: Size = Field(default=8 * 2**20, description="of one request's body kept for a repeat")
    held_bytes: Size = Field(default=256 * 2**20, description="of all bodies kept together")
    body_bytes: Size = Field(default=0, description="a larger request is refused; 0: none")
    head_bytes: Size = Field(default=65536, description="a larger request head is refused; 0: none")
    inflight: int = Field(default=0, ge=0, description="calls at a time, more are refused; 0: none")


class Log(_Settings):
    """Log lines, on standard error."""

    level: Literal["debug", "info", "warning", "error"] = Field(default="info", description="the least that is written")
    format: Literal["text", "json"] = Field(default="text", description="text or json")
    calls: Literal["failures", "all"] = Field(default="failures", description="all: a line for each good call too")


class Upstream(_Settings):
    """One provider, or whatever stands before it."""

    name: Name = Field(default="", description="in logs, metrics and pages; absent: the URL's host")
    url: UpstreamURL = Field(description="where calls go")
    provider: str = Field(default="", max_length=64, description="which rules apply; absent: told from the host")
    prefix: Prefix = Field(default="", description="calls below this path come here, without it; absent: all others")
    credential: Credential | None = Field(default=None, description="sent instead of the client's own")
    credential_file: Path | None = Field(default=None, description="the same, from a file", repr=False)
    require_credential: bool | None = Field(
        default=None, description="refuse calls without one; absent: true for known hosted providers"
    )
    allow: tuple[Allowed, ...] | None = Field(default=None, description="the only calls that pass; absent: all")
    headers: Mapping[HeaderName, HeaderValue] = Field(default={}, description="added to each call", repr=False)
    proxy: ProxyURL | None = Field(default=None, description="an HTTP proxy on the way there", repr=False)
    ca: Path | None = Field(default=None, description="certificates to trust instead of the system's (PEM)")
    mode: Mode = Field(default=Mode.ACT, description="as the global one")
    timeouts: Timeouts = Field(default=Timeouts(), description="as the global ones")
    stream: UpstreamStream = Field(default=UpstreamStream(), description="as the global one")
    retry: Retry = Field(default=Retry(), description="as the global one")
    gate: bool = Field(default=False, description="as the global one")
    history: Annotated[History, BeforeValidator(_word)] = Field(default=History.HINT, description="as the global one")
    compat: Compat = Field(default=Compat(), description="changes to failed answers for clients that read no tags")

    @property
    def host(self) -> str:
        return urlsplit(self.url).hostname or ""

    def secret(self) -> str | None:
        """The credential that is sent instead of the client's own."""
        return None if self.credential is None else self.credential.get_secret_value()

    def allows(self, method: str, path: str) -> bool:
        """Whether `allow` lets a call through; `path` is raw, below the upstream, without its query."""
        if self.allow is None:
            return True
        return any(permit.permits(method, path) for permit in self.allow) and not values.has_dot_segment(path)

    @model_validator(mode="before")
    @classmethod
    def _named(cls, data: Any) -> Any:
        if isinstance(data, dict) and not data.get("name") and isinstance(data.get("url"), str):
            host = data["url"].partition("://")[2].partition("/")[0].rpartition("@")[2]
            return {**data, "name": re.sub(r"[^A-Za-z0-9.]+", "-", host).strip("-.")[:64] or "upstream"}
        return data


INHERITED: Final = ("mode", "timeouts", "stream", "retry", "gate", "history")


class Config(_Settings):
    """A whole configuration."""

    listen: Listen = Field(default=Address("127.0.0.1", 8080), description="the data port")
    admin: Listen = Field(default=Address("127.0.0.1", 8081), description="metrics, health and the status page")
    admin_token: SecretStr = Field(
        default=SecretStr(""), description="opens the status page where admin is not loopback; none: it stays shut"
    )
    admin_hosts: tuple[Host, ...] = Field(default=(), description="names beside addresses and localhost for that page")
    mode: Mode = Field(default=Mode.ACT, description="act; observe: tags, metrics and logs only")
    workers: int = Field(default=1, ge=1, le=256, description="processes; they share state through store")
    upstreams: tuple[Upstream, ...] = Field(default=(), description="where calls go, by path prefix")
    clients: tuple[Client, ...] = Field(default=(), description="keys that may call; none: all may")
    timeouts: Timeouts = Field(default=Timeouts(), description="how long a call may take")
    stream: Stream = Field(default=Stream(), description="event streams")
    retry: Retry = Field(default=Retry(), description="repeats of failed calls")
    gate: bool = Field(default=False, description="on: answer calls that cannot succeed from the last real answer")
    history: Annotated[History, BeforeValidator(_word)] = Field(
        default=History.HINT, description="off; hint: say what is wrong with a refused history; heal: mend it too"
    )
    quarantine: Quarantine = Field(default=Quarantine(), description="turns that the provider refused")
    outage: Outage = Field(default=Outage(), description="when a run of failures is an outage")
    limits: Limits = Field(default=Limits(), description="what the proxy holds and takes")
    forward_client: bool = Field(
        default=False, description="pass on cookies and who the client is (x-forwarded-for, …)"
    )
    cors: tuple[Origin, ...] = Field(default=(), description="origins of pages that may read the proxy's own errors")
    store: StoreURL = Field(
        default="memory://", description="or redis://HOST:6379/0 for several workers or replicas", repr=False
    )
    rules: tuple[Path, ...] = Field(default=(), description="more rule files, read before the built-in ones")
    lame_duck: Duration = Field(default=0.0, description="after SIGTERM all goes on for so long, /readyz fails")
    drain: Duration = Field(default=25.0, description="then running calls have so long to end")
    log: Log = Field(default=Log(), description="log lines")

    @model_validator(mode="before")
    @classmethod
    def _inherit(cls, data: Any) -> Any:
        """Upstreams begin with the global sections."""
        if not isinstance(data, dict) or not isinstance(data.get("upstreams"), list | tuple):
            return data
        return {**data, "upstreams": [_inherited(upstream, data) for upstream in data["upstreams"]]}

    @property
    def files(self) -> tuple[Path, ...]:
        """Files beside the configuration's own whose content matters."""
        found = [*self.rules]
        for upstream in self.upstreams:
            found += [path for path in (upstream.credential_file, upstream.ca) if path is not None]
        return tuple(found)


def _inherited(upstream: Any, config: dict[str, Any]) -> Any:
    if not isinstance(upstream, dict):
        return upstream
    merged = dict(upstream)
    for key in INHERITED:
        ours, own = config.get(key), upstream.get(key)
        if ours is None:
            continue
        if isinstance(ours, _Settings):
            ours = ours.model_dump()
        if own is None:
            merged[key] = ours
        elif isinstance(ours, dict) and isinstance(own, dict):
            merged[key] = {**ours, **own}
    return merged
