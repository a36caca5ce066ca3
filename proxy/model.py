"""What travels between the stages of a call: closed sets of words and frozen values, no behaviour.

The words are the taxonomy's. They are the same in code, rules, headers, metrics, logs and documentation, so that
a reader who knows one place knows all of them. This module imports nothing of the project.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class Class(StrEnum):
    """What must happen before the same call can succeed. Closed: clients switch on it."""

    RATE_LIMITED = "rate_limited"
    BUDGET_EXHAUSTED = "budget_exhausted"
    OVERLOADED = "overloaded"
    TIMEOUT = "timeout"
    NETWORK = "network"
    PROVIDER_ERROR = "provider_error"
    AUTH = "auth"
    MODEL = "model"
    CONTEXT = "context"
    CONTENT_FILTER = "content_filter"
    BAD_REQUEST = "bad_request"
    SESSION_EXPIRED = "session_expired"
    UNKNOWN = "unknown"


class Scope(StrEnum):
    """Who fails with it: the smallest thing that has to be exchanged or mended."""

    REQUEST = "request"
    SESSION = "session"
    MODEL = "model"
    CREDENTIAL = "credential"
    PROVIDER = "provider"
    PROXY = "proxy"


class Source(StrEnum):
    """Who said it."""

    UPSTREAM = "upstream"
    TRANSPORT = "transport"
    PROXY = "proxy"


class Confidence(StrEnum):
    """What decided: a machine-readable field, prose, or nothing but the status."""

    CODE = "code"
    PHRASE = "phrase"
    STATUS = "status"


class Action(StrEnum):
    """What the failure means for the client's stored session."""

    KEEP = "keep"
    RESET = "reset"
    ROLLBACK = "rollback"
    REPAIR = "repair"
    COMPACT = "compact"
    NEW_SESSION = "new_session"

    @property
    def resets_session(self) -> bool:
        """Whether a cached session must not be used again."""
        return self in (Action.RESET, Action.NEW_SESSION)


@dataclass(frozen=True, slots=True, kw_only=True)
class Traits:
    """What every failure of a class has in common."""

    can_retry: bool
    action: Action
    scope: Scope


TRAITS: Final[Mapping[Class, Traits]] = MappingProxyType(
    {
        Class.RATE_LIMITED: Traits(can_retry=True, action=Action.RESET, scope=Scope.CREDENTIAL),
        Class.BUDGET_EXHAUSTED: Traits(can_retry=False, action=Action.KEEP, scope=Scope.CREDENTIAL),
        Class.OVERLOADED: Traits(can_retry=True, action=Action.RESET, scope=Scope.MODEL),
        Class.TIMEOUT: Traits(can_retry=True, action=Action.RESET, scope=Scope.PROVIDER),
        Class.NETWORK: Traits(can_retry=True, action=Action.RESET, scope=Scope.PROVIDER),
        Class.PROVIDER_ERROR: Traits(can_retry=True, action=Action.RESET, scope=Scope.PROVIDER),
        Class.AUTH: Traits(can_retry=False, action=Action.KEEP, scope=Scope.CREDENTIAL),
        Class.MODEL: Traits(can_retry=False, action=Action.KEEP, scope=Scope.MODEL),
        Class.CONTEXT: Traits(can_retry=False, action=Action.COMPACT, scope=Scope.REQUEST),
        Class.CONTENT_FILTER: Traits(can_retry=False, action=Action.ROLLBACK, scope=Scope.REQUEST),
        Class.BAD_REQUEST: Traits(can_retry=False, action=Action.KEEP, scope=Scope.REQUEST),
        Class.SESSION_EXPIRED: Traits(can_retry=False, action=Action.NEW_SESSION, scope=Scope.SESSION),
        Class.UNKNOWN: Traits(can_retry=False, action=Action.KEEP, scope=Scope.REQUEST),
    }
)


class Dialect(StrEnum):
    """The wire shape of a call: which members its history, its errors and its stream have."""

    OPENAI_CHAT = "openai_chat"
    RESPONSES = "responses"
    ANTHROPIC = "anthropic"
    GEMINI = "gemini"


class WaitOrigin(StrEnum):
    """Where an answer stated its wait. Official clients see only `RETRY_AFTER`."""

    RETRY_AFTER = "retry_after"  # retry-after-ms, retry-after
    BODY = "body"  # a machine-readable member, or a header that no official client reads
    PROSE = "prose"  # "try again in 1m26.4s"
    RESET = "reset"  # the reset header of a window whose remaining is 0


@dataclass(frozen=True, slots=True)
class Wait:
    """How long the provider asks to wait, in seconds from when the answer was read."""

    seconds: float
    origin: WaitOrigin


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A provider's answer as it stood on the wire; `body` may be a bounded head of it.

    `headers` are (name, value) pairs, names in any case. `provider` is a rule file's provider name or "" where nobody
    knows. `stream` says that the body is the text of an event stream.
    """

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    provider: str = ""
    stream: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a failed answer means."""

    cls: Class
    reason: str  # open: a finer word under the class, from a rule or the proxy's own table
    rule: str  # id of the rule that decided
    confidence: Confidence
    scope: Scope
    action: Action
    advice: str  # one ASCII sentence for a person, at most 160 characters
    source: Source = Source.UPSTREAM
    wait: Wait | None = None
    forget: str | None = None  # with new_session: the request member that holds the stale handle

    @property
    def can_retry(self) -> bool:
        """Whether the class can be retried at all, whatever the wait."""
        return TRAITS[self.cls].can_retry


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """What is known of a provider beside its error codes; from the head of its rule file."""

    name: str
    hosts: tuple[str, ...] = ()  # exact host names, or suffixes that begin with a dot
    hosted: bool = False  # a known hosted service: every call needs a credential
    credential: str = "authorization"  # header that an injected credential goes into
    dialect: Dialect | None = None  # error shape where the path does not tell
    generation_paths: tuple[str, ...] = ()  # path endings of generation calls beyond the common ones
    stream_end: str = ""  # "eof": its streams may end without their protocol's end
    refuses: frozenset[str] = field(default=frozenset())  # history faults that it is known to refuse
    business_codes: tuple[str, ...] = ()  # dotted members of a 200 that hold its own status, e.g. base_resp.status_code
