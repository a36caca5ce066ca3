"""Turns that a provider refused for what they contain, and how they are known again.

A turn is kept as the digest of its past and itself, with the verdict and no word of it; only the same past of the
same caller matches. What becomes of a known turn (a tag, or left out on the way out) is decided elsewhere; where the
entries live is the store's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import orjson

from proxy.model import Action, Class, Source, Verdict
from proxy.session.chain import chain, label
from proxy.session.rollback import newest_input, turn_starts
from proxy.session.turn import History, Role
from proxy.store.base import Store

_TURN: Final = "turn"  # one per quarantined turn, by its digest
_OWNER: Final = "turns"  # one per caller who has any: what makes all others cost nothing
_ID: Final = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """A quarantined turn."""

    id: str
    length: int  # entries from its beginning to where it was refused
    cls: str
    reason: str
    rule: str
    action: str
    upstream: str
    client: str  # a name or a hashed label
    since: float  # seconds since the epoch
    until: float
    refusals: int


@dataclass(frozen=True, slots=True)
class Known:
    """A quarantined turn in a request: first and last position."""

    first: int
    last: int
    turn: Turn

    @property
    def refused_at(self) -> int:
        """The position that the provider refused; what follows in the turn is what the client made of it."""
        return self.first + self.turn.length - 1


def is_poison(verdict: Verdict) -> bool:
    """Whether a provider refused content, so that it will refuse the same words whenever they come again."""
    if verdict.source is not Source.UPSTREAM:
        return False
    if verdict.cls is Class.CONTENT_FILTER:
        return True
    return verdict.cls is Class.BAD_REQUEST and verdict.action is Action.ROLLBACK


def known_text(known: Sequence[Known]) -> str:
    """As `x-llm-history` tells it; empty where nothing is known."""
    return "known=" + ",".join(f"{each.first}-{each.last}" for each in known) if known else ""


class Quarantine:
    """`key` is `chain.caller_key`'s everywhere; without a credential there is none, and nothing to ask here."""

    def __init__(self, store: Store, ttl_s: float, clock: Callable[[], float]) -> None:
        self._store = store
        self.ttl_s = ttl_s
        self._clock = clock

    def __len__(self) -> int:
        """How many turns this process knows of."""
        return self._store.held(_TURN)

    async def concerns(self, key: bytes) -> bool:
        """Whether this caller has any turn in quarantine; to be asked before a history is read at all."""
        owner = _owner(key)
        return owner in await self._store.get([owner])

    async def known(self, history: History, key: bytes) -> tuple[Known, ...]:
        """The quarantined turns in a history, in order."""
        return await self._find(history, chain(history, key))

    async def refused(
        self,
        history: History,
        key: bytes,
        verdict: Verdict,
        *,
        upstream: str,
        client: str,
        left_out: Sequence[tuple[int, int]] = (),
    ) -> tuple[Known, ...]:
        """A request was refused: put its newest turn in, unless a known one explains it. The known ones are returned.

        `left_out`: ranges that the provider did not see, as healing dropped them.
        """
        digests = chain(history, key)
        known = await self._find(history, digests)
        if not is_poison(verdict):
            return known
        seen = [each for each in known if not any(first <= each.refused_at <= last for first, last in left_out)]
        now = self._clock()
        for each in seen:
            await self._keep(key, _again(each.turn, now, self.ttl_s))
        newest = newest_input(history)
        if seen or newest is None:
            return known
        turn = Turn(
            id=digests[newest],
            length=newest - turn_starts(history)[newest] + 1,
            cls=verdict.cls,
            reason=verdict.reason,
            rule=verdict.rule,
            action=verdict.action,
            upstream=upstream,
            client=client,
            since=now,
            until=now + self.ttl_s,
            refusals=1,
        )
        await self._keep(key, turn)
        return known

    def incident(self, history: History, key: bytes, known: Sequence[Known]) -> str:
        """Names what a refusal was about: the turn that is known to be the cause, else the newest; "" where none is."""
        newest = newest_input(history)
        if known or newest is None:
            return known[0].turn.id if known else ""
        return chain(history, key)[newest]

    async def taken(self, history: History, key: bytes) -> bool:
        """A provider took the request: let its newest turn go, if it was in."""
        newest = newest_input(history)
        return newest is not None and await self.release(chain(history, key)[newest])

    async def release(self, turn_id: str) -> bool:
        """Let a turn go; False where none has that id."""
        return _ID.fullmatch(turn_id) is not None and await self._store.drop(f"{_TURN}:{turn_id}")

    async def turns(self, most: int = 1000) -> Sequence[Turn]:
        """What is in quarantine, the latest first."""
        found = await self._store.listing(_TURN, most)
        turns = (_read(key.partition(":")[2], value) for key, value in found.items())
        return sorted((turn for turn in turns if turn is not None), key=lambda turn: turn.since, reverse=True)

    async def _find(self, history: History, digests: Sequence[str]) -> tuple[Known, ...]:
        found = await self._store.get([f"{_TURN}:{digest}" for digest in digests if digest])
        if not found:
            return ()
        known = []
        for position, digest in enumerate(digests):
            value = found.get(f"{_TURN}:{digest}") if digest else None
            turn = None if value is None else _read(digest, value)
            if turn is not None:
                known.append(Known(max(0, position - turn.length + 1), _last(history, position), turn))
        return tuple(known)

    async def _keep(self, key: bytes, turn: Turn) -> None:
        value = {name: getattr(turn, name) for name in _FIELDS}
        await self._store.put(f"{_TURN}:{turn.id}", orjson.dumps(value), self.ttl_s)
        await self._store.put(_owner(key), b"", self.ttl_s)


def _owner(key: bytes) -> str:
    return f"{_OWNER}:{label(key, b'owner')}"


def _last(history: History, position: int) -> int:
    """The end of a turn: what a client made up as its answer belongs to it, a new question does not."""
    while position + 1 < len(history.entries) and history.entries[position + 1].role is not Role.USER:
        position += 1
    return position


def _again(turn: Turn, now: float, ttl_s: float) -> Turn:
    return replace(turn, until=now + ttl_s, refusals=turn.refusals + 1)


_FIELDS: Final = tuple(name for name in Turn.__dataclass_fields__ if name != "id")


def _read(digest: str, value: bytes) -> Turn | None:
    """An entry of the store, which another version may have written."""
    try:
        stored: Any = orjson.loads(value)
        turn = Turn(id=digest, **stored)
    except (orjson.JSONDecodeError, TypeError):
        return None
    length: object = turn.length
    return turn if isinstance(length, int) and length > 0 else None
