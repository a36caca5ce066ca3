"""Credentials on their way: where they stand in a request, which are blank, how one is replaced. Pure.

A credential can come in several carriers at once. Whoever injects one must remove all others first, or the provider
picks the wrong one.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator, Mapping, Sequence
from typing import Final
from urllib.parse import unquote_plus

from multidict import CIMultiDict

HEADERS: Final = ("authorization", "x-api-key", "api-key", "x-goog-api-key")
QUERY: Final = frozenset({"key", "api_key", "token", "access_token", "x-amz-signature"})
SUBPROTOCOLS: Final = "sec-websocket-protocol"
SUBPROTOCOL: Final = "openai-insecure-api-key."
CLIENT_KEY: Final = "x-llm-key"

# What a client sends whose environment variable was never set.
BLANK: Final = frozenset({"", "null", "undefined", "None"})


def token_of(header: str, value: str) -> str:
    """The secret in a carrier's value: an Authorization's without its scheme."""
    value = value.strip()
    if header != "authorization":
        return value
    scheme, _, rest = value.partition(" ")
    if not rest:
        # A scheme alone, or a bare key without one.
        return "" if scheme.lower() in ("bearer", "basic", "token", "apikey") else scheme
    return rest.strip()


def carried(read: Mapping[str, str], query: str) -> Iterator[tuple[str, str]]:
    """Every (carrier, secret) of a request; the secret may be blank."""
    for header in HEADERS:
        value = read.get(header)
        if value is not None:
            yield header, token_of(header, value)
    protocols = read.get(SUBPROTOCOLS)
    if protocols is not None:
        for protocol in protocols.split(","):
            if protocol.strip().startswith(SUBPROTOCOL):
                yield SUBPROTOCOLS, protocol.strip()[len(SUBPROTOCOL) :]
    if query:
        for part in query.split("&"):
            name, _, value = part.partition("=")
            if unquote_plus(name).lower() in QUERY:
                yield "?" + name, unquote_plus(value)


def secret_of(read: Mapping[str, str], query: str) -> str:
    """What a caller is known by: its client key, else all credentials as they were sent. "" for nobody.

    All, since two callers may send one word in a carrier that the provider does not look at.
    """
    own = read.get(CLIENT_KEY)
    if own:
        return own
    return "\0".join(lasting(secret) for _, secret in carried(read, query) if secret not in BLANK)


def lasting(secret: str) -> str:
    """What two calls of one caller have in common: AWS signs each anew, and names the key by its id.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html
    """
    return secret.partition("/")[0] if secret.startswith("Credential=") else secret


def bears_token(read: Mapping[str, str]) -> bool:
    """Whether the call has a credential in the commonest form; False says nothing. One look spares `carried` its search."""
    sent = read.get("authorization")
    return sent is not None and sent.startswith("Bearer ") and sent[7:].strip() not in BLANK


def is_missing(carriers: Sequence[tuple[str, str]], method: str) -> bool:
    """Whether a call that needs a credential has none worth sending.

    A blank one is refused on every method but OPTIONS; none at all on a POST only, since a GET may well be open.
    """
    if any(secret not in BLANK for _, secret in carriers):
        return False
    if carriers:
        return method != "OPTIONS"
    return method == "POST"


def without_headers(headers: CIMultiDict[str], carriers: frozenset[str] | None = None) -> None:
    """Removes the header carriers (all, or those named) in place."""
    for header in HEADERS:
        if carriers is None or header in carriers:
            headers.popall(header, None)
    if carriers is None or SUBPROTOCOLS in carriers:
        protocols = headers.get(SUBPROTOCOLS)
        if protocols is not None and SUBPROTOCOL in protocols:
            kept = [p.strip() for p in protocols.split(",") if not p.strip().startswith(SUBPROTOCOL)]
            headers.popall(SUBPROTOCOLS)
            if kept:
                headers[SUBPROTOCOLS] = ", ".join(kept)


def without_query(target: str, carriers: frozenset[str] | None = None) -> str:
    """The request target without its query's carriers (all, or those named as `carried` names them)."""
    path, mark, query = target.partition("?")
    if not query:
        return target
    kept = []
    for part in query.split("&"):
        name = part.partition("=")[0]
        is_carrier = unquote_plus(name).lower() in QUERY and (carriers is None or "?" + name in carriers)
        if not is_carrier:
            kept.append(part)
    return path + mark + "&".join(kept) if kept else path


def inject(headers: CIMultiDict[str], header: str, secret: str) -> None:
    """Puts a credential where its provider looks for it."""
    headers[header] = f"Bearer {secret}" if header == "authorization" else secret


class Clients:
    """The client keys that may call, by their SHA-256."""

    def __init__(self, named: Sequence[tuple[str, str]]) -> None:
        self._named = tuple((name, bytes.fromhex(digest)) for name, digest in named)

    def __bool__(self) -> bool:
        return bool(self._named)

    def name_of(self, secret: str) -> str | None:
        """The client's name, or None. Every key is compared, each in constant time."""
        digest = hashlib.sha256(secret.encode()).digest()
        found = None
        for name, expected in self._named:
            if hmac.compare_digest(digest, expected):
                found = name
        return found
