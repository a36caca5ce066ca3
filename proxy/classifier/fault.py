"""Whose fault a failure is, in words: who has to do something about it, or that nobody here can.

Told from class and scope, which say what was at fault; what to do about it is the reason's advice.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from proxy.model import Class, Scope, Verdict

_BY_CLASS: Final[Mapping[Class, str]] = {
    Class.RATE_LIMITED: "the caller's pace: it is above what the provider allows this account for now",
    Class.BUDGET_EXHAUSTED: "the caller's account: its money or allowance is used up",
    Class.OVERLOADED: "the provider's load: it is short of capacity, whoever calls",
    Class.TIMEOUT: "the provider's side: it took so long that somebody gave up waiting",
    Class.NETWORK: "the way between here and the provider: no whole answer came",
    Class.PROVIDER_ERROR: "the provider's own: the same request is good once it works again",
    Class.AUTH: "the caller's key: it, its rights or the place it is used from is not accepted",
    Class.MODEL: "the request: it names a model that this caller cannot have here",
    Class.CONTEXT: "the request: it is longer than the model or the limit takes",
    Class.CONTENT_FILTER: "the content: the provider refuses it on policy grounds",
    Class.BAD_REQUEST: "the request: the provider cannot take it as it stands",
    Class.SESSION_EXPIRED: "a stale handle: the caller still holds an id that the provider has let go",
    Class.UNKNOWN: "nobody can tell from this answer",
}
_BY_SCOPE: Final[Mapping[tuple[Class, Scope], str]] = {
    (Class.RATE_LIMITED, Scope.SESSION): "another call's: it still holds the object that this one needs",
    (Class.BUDGET_EXHAUSTED, Scope.PROVIDER): "a gateway's bill: its own account at the provider is empty, not the caller's",
    (Class.OVERLOADED, Scope.MODEL): "the provider's load: this model is short of capacity, whoever calls",
    (Class.OVERLOADED, Scope.PROXY): "the proxy's: it takes no more calls for now",
    (Class.TIMEOUT, Scope.MODEL): "the model's: it did not finish in time",
    (Class.TIMEOUT, Scope.PROXY): "the client's: it did not send its request in time",
    (Class.PROVIDER_ERROR, Scope.REQUEST): "the model's: what it made of this request was not valid",
    (Class.PROVIDER_ERROR, Scope.MODEL): "the provider's own: its server cannot run this model as it is",
    (Class.PROVIDER_ERROR, Scope.PROXY): "the proxy's own",
    (Class.AUTH, Scope.PROXY): "the caller's: the proxy's operator does not allow this call",
    (Class.BAD_REQUEST, Scope.SESSION): "the stored history: every later turn that sends it fails the same way",
}  # fmt: skip


def whose_fault(verdict: Verdict) -> str:
    """Whose fault it is, with why."""
    return _BY_SCOPE.get((verdict.cls, verdict.scope)) or _BY_CLASS[verdict.cls]
