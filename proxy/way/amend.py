"""What a call's history needs before it goes out, and what its end teaches about the thread it belongs to.

In hint mode nothing is read until the provider has refused the request. In heal mode a request is mended on its way, turns
that the provider has refused before are left out, and a stale handle is dropped once.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from proxy.model import Action, Class, Dialect, Source, Verdict
from proxy.session.chain import caller_key
from proxy.session.forget import forget
from proxy.session.heal import Healed, heal
from proxy.session.hint import member_to_forget, spoken_of
from proxy.session.history import read
from proxy.session.quarantine import Quarantine, is_poison, known_text
from proxy.session.replays import Replays
from proxy.way.kept import Again

_MOST_MINDED: Final = 4096
_CONTENT: Final = frozenset((Class.BAD_REQUEST, Class.CONTENT_FILTER))


class Minded:
    """Which faults a caller's model has refused: some providers take what others do not, and only asking tells."""

    def __init__(self) -> None:
        self._known: OrderedDict[bytes, frozenset[str]] = OrderedDict()

    def of(self, key: bytes | None) -> frozenset[str]:
        return frozenset() if key is None else self._known.get(key, frozenset())

    def learn(self, key: bytes | None, faults: frozenset[str]) -> None:
        if key is None or not faults:
            return
        self._known[key] = self.of(key) | faults
        self._known.move_to_end(key)
        if len(self._known) > _MOST_MINDED:
            self._known.popitem(last=False)


@dataclass(slots=True)
class Threads:
    """What is known of all threads."""

    quarantine: Quarantine
    replays: Replays[Again]
    minded: Minded = field(default_factory=Minded)


@dataclass(slots=True, kw_only=True)
class Thread:
    """One call's part of a thread. `key` is its caller's at this upstream and model, None without a credential."""

    threads: Threads
    dialect: Dialect
    body: bytes  # as the client sent it
    key: bytes | None
    refuses: frozenset[str]  # faults that the provider is known to refuse
    upstream: str
    client: str  # a name or a hashed label
    healed: Healed | None = None
    forgot: str | None = None
    concerned: bool = False  # the caller has turns in quarantine
    incident: str = ""  # names the poisoned turn that the request was refused for

    async def mend(self) -> bytes | None:
        """The request to send instead; None where it goes out as it came."""
        poisoned: tuple[tuple[int, int], ...] = ()
        if self.key is not None and await self.threads.quarantine.concerns(self.key):
            self.concerned = True
            history = read(self.dialect, self.body)
            if history is not None:
                known = await self.threads.quarantine.known(history, self.key)
                poisoned = tuple((each.first, each.last) for each in known)
        self.healed = heal(self.dialect, self.body, self.refuses | self.threads.minded.of(self.key), poisoned)
        return None if self.healed is None else self.healed.body

    def without_handle(self, verdict: Verdict) -> bytes | None:
        """The request without its stale handle; None where it holds none, or not all that the handle stood for."""
        sent = self.body if self.healed is None else self.healed.body
        member = member_to_forget(verdict, self.dialect, sent)
        rest = None if member is None else forget(self.dialect, sent, member)
        if rest is not None:
            self.forgot = member
        return rest

    async def refused(self, verdict: Verdict) -> str:
        """The provider refused the request: what is known of its turns, as `x-llm-history` tells it."""
        known = ""
        if verdict.source is Source.UPSTREAM and verdict.cls in _CONTENT:
            self.threads.minded.learn(self.key, frozenset(str(fault) for fault in spoken_of(verdict.reason)))
            history = None if self.key is None else read(self.dialect, self.body)
            if history is not None and self.key is not None:
                quarantine = self.threads.quarantine
                found = await quarantine.refused(
                    history,
                    self.key,
                    verdict,
                    upstream=self.upstream,
                    client=self.client,
                    left_out=() if self.healed is None else self.healed.dropped,
                )
                known = known_text(found)
                if is_poison(verdict):
                    self.incident = quarantine.incident(history, self.key, found)
        return " ".join(part for part in (known, self.changes) if part)

    async def taken(self) -> None:
        """The provider took the request: its newest turn is no longer a poisoned one."""
        if self.concerned and self.key is not None:
            history = read(self.dialect, self.body)
            if history is not None:
                await self.threads.quarantine.taken(history, self.key)

    @property
    def changes(self) -> str:
        """What was done to the request, as `x-llm-history` tells it."""
        parts = ["" if self.healed is None else self.healed.text, f"forgot={self.forgot}" if self.forgot else ""]
        return " ".join(part for part in parts if part)


def concerns_history(verdict: Verdict) -> bool:
    """Whether the request's own history can have to do with its failure. An empty account or a busy provider has not."""
    return verdict.action is not Action.KEEP or verdict.cls in _CONTENT


def thread_key(secret: str, upstream: str, model: str) -> bytes | None:
    """Another model or upstream may well take what this one refused. None: nobody to keep it for."""
    return caller_key(secret.encode("utf-8", "surrogatepass"), upstream, model) if secret else None


def is_signed(read_headers: Mapping[str, str]) -> bool:
    """Whether a signature covers the body: then no byte of it is ours to change."""
    return "content-digest" in read_headers or read_headers.get("authorization", "").startswith("AWS4-")
