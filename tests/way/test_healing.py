"""Healing and quarantine on the wire, in all four dialects: places as the client sent them, and what is never touched."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import aiohttp
import orjson
import pytest

from proxy.app import Service
from tests.wire import OK, Connection, Request, Script, headers_of, post, proxied, status_of, talk

KEY = "Authorization: Bearer sk-one"
HEAL = {"history": "heal"}


def refusal(message: str, code: str | None = None) -> bytes:
    body = orjson.dumps({"error": {"message": message, "type": "invalid_request_error", "code": code}})
    return b"HTTP/1.1 400 X\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body


FILTERED = refusal("The prompt was filtered due to triggering our content management policy.", "content_filter")


@dataclass(frozen=True)
class Wire:
    """One dialect as it is spelled."""

    path: str
    member: str
    user: Callable[[str], Any]
    model: Callable[[str], Any]
    calls: Callable[[str], Any]
    result: Callable[[str], Any]
    system: tuple[Any, ...] = ()  # entries that stand for the system

    def body(self, *entries: Any, **more: Any) -> bytes:
        return orjson.dumps({"model": "m", self.member: list(entries), **more})

    def sent(self, request: Request) -> Any:
        return orjson.loads(request.body)[self.member]


def function(id_: str) -> Any:
    return {"id": id_, "type": "function", "function": {"name": "f", "arguments": "{}"}}


WIRES = {
    "openai_chat": Wire(
        "/v1/chat/completions",
        "messages",
        lambda text: {"role": "user", "content": text},
        lambda text: {"role": "assistant", "content": text},
        lambda id_: {"role": "assistant", "content": None, "tool_calls": [function(id_)]},
        lambda id_: {"role": "tool", "tool_call_id": id_, "content": "42"},
        ({"role": "system", "content": ""}, {"role": "developer", "content": "Be brief"}),
    ),
    "responses": Wire(
        "/v1/responses",
        "input",
        lambda text: {"role": "user", "content": [{"type": "input_text", "text": text}]},
        lambda text: {"role": "assistant", "content": text},
        lambda id_: {"type": "function_call", "call_id": id_, "name": "f", "arguments": "{}"},
        lambda id_: {"type": "function_call_output", "call_id": id_, "output": "42"},
        ({"role": "system", "content": ""},),
    ),
    "anthropic": Wire(
        "/v1/messages",
        "messages",
        lambda text: {"role": "user", "content": text},
        lambda text: {"role": "assistant", "content": [{"type": "text", "text": text}]},
        lambda id_: {"role": "assistant", "content": [{"type": "tool_use", "id": id_, "name": "f", "input": {}}]},
        lambda id_: {"role": "user", "content": [{"type": "tool_result", "tool_use_id": id_, "content": "42"}]},
    ),
    "gemini": Wire(
        "/v1beta/models/m:generateContent",
        "contents",
        lambda text: {"role": "user", "parts": [{"text": text}]},
        lambda text: {"role": "model", "parts": [{"text": text}]},
        lambda id_: {"role": "model", "parts": [{"functionCall": {"id": id_, "name": "f", "args": {}}}]},
        lambda id_: {
            "role": "user",
            "parts": [{"functionResponse": {"id": id_, "name": "f", "response": {"output": 42}}}],
        },
    ),
}


@pytest.fixture(params=list(WIRES.values()), ids=list(WIRES))
def wire(request: pytest.FixtureRequest) -> Wire:
    found: Wire = request.param
    return found


async def ask(service: Service, wire: Wire, body: bytes, key: str = KEY) -> dict[str, str]:
    received = await talk(service, post(body, wire.path, key, "Connection: close"))
    return {**headers_of(received), ":status": str(status_of(received))}


def vile() -> Script:
    """A provider that refuses whatever holds the bad words."""

    async def script(connection: Connection, request: Request) -> None:
        await connection.send(FILTERED if b"vile" in request.body else OK)

    return script


async def test_places_are_those_of_the_request_as_the_client_sent_it(wire: Wire) -> None:
    entries = [
        *wire.system,
        wire.user("a"),
        wire.calls("c1"),
        wire.user("b"),
        wire.model(""),
        wire.user("c"),
        wire.result("lost"),
        wire.model("d"),
        wire.user("newest"),
    ]
    at = len(wire.system)
    async with proxied(OK, **HEAL) as (service, up):
        told = await ask(service, wire, wire.body(*entries, temperature=1.0))
    faults = {f"orphan_tool_call@{at + 1}", f"empty_message@{at + 3}", f"orphan_tool_result@{at + 5}"}
    assert set(told["x-llm-history"].removeprefix("repaired=").split(",")) == faults
    sent = wire.sent(up.requests[0])
    assert sent[: at + 2] == entries[: at + 2]
    assert sent[-1] == entries[-1]
    assert wire.model("") not in sent
    assert b'"temperature":1.0' in up.requests[0].body


async def test_what_a_hint_says_is_where_heal_mends(wire: Wire) -> None:
    broken = wire.body(*wire.system, wire.user("a"), wire.calls("c1"), wire.user("b"))
    refused = refusal("An assistant message with 'tool_calls' must be followed by tool messages.")
    async with proxied(refused) as (service, _):
        told = await ask(service, wire, broken)
    assert told["x-llm-session-fault"] == f"{wire.member}[{len(wire.system) + 1}]: orphan_tool_call"


async def test_a_good_history_goes_out_byte_for_byte_and_nothing_is_told(wire: Wire) -> None:
    entries = [*wire.system, wire.user("a"), wire.calls("c1"), wire.result("c1"), wire.model("b"), wire.user("\\u00e9")]
    body = wire.body(*entries).replace(b",", b" ,\n").replace(b'"m"', b'"m", "n": 1.0e0')
    async with proxied(OK, **HEAL) as (service, up):
        received = await talk(service, post(body, wire.path, KEY))
    assert up.requests[0].body == body
    assert received == OK


async def test_the_newest_input_and_the_system_are_let_be_whatever_they_are(wire: Wire) -> None:
    """They may be empty, orphaned, or refused before: then the provider says so."""
    for newest in (wire.user(""), wire.result("nobody-called")):
        body = wire.body(*wire.system, wire.user("a"), wire.model("b"), newest)
        async with proxied(OK, **HEAL) as (service, up):
            told = await ask(service, wire, body)
        assert up.requests[0].body == body
        assert "x-llm-history" not in told


async def test_a_refused_turn_is_left_out_with_what_the_client_made_of_it(wire: Wire) -> None:
    past = [*wire.system, wire.user("a"), wire.model("b")]
    at = len(past)
    async with proxied(vile(), **HEAL) as (service, up):
        first = await ask(service, wire, wire.body(*past, wire.user("vile")))
        body = wire.body(*past, wire.user("vile"), wire.model("[error 400]"), wire.user("next"))
        second = await ask(service, wire, body)
        third = await ask(service, wire, wire.body(*past, wire.user("vile"), wire.user("next")))
        again = await ask(service, wire, wire.body(*past, wire.user("vile")))
    assert (first[":status"], second[":status"], third[":status"], again[":status"]) == ("400", "200", "200", "400")
    assert second["x-llm-history"] == f"dropped={at}-{at + 1}"
    assert wire.sent(up.requests[1]) == [*past, wire.user("next")]
    assert third["x-llm-history"] == f"dropped={at}-{at}"
    assert wire.sent(up.requests[2]) == [*past, wire.user("next")]
    assert again["x-llm-history"] == f"known={at}-{at}"  # as the newest it is asked again, and told
    assert b"vile" in up.requests[3].body


def moved(value: Any) -> Any:
    """The same words with other ids, a cache mark, and members in another order."""
    if isinstance(value, dict):
        out = {name: moved(each) for name, each in reversed(value.items())}
        for name in ("id", "call_id", "tool_call_id", "tool_use_id"):
            if isinstance(out.get(name), str):
                out[name] += "-again"
        if out.get("type") in ("text", "tool_result", "input_text"):
            out["cache_control"] = {"type": "ephemeral"}
        return out
    return [moved(each) for each in value] if isinstance(value, list) else value


async def test_a_turn_is_known_again_though_ids_marks_and_order_moved(wire: Wire) -> None:
    past = [wire.user("a"), wire.calls("c1"), wire.result("c1"), wire.model("b")]
    async with proxied(vile(), **HEAL) as (service, up):
        await ask(service, wire, wire.body(*past, wire.user("vile")))
        told = await ask(service, wire, wire.body(*moved(copy.deepcopy([*past, wire.user("vile")])), wire.user("next")))
    assert told["x-llm-history"] == "dropped=4-4"
    assert b"vile" not in up.requests[1].body


async def test_another_past_another_model_and_another_caller_are_not_touched(wire: Wire) -> None:
    thread = [wire.user("a"), wire.model("b"), wire.user("vile")]
    later = [*thread, wire.user("next")]
    async with proxied(vile(), **HEAL) as (service, _):
        await ask(service, wire, wire.body(*thread))
        others = [
            await ask(service, wire, wire.body(wire.user("A"), *later[1:])),
            await ask(service, wire, wire.body(*later), "Authorization: Bearer sk-two"),
            await ask(service, wire, wire.body(*later), "X-Trace: nobody"),
        ]
        assert (await ask(service, wire, wire.body(*later)))[":status"] == "200"
    assert [each[":status"] for each in others] == ["400"] * 3
    assert not any("x-llm-history" in each for each in others)


async def test_a_word_that_many_send_beside_their_key_makes_them_no_one_caller() -> None:
    wire = WIRES["anthropic"]
    dummy = "Authorization: Bearer dummy\r\nX-Api-Key: "
    later = wire.body(wire.user("vile"), wire.user("next"))
    async with proxied(vile(), **HEAL) as (service, _):
        await ask(service, wire, wire.body(wire.user("vile")), dummy + "one")
        told = [await ask(service, wire, later, dummy + key) for key in ("two", "one")]
    assert [each[":status"] for each in told] == ["400", "200"]


async def test_a_caller_whose_requests_are_signed_anew_each_time_is_known_by_its_key() -> None:
    wire = WIRES["anthropic"]
    signed = "Authorization: AWS4-HMAC-SHA256 Credential={}/20261121/us-east-1/bedrock/aws4_request, Signature={}"
    later = wire.body(wire.user("vile"), wire.user("next"))
    async with proxied(vile(), **HEAL) as (service, up):
        await ask(service, wire, wire.body(wire.user("vile")), signed.format("AKIA1", "a1"))
        told = [await ask(service, wire, later, signed.format(*each)) for each in (("AKIA2", "b2"), ("AKIA1", "c3"))]
    assert [each.get("x-llm-history") for each in told] == [None, "known=0-0"]
    assert up.requests[2].body == later  # its bytes are signed


async def test_observing_nothing_is_mended_or_left_out_but_counted(wire: Wire) -> None:
    thread = [wire.user("a"), wire.model("b"), wire.user("vile")]
    body = wire.body(*thread, wire.calls("c1"), wire.user("next"))
    async with proxied(vile(), mode="observe", **HEAL) as (service, up):
        await ask(service, wire, wire.body(*thread))
        told = await ask(service, wire, body)
        scraped = service.reporter.scrape("")[0]
    assert up.requests[1].body == body
    assert told["x-llm-history"] == "known=2-3"
    assert b'would_total{upstream="up",what="repair"} 1.0' in scraped
    assert b'history_repairs_total{fault="orphan_tool_call"}' not in scraped


async def test_a_turn_ages_out() -> None:
    wire = WIRES["openai_chat"]
    async with proxied(vile(), **HEAL) as (service, _):
        service._quarantine.ttl_s = 60.0
        await ask(service, wire, wire.body(wire.user("vile")))
        later = wire.body(wire.user("vile"), wire.user("next"))
        assert (await ask(service, wire, later))[":status"] == "200"
        async with _elapsed(service, 61.0):
            assert (await ask(service, wire, later))[":status"] == "400"


def _elapsed(service: Service, seconds: float) -> Any:
    """As if so much time had passed for the store."""
    store: Any = service.store
    clock = store._clock

    class Later:
        async def __aenter__(self) -> None:
            store._clock = lambda: clock() + seconds

        async def __aexit__(self, *_: object) -> None:
            store._clock = clock

    return Later()


async def test_an_operator_lets_a_turn_go() -> None:
    wire = WIRES["openai_chat"]
    async with proxied(vile(), **HEAL) as (service, _), aiohttp.ClientSession(service.admin_url) as admin:
        await ask(service, wire, wire.body(wire.user("vile")))
        later = wire.body(wire.user("vile"), wire.user("next"))
        assert (await ask(service, wire, later))[":status"] == "200"
        async with admin.get("/status.json") as answer:
            text = await answer.text()
            (turn,) = orjson.loads(text)["quarantine"]
        assert "vile" not in text
        assert "sk-one" not in text
        for status in (204, 404):
            async with admin.delete(f"/quarantine/{turn['id']}") as answer:
                assert answer.status == status
        assert (await ask(service, wire, later))[":status"] == "400"


async def test_counting_the_tokens_of_a_turn_releases_nothing() -> None:
    wire = WIRES["anthropic"]

    async def script(connection: Connection, request: Request) -> None:
        refuses = b"vile" in request.body and not request.target.endswith(b"count_tokens")
        await connection.send(FILTERED if refuses else OK)

    async with proxied(script, **HEAL) as (service, _):
        await ask(service, wire, wire.body(wire.user("vile")))
        counted = await talk(service, post(wire.body(wire.user("vile")), "/v1/messages/count_tokens", KEY))
        assert status_of(counted) == 200
        told = await ask(service, wire, wire.body(wire.user("vile"), wire.user("next")))
    assert (told[":status"], told["x-llm-history"]) == ("200", "dropped=0-0")


async def test_what_was_mended_is_told_though_no_answer_came() -> None:
    wire = WIRES["openai_chat"]

    async def script(connection: Connection, _: Request) -> None:
        connection.reset()

    async with proxied(script, **HEAL, retry={"max": 0}) as (service, _):
        told = await ask(service, wire, wire.body(wire.user("a"), wire.calls("c1"), wire.user("b")))
    assert (told[":status"], told["x-llm-history"]) == ("502", "repaired=orphan_tool_call@1")


async def test_in_hint_mode_a_success_releases_nothing() -> None:
    wire, refuses = WIRES["openai_chat"], [True, False, True]

    async def script(connection: Connection, _: Request) -> None:
        await connection.send(FILTERED if refuses.pop(0) else OK)

    async with proxied(script) as (service, _):
        told = [await ask(service, wire, wire.body(wire.user("vile"))) for _ in range(3)]
    assert [each.get("x-llm-history") for each in told] == [None, None, "known=0-0"]


async def test_in_hint_mode_nothing_is_read_of_what_goes_well(monkeypatch: pytest.MonkeyPatch) -> None:
    def read(*_: object) -> None:
        raise AssertionError("a history was read")

    for module in ("amend", "advise"):
        monkeypatch.setattr(f"proxy.way.{module}.{'read' if module == 'amend' else 'hint'}", read)
    wire = WIRES["openai_chat"]
    async with proxied(OK) as (service, _):
        assert (await ask(service, wire, wire.body(wire.user("a"))))[":status"] == "200"


async def test_who_has_nothing_in_quarantine_costs_one_look_and_no_digest(monkeypatch: pytest.MonkeyPatch) -> None:
    def digest(*_: object) -> None:
        raise AssertionError("a history was digested")

    wire = WIRES["openai_chat"]
    async with proxied(vile(), **HEAL) as (service, _):
        await ask(service, wire, wire.body(wire.user("vile")), "Authorization: Bearer sk-two")
        monkeypatch.setattr("proxy.session.quarantine.chain", digest)
        monkeypatch.setattr("proxy.session.replays._name", digest)
        assert (await ask(service, wire, wire.body(wire.user("a"), wire.model("b"), wire.user("c"))))[
            ":status"
        ] == "200"
