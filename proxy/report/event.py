"""What is told about a finished call: frozen values that hold no prompt, no credential and no foreign exception's text.

Whoever builds one has masked and hashed what goes in (`mask.py`). What is done with it is up to `reporter.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from proxy.model import Verdict


class Outcome(StrEnum):
    """How a call ended for the client."""

    OK = "ok"
    ERROR = "error"  # a failure told in the head
    BROKEN = "broken"  # a failure after the head
    CANCELED = "canceled"  # the client left


class StreamFailure(StrEnum):
    """How an answer failed after its head had gone to the client."""

    ERROR_EVENT = "error_event"  # the provider said so in an event
    TRUNCATED_STREAM = "truncated_stream"  # ended or reset without its protocol's end
    STREAM_IDLE = "stream_idle"  # no event with data for too long
    TRUNCATED_BODY = "truncated_body"  # any other body whose framing broke


class Would(StrEnum):
    """What the proxy would have done, had it not been told to observe only."""

    RETRY = "retry"
    HOLD = "hold"
    WRITE_EVENT = "write_event"
    END_STREAM = "end_stream"
    HEARTBEAT = "heartbeat"
    COMMENT = "comment"
    CHANGE_STATUS = "change_status"
    ANNOTATE = "annotate"
    REPAIR = "repair"
    FORGET = "forget"
    GATE = "gate"
    REPLAY = "replay"
    REFUSE_CREDENTIAL = "refuse_credential"
    REFUSE_SIZE = "refuse_size"
    REFUSE_INFLIGHT = "refuse_inflight"


class Suppressed(StrEnum):
    """Why a report did not get a line of its own."""

    OUTAGE = "outage"  # the outage it belongs to has been reported
    REPEATED = "repeated"  # the same request failed the same way before


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a stream had come when it failed."""

    chunks: int
    sent_bytes: int
    quiet_s: float  # since the last data


class CallReport(NamedTuple):
    """One call that has something to tell: it failed, its stream broke, or its history was healed.

    A tuple: made for every failure, in a third of a frozen dataclass's time.
    """

    call_id: str
    upstream: str
    endpoint: str
    method: str
    path: str  # as `mask_target` gives it
    status: int | None  # what the client got; None where the connection was only closed
    verdict: Verdict | None  # None: a good answer
    duration_s: float
    retries: int = 0
    provider_request_id: str = ""
    history: str = ""  # the value of x-llm-history
    stream: Progress | None = None
    client: str = ""  # a client key's name, or `credential_label` of what was sent
    fingerprint: str = ""  # names the request's content, keyed; equal ones are one poisoned request. "": nobody looked
    cause: str = ""  # type of a foreign exception and our stage, never its text: "connect: ConnectionRefusedError"
    trace_id: str = ""
