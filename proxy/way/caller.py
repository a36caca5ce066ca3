"""Whose call it is: budgets, paces and gates are kept for one credential at one upstream. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Hashable

from proxy.way import credential
from proxy.way.accept import Call
from proxy.way.address import Target


def caller_of(call: Call, target: Target) -> Hashable:
    """A number that tells nobody which credential it is, the same for as long as this process runs. Made for every call."""
    return hash((target.route.name, _credential(call, target)))


def shared_name_of(call: Call, target: Target) -> str:
    """The same for other processes."""
    text = f"{target.route.name}\0{_credential(call, target)}".encode("utf-8", "surrogateescape")
    return hashlib.blake2b(text, digest_size=16, person=b"llm-triage").hexdigest()


def _credential(call: Call, target: Target) -> str:
    if target.client:
        return target.client
    if target.route.injected is not None:
        return ""  # all callers share it, whatever they sent
    read = call.head.read
    sent = [value for header in credential.HEADERS if (value := read.get(header))]
    if len(sent) == 1 and not sent[0].startswith("AWS4-"):
        return sent[0]
    return credential.secret_of(read, call.query)
