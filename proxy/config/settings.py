"""Every setting with its default and a line of help. Names are the keys of the YAML file.

An upstream starts from the global sections and holds its own where it says so: after loading, `upstream.timeouts` and
its siblings are complete. How text becomes a value stands in `kinds.py` and `values.py`, where it comes from in
`load.py`, and what settings must be to each other in `relations.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final, Literal
from urllib.parse import urlsplit

from proxy.config import values
from proxy.config.kinds import Many, One, Section, Table, required, setting
from proxy.config.values import DURATION, FLAG, SIZE, Address, Permit, Secret, choice, share, whole


class Mode(StrEnum):
    """Whether the proxy acts, or tags and counts only."""

    ACT = "act"
    OBSERVE = "observe"


class History(StrEnum):
    """What is done about a history that is out of order."""

    OFF = "off"
    HINT = "hint"
    HEAL = "heal"


_ADDRESS: Final = One(Address.parse)
_CREDENTIAL: Final = One(values.credential, is_secret=True)
_FILE: Final = One(Path, is_secret=True)
_NAME: Final = One(values.name, is_secret=True)
_HISTORY: Final = choice(*History, to=History)
_MODE: Final = choice(*Mode, to=Mode)


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """A client key that may call."""

    name: str = required(_NAME, "who it is, in logs", stand_in="stand-in-{n}")
    sha256: str = required(
        One(values.sha256, is_secret=True),
        "the key's SHA-256: printf %s KEY | sha256sum",
        stand_in="{n:064x}",
        secret=True,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """How long a call may take."""

    connect: float = setting(DURATION, 5.0, "to a connection with the upstream; 0: none")
    first_byte: float = setting(DURATION, 0.0, "from request sent to the answer's head; 0: none")
    total: float = setting(DURATION, 0.0, "from request read to the answer's end, retries included; 0: none")
    upload_idle: float = setting(DURATION, 60.0, "an upload without progress is dropped; 0: never")
    head: float = setting(DURATION, 30.0, "for a client's request head to be whole; 0: none")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """Event streams."""

    peek_bytes: int = setting(SIZE, 65536, "an answer's beginning, or an unfinished event, held at most")
    hold: float = setting(DURATION, 5.0, "how long a head waits for its first event")
    idle_timeout: float = setting(DURATION, 0.0, "a stream without data for so long is ended; 0: never")
    heartbeat: float = setting(DURATION, 0.0, "a comment after so long without data; 0: none")


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamStream(Stream):
    """An upstream's event streams."""

    end: Literal["protocol", "eof"] = setting(
        choice("protocol", "eof"), "protocol", "eof: this upstream ends good streams without the protocol's end"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """Repeats of failed calls."""

    max: int = setting(whole(0, 100), 5, "repeats of one call; 0: none")
    base: float = setting(DURATION, 2.0, "the first wait is drawn from 0 to this, each next from twice as much")
    cap: float = setting(DURATION, 32.0, "the longest wait that is drawn")
    deadline: float | None = setting(
        values.DEADLINE, None, "no retry starts after it; auto: a quarter of the patience that the client states"
    )  # None is auto
    budget: float = setting(share(), 0.2, "repeats as a share of the last minute's requests")
    resend_after_send: bool = setting(FLAG, True, "repeat calls that the provider may have seen")


@dataclass(frozen=True, slots=True, kw_only=True)
class Compat:
    """Changes to failed answers for clients that read no tags."""

    budget_status: int | None = setting(
        values.STATUS, None, "the status of budget_exhausted, such as 402; off: the provider's own"
    )
    error_in_200: Literal["off", "status"] = setting(
        choice("off", "status"), "off", "status: an error inside a 200 gets the status of its class"
    )
    annotate: bool = setting(FLAG, False, "add a member `triage` to a JSON error's object")


@dataclass(frozen=True, slots=True, kw_only=True)
class Quarantine:
    """Turns that the provider refused for what they contain."""

    ttl: float = setting(DURATION, 86400.0, "how long one is remembered")
    max_turns: int = setting(whole(0), 10000, "remembered at most")
    replays: int = setting(whole(0), 3, "times that a refused request may come again before it is held; heal only")
    hold: float = setting(DURATION, 30.0, "how long it is answered from the last refusal then; 0: never")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    """When a run of failures is an outage."""

    threshold: int = setting(whole(1), 5, "failures in a row that open one")
    clear: float = setting(DURATION, 30.0, "successes for so long close it")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What the proxy holds and takes."""

    replay_bytes: int = setting(SIZE, 8 * 2**20, "of one request's body kept for a repeat")
    held_bytes: int = setting(SIZE, 256 * 2**20, "of all bodies kept together")
    body_bytes: int = setting(SIZE, 0, "a larger request is refused; 0: none")
    head_bytes: int = setting(SIZE, 65536, "a larger request head is refused; 0: none")
    inflight: int = setting(whole(0), 0, "calls at a time, more are refused; 0: none")


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """Log lines, on standard error."""

    level: Literal["debug", "info", "warning", "error"] = setting(
        choice("debug", "info", "warning", "error"), "info", "debug, info, warning or error: the least that is written"
    )
    format: Literal["text", "json"] = setting(choice("text", "json"), "text", "text or json")
    calls: Literal["failures", "all"] = setting(
        choice("failures", "all"), "failures", "all: a line for each good call too"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Upstream:
    """One provider, or whatever stands before it."""

    name: str = required(
        _NAME, "in logs, metrics and pages; absent: the URL's host", stand_in="stand-in-{n}"
    )  # `load.py` names it after the host
    url: str = required(
        One(values.upstream_url, is_secret=True),
        "where calls go; a path in it comes before the call's own",
        stand_in="http://stand-in-{n}.invalid:1",
    )
    provider: str = setting(One(values.provider), "", "which rules apply; absent: told from the host")
    prefix: str = setting(
        One(values.prefix), "", "calls below this path come here, without it; absent: what no prefix matches"
    )
    credential: Secret | None = setting(
        _CREDENTIAL, None, "sent instead of the client's own, whose carriers are all removed", secret=True
    )
    credential_file: Path | None = setting(_FILE, None, "the same, from a file", secret=True)
    require_credential: bool | None = setting(
        FLAG, None, "refuse calls without one; absent: true for known hosted providers"
    )
    allow: tuple[Permit, ...] | None = setting(
        Many(One(Permit.parse)), None, "the only calls that pass, as METHOD /path; absent: all"
    )
    headers: Mapping[str, str] = setting(
        Table(One(values.header_name), One(values.header_value, is_secret=True)),
        values.EMPTY,
        "added to each call",
        secret=True,
    )
    proxy: str | None = setting(
        One(values.proxy_url, is_secret=True), None, "an HTTP proxy on the way there", secret=True
    )
    ca: Path | None = setting(_FILE, None, "certificates to trust instead of the system's (PEM)")
    mode: Mode = setting(_MODE, Mode.ACT, "as the global one")
    timeouts: Timeouts = setting(Section(Timeouts), Timeouts(), "as the global ones")
    stream: UpstreamStream = setting(Section(UpstreamStream), UpstreamStream(), "as the global one, and end")
    retry: Retry = setting(Section(Retry), Retry(), "as the global one")
    gate: bool = setting(FLAG, False, "as the global one")
    history: History = setting(_HISTORY, History.HINT, "as the global one")
    compat: Compat = setting(Section(Compat), Compat(), "changes to failed answers for clients that read no tags")

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


INHERITED: Final = ("mode", "timeouts", "stream", "retry", "gate", "history")


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """A whole configuration."""

    listen: Address = setting(_ADDRESS, Address("127.0.0.1", 8080), "the data port; :8080 is every address")
    admin: Address = setting(_ADDRESS, Address("127.0.0.1", 8081), "metrics, health and the status page")
    admin_token: Secret = setting(
        One(Secret, is_secret=True),
        Secret(""),
        "opens the status page where admin is not loopback; none: it stays shut",
    )
    admin_hosts: tuple[str, ...] = setting(
        Many(One(values.host_name)), (), "names beside addresses and localhost that a browser may call that page by"
    )
    mode: Mode = setting(
        _MODE, Mode.ACT, "observe: tags, metrics and logs only, nothing is retried, held, mended or refused"
    )
    workers: int = setting(whole(1, 256), 1, "processes; they share state through store")
    upstreams: tuple[Upstream, ...] = setting(
        Many(Section(Upstream)), (), "where calls go: the longest prefix first, then the first without one"
    )
    clients: tuple[Client, ...] = setting(Many(Section(Client)), (), "keys that may call; none: all may")
    timeouts: Timeouts = setting(Section(Timeouts), Timeouts(), "how long a call may take")
    stream: Stream = setting(Section(Stream), Stream(), "event streams")
    retry: Retry = setting(Section(Retry), Retry(), "repeats of failed calls")
    gate: bool = setting(FLAG, False, "on: answer calls that cannot succeed from the last real answer")
    history: History = setting(
        _HISTORY, History.HINT, "off; hint: say what is wrong with a refused history; heal: mend it too"
    )
    quarantine: Quarantine = setting(
        Section(Quarantine), Quarantine(), "turns that the provider refused for what they contain"
    )
    outage: Outage = setting(Section(Outage), Outage(), "when a run of failures is an outage")
    limits: Limits = setting(Section(Limits), Limits(), "what the proxy holds and takes")
    forward_client: bool = setting(FLAG, False, "pass on cookies and who the client is (x-forwarded-for, …)")
    cors: tuple[str, ...] = setting(
        Many(One(values.origin)), (), "origins of pages that may read the proxy's own errors"
    )
    store: str = setting(
        One(values.store_url, is_secret=True),
        "memory://",
        "or redis://HOST:6379/0 for several workers or replicas",
        secret=True,
    )
    rules: tuple[Path, ...] = setting(Many(_FILE), (), "more rule files, read before the built-in ones")
    lame_duck: float = setting(DURATION, 0.0, "after SIGTERM all goes on for so long, /readyz fails")
    drain: float = setting(DURATION, 25.0, "then running calls have so long to end")
    log: Log = setting(Section(Log), Log(), "log lines, on standard error")

    @property
    def files(self) -> tuple[Path, ...]:
        """Files beside the configuration's own whose content matters."""
        found = [*self.rules]
        for upstream in self.upstreams:
            found += [path for path in (upstream.credential_file, upstream.ca) if path is not None]
        return tuple(found)
