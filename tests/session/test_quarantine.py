"""Refused turns are known again: to the same caller, after the same past, until they age out or are let go."""

from __future__ import annotations

import json
from typing import Any

import pytest

from proxy.model import TRAITS, Action, Class, Confidence, Dialect, Scope, Source, Verdict
from proxy.session.chain import caller_key
from proxy.session.heal import heal
from proxy.session.history import read
from proxy.session.quarantine import Known, Quarantine, is_poison, known_text
from proxy.session.turn import History
from proxy.store.memory import MemoryStore

KEY, OTHER = caller_key(b"one"), caller_key(b"other")
SYSTEM = {"role": "system", "content": "be kind"}
USER = {"role": "user", "content": "hi"}
SAID = {"role": "assistant", "content": "hello"}
BAD = {"role": "user", "content": "bad"}
CALL = {
    "role": "assistant",
    "tool_calls": [{"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
}
RESULT = {"role": "tool", "tool_call_id": "a", "content": "an image"}


def verdict(
    cls: Class = Class.CONTENT_FILTER, action: Action | None = None, source: Source = Source.UPSTREAM
) -> Verdict:
    return Verdict(
        cls=cls,
        reason="policy",
        rule="r",
        confidence=Confidence.CODE,
        scope=Scope.REQUEST,
        action=action or TRAITS[cls].action,
        advice="",
        source=source,
    )


def history(*messages: Any) -> History:
    found = read(Dialect.OPENAI_CHAT, json.dumps({"messages": messages}).encode())
    assert found is not None
    return found


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def quarantine(clock: Clock) -> Quarantine:
    return Quarantine(MemoryStore(clock), 3600, clock)


async def refuse(quarantine: Quarantine, *messages: Any, key: bytes = KEY, **more: Any) -> tuple[Known, ...]:
    more = {"verdict": verdict()} | more
    return await quarantine.refused(history(*messages), key, more.pop("verdict"), upstream="openai", client="c", **more)


async def known(quarantine: Quarantine, *messages: Any, key: bytes = KEY) -> str:
    return known_text(await quarantine.known(history(*messages), key))


@pytest.mark.parametrize(
    ("refused", "is_one"),
    [
        (verdict(), True),
        (verdict(Class.BAD_REQUEST, Action.ROLLBACK), True),
        (verdict(Class.BAD_REQUEST), False),
        (verdict(Class.BAD_REQUEST, Action.REPAIR), False),
        (verdict(Class.CONTEXT), False),
        (verdict(Class.RATE_LIMITED), False),
        (verdict(source=Source.PROXY), False),
    ],
)
async def test_only_content_is_poison(quarantine: Quarantine, refused: Verdict, is_one: bool) -> None:
    assert is_poison(refused) is is_one
    await refuse(quarantine, BAD, verdict=refused)
    assert len(quarantine) == int(is_one)
    assert await quarantine.concerns(KEY) is is_one


@pytest.mark.parametrize(
    ("refused", "later", "where"),
    [
        pytest.param(
            [SYSTEM, USER, SAID, BAD], [SYSTEM, USER, SAID, BAD, USER], "known=3-3", id="before-the-next-question"
        ),
        pytest.param([USER, SAID, BAD], [USER, SAID, BAD], "known=2-2", id="sent-again"),
        pytest.param(
            [USER, SAID, BAD], [USER, SAID, BAD, SAID, USER, SAID, USER], "known=2-3", id="with-a-made-up-answer"
        ),
        pytest.param([USER, SAID, USER, BAD], [USER, SAID, USER, BAD, USER], "known=2-3", id="a-run-of-questions"),
        pytest.param(
            [USER, SAID, BAD, CALL, RESULT],
            [USER, SAID, BAD, CALL, RESULT, SAID, USER],
            "known=2-5",
            id="an-agents-turn",
        ),
        pytest.param([USER, SAID, BAD, CALL, RESULT], [USER, SAID, BAD, CALL], "", id="not-yet-there"),
        pytest.param([USER, SAID, BAD], [USER, BAD], "", id="another-past"),
        pytest.param([BAD], [SYSTEM, BAD], "", id="another-system-message"),
        pytest.param([USER, SAID, BAD], [USER, SAID, USER, SAID, BAD, USER], "", id="the-same-words-later"),
    ],
)
async def test_a_turn_is_known_after_the_same_past(
    quarantine: Quarantine, refused: list[Any], later: list[Any], where: str
) -> None:
    assert await refuse(quarantine, *refused) == ()
    assert await known(quarantine, *later) == where
    assert await known(quarantine, *later, key=OTHER) == ""
    assert not await quarantine.concerns(OTHER)


async def test_a_known_turn_explains_a_refusal_and_spares_the_newest(quarantine: Quarantine) -> None:
    await refuse(quarantine, BAD)
    assert known_text(await refuse(quarantine, BAD, USER)) == "known=0-0"
    assert [turn.refusals for turn in await quarantine.turns()] == [2]
    assert await known(quarantine, BAD, USER, USER) == "known=0-0"


async def test_where_the_known_turn_was_left_out_the_newest_is_at_fault(quarantine: Quarantine) -> None:
    await refuse(quarantine, BAD)
    again = BAD | {"content": "worse"}
    assert known_text(await refuse(quarantine, BAD, SAID, again, left_out=[(0, 1)])) == "known=0-1"
    assert await known(quarantine, BAD, SAID, again, USER) == "known=0-1,2-2"


async def test_a_refused_parameter_says_what_is_known_and_adds_nothing(quarantine: Quarantine) -> None:
    await refuse(quarantine, BAD)
    assert known_text(await refuse(quarantine, BAD, USER, verdict=verdict(Class.BAD_REQUEST))) == "known=0-0"
    assert [turn.refusals for turn in await quarantine.turns()] == [1]


async def test_turns_age_out_and_a_refusal_renews_them(quarantine: Quarantine, clock: Clock) -> None:
    await refuse(quarantine, BAD)
    clock.now += 3000
    await refuse(quarantine, BAD, USER)
    clock.now += 3000
    assert await known(quarantine, BAD, USER) == "known=0-0"
    clock.now += 3600
    assert await known(quarantine, BAD, USER) == ""
    assert not await quarantine.concerns(KEY)
    assert len(quarantine) == 0


async def test_turns_are_let_go_by_id_or_by_success(quarantine: Quarantine) -> None:
    await refuse(quarantine, BAD)
    (turn,) = await quarantine.turns()
    assert (turn.cls, turn.reason, turn.rule, turn.upstream, turn.client, turn.since) == (
        "content_filter",
        "policy",
        "r",
        "openai",
        "c",
        1000.0,
    )
    assert not await quarantine.release("x")
    assert not await quarantine.release("*")
    assert await quarantine.release(turn.id)
    assert not await quarantine.release(turn.id)
    assert await known(quarantine, BAD) == ""
    await refuse(quarantine, BAD)
    assert not await quarantine.taken(history(BAD, USER), KEY)
    assert not await quarantine.taken(history(BAD), OTHER)
    assert await quarantine.taken(history(BAD), KEY)
    assert await quarantine.turns() == []


async def test_nothing_of_a_message_or_a_caller_is_stored(clock: Clock) -> None:
    store = MemoryStore(clock)
    await refuse(Quarantine(store, 3600, clock), {"role": "user", "content": "top secret"})
    kept = {**await store.listing("turn", 10), **await store.listing("turns", 10)}
    assert len(kept) == 2
    assert not any(word in text for text in map(str, kept.items()) for word in ("top secret", "one"))


async def test_what_another_version_stored_is_passed_over(clock: Clock) -> None:
    store = MemoryStore(clock)
    quarantine = Quarantine(store, 3600, clock)
    await refuse(quarantine, BAD)
    (turn,) = await quarantine.turns()
    for odd in (b"", b"[]", b"{}", b'{"length": 1}', b"\xff"):
        await store.put(f"turn:{turn.id}", odd, 60)
        assert await known(quarantine, BAD) == ""
        assert await quarantine.turns() == []


async def test_a_known_turn_is_healed_away(quarantine: Quarantine) -> None:
    await refuse(quarantine, SYSTEM, USER, SAID, BAD, CALL, RESULT)
    later = [SYSTEM, USER, SAID, BAD, CALL, RESULT, USER]
    found = await quarantine.known(history(*later), KEY)
    done = heal(
        Dialect.OPENAI_CHAT,
        json.dumps({"messages": later}).encode(),
        poisoned=[(each.first, each.last) for each in found],
    )
    assert done is not None
    assert json.loads(done.body) == {"messages": [SYSTEM, USER, SAID, USER]}
    assert done.text == "dropped=3-5"
