"""The failures that the proxy knows itself: no answer came, or it refused the call. No answer is read here.

They carry the rule `proxy.<reason>` and confidence `code`. What never reached the provider leaves the session as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from proxy.classifier.rules import Reason, reason_of
from proxy.model import TRAITS, Action, Class, Confidence, Scope, Source, Verdict


def _reasons() -> dict[str, Reason]:
    network, timeout, fault = Class.NETWORK, Class.TIMEOUT, Class.PROVIDER_ERROR
    keep, proxy = Action.KEEP, Scope.PROXY
    again = "Try again"
    table = (
        reason_of("dns", network, advice="The provider's host name could not be resolved. Check the upstream's URL and DNS.", meaning="name resolution failed"),
        reason_of("refused", network, advice="The provider refused the connection. Check the upstream's URL, or try again.", meaning="connection refused or unreachable"),
        reason_of("tls", network, advice="No TLS connection to the provider could be made. Check certificates and the upstream's URL.", meaning="TLS handshake or certificate failed"),
        reason_of("reset", network, advice=f"The connection to the provider broke before it answered. {again}.", meaning="connection broke before an answer"),
        reason_of("truncated_stream", network, advice=f"The stream ended before the answer was complete. {again}; store nothing of it.", meaning="a stream ended without its protocol's end"),
        reason_of("truncated_body", network, advice=f"The answer broke off before it was complete. {again}; store nothing of it.", meaning="a body broke after its headers went"),
        reason_of("connect", timeout, advice=f"No connection to the provider within the deadline. {again}.", meaning="connect deadline passed"),
        reason_of("first_byte", timeout, advice=f"The provider did not begin to answer within the deadline. {again}.", meaning="first-byte deadline passed"),
        reason_of("total", timeout, advice=f"The call took longer than its deadline. {again}, or raise timeouts.total.", meaning="total deadline passed"),
        reason_of("stream_idle", timeout, advice=f"The stream fell silent for too long. {again}; store nothing of it.", meaning="no event within stream.idle_timeout"),
        reason_of("head", timeout, action=keep, scope=proxy, advice="The request's head did not arrive in time. Send it again.", meaning="the client's head made no progress"),
        reason_of("upload_idle", timeout, action=keep, scope=proxy, advice="The upload made no progress for too long. Send the request again.", meaning="the client's upload stalled"),
        reason_of("method_not_allowed", Class.BAD_REQUEST, advice="CONNECT is not served here. Use the proxy's address as the base URL.", meaning="CONNECT, or a method the endpoint does not take"),
        reason_of("bad_answer", fault, advice=f"The provider's answer was not HTTP. {again}, or check the upstream's URL.", meaning="an answer that is not HTTP"),
        reason_of("malformed", Class.BAD_REQUEST, scope=proxy, advice="The request is not valid HTTP. Check what the client sends.", meaning="a request that is not HTTP"),
        reason_of("head_too_large", Class.BAD_REQUEST, scope=proxy, advice="The request's headers are too large. Send fewer or shorter headers.", meaning="head over limits.head_bytes"),
        reason_of("missing_credential", Class.AUTH, advice="No credential was sent. Set the API key in the client; the provider was not called.", meaning="credential blank or absent"),
        reason_of("body_too_large", Class.CONTEXT, scope=proxy, action=Action.COMPACT, advice="The request's body is over the proxy's limit. Send a shorter history or smaller files.", meaning="body over limits.body_bytes"),
        reason_of("proxy_busy", Class.OVERLOADED, action=keep, scope=proxy, advice="The proxy has too many calls in flight. Try again after the stated wait.", meaning="limits.inflight reached"),
        reason_of("draining", Class.OVERLOADED, action=keep, scope=proxy, advice="The proxy is shutting down. Try again after the stated wait.", meaning="shutdown in progress"),
        reason_of("unknown_client", Class.AUTH, scope=proxy, advice="The client key is not known to this proxy. Ask its operator for a key.", meaning="client key not in clients"),
        reason_of("not_allowed", Class.AUTH, scope=proxy, advice="This call is not allowed through this proxy. Ask its operator to add it to allow.", meaning="outside allow"),
        reason_of("no_upstream", Class.BAD_REQUEST, scope=proxy, advice="No upstream serves this path. Check the base URL and its prefix.", meaning="no prefix matches"),
        reason_of("proxy_fault", fault, action=keep, scope=proxy, advice="The proxy failed. Report the call id to its operator.", meaning="a bug in the proxy"),
        reason_of("unrecognised", Class.UNKNOWN, advice="Nobody can tell from this answer what went wrong. Read the provider's message.", meaning="no rule fits the answer"),
        reason_of("contradictory", Class.UNKNOWN, advice="Status and message contradict each other. Read the provider's message before trying again.", meaning="status and words contradict each other"),
    )  # fmt: skip
    return {reason.name: reason for reason in table}


OWN_REASONS: Final[Mapping[str, Reason]] = _reasons()


_TRANSPORT: Final = frozenset(
    [
        "dns",
        "refused",
        "tls",
        "reset",
        "truncated_stream",
        "truncated_body",
        "connect",
        "first_byte",
        "total",
        "stream_idle",
        "bad_answer",
    ]
)


def own_verdict(reason: str, *, source: Source | None = None, cls: Class | None = None) -> Verdict:
    """The verdict on a failure that the proxy knows itself.

    `source` is told by the reason where it is not given; `cls` where a reason has two: `body_too_large` is `context` on a
    generation path and `bad_request` elsewhere.
    """
    known = OWN_REASONS[reason]
    source = source or (Source.TRANSPORT if reason in _TRANSPORT else Source.PROXY)
    action = (
        known.action
        if cls is None or cls is known.cls
        else Action.KEEP
        if source is Source.PROXY
        else TRAITS[cls].action
    )
    return Verdict(
        cls=cls or known.cls,
        reason=reason,
        rule=f"proxy.{reason}",
        confidence=Confidence.CODE,
        scope=known.scope,
        action=action,
        advice=known.advice,
        source=source,
    )
