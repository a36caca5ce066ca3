"""Threads through a real proxy: what is told of a refused history, what is mended, what is left out."""

from __future__ import annotations

import itertools

import orjson
import pytest

from tests.wire import OK, Connection, Request, Script, body_part, headers_of, post, proxied, status_of, talk

KEY = "Authorization: Bearer sk-one"
OTHER = "Authorization: Bearer sk-two"
PATH = "/v1/chat/completions"


def refusal(message: str, code: str | None = None, status: int = 400) -> bytes:
    body = orjson.dumps({"error": {"message": message, "type": "invalid_request_error", "code": code}})
    head = b"HTTP/1.1 %d X\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % (status, len(body))
    return head + body


ORPHAN = refusal(
    "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'."
)
FILTERED = refusal(
    "The response was filtered due to the prompt triggering our content management policy.", "content_filter"
)
CALL = {
    "role": "assistant",
    "tool_calls": [{"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
}
ASKED = {"role": "user", "content": "hi"}
BROKEN = [ASKED, CALL, {"role": "user", "content": "and?"}]
BAD = {"role": "user", "content": "something vile"}


def chat(*messages: object, **more: object) -> bytes:
    return orjson.dumps({"model": "m", "messages": list(messages), **more})


async def test_a_history_out_of_order_is_told_with_its_place() -> None:
    async with proxied(ORPHAN) as (service, up):
        headers = headers_of(await talk(service, post(chat(*BROKEN), PATH, KEY)))
    assert headers["x-llm-session-action"] == "repair"
    assert headers["x-llm-session-fault"] == "messages[1]: orphan_tool_call"
    assert up.requests[0].body == chat(*BROKEN)


async def test_nothing_is_told_where_histories_are_off() -> None:
    async with proxied(ORPHAN, history="off") as (service, _):
        headers = headers_of(await talk(service, post(chat(*BROKEN), PATH, KEY)))
    assert "x-llm-session-fault" not in headers
    assert headers["x-llm-session-action"] == "repair"


async def test_a_refused_turn_is_counted_from_the_end() -> None:
    messages = [ASKED, {"role": "assistant", "content": "hello"}, BAD]
    async with proxied(FILTERED) as (service, _):
        headers = headers_of(await talk(service, post(chat(*messages), PATH, KEY)))
    assert headers["x-llm-session-action"] == "rollback"
    assert headers["x-llm-session-rollback"] == "1"
    assert headers["x-llm-session-rollback-last"] == "1"
    assert "x-llm-history" not in headers


async def test_heal_mends_on_the_way_out_and_says_so() -> None:
    async with proxied(OK, history="heal") as (service, up):
        received = await talk(service, post(chat(*BROKEN), PATH, KEY))
        scraped = service.reporter.scrape("")[0]
    assert status_of(received) == 200
    assert headers_of(received)["x-llm-history"] == "repaired=orphan_tool_call@1"
    sent = orjson.loads(up.requests[0].body)["messages"]
    assert [message["role"] for message in sent] == ["user", "assistant", "tool", "user"]
    assert sent[2]["tool_call_id"] == "a"
    assert b'history_repairs_total{fault="orphan_tool_call"} 1.0' in scraped


async def test_heal_sends_a_good_history_byte_for_byte() -> None:
    body = b'{"model" : "m", "messages": [ {"role":"user","content":"\\u00e9 1.0e0"} ] , "n": 1.0}'
    async with proxied(OK, history="heal") as (service, up):
        received = await talk(service, post(body, PATH, KEY))
    assert up.requests[0].body == body
    assert received == OK


@pytest.mark.parametrize("header", ["Content-Digest: sha-256=:x:", "Authorization: AWS4-HMAC-SHA256 Credential=a"])
async def test_a_signed_body_is_never_changed(header: str) -> None:
    async with proxied(OK, history="heal") as (service, up):
        await talk(service, post(chat(*BROKEN), PATH, header))
    assert up.requests[0].body == chat(*BROKEN)


async def test_observe_only_counts_what_would_be_mended() -> None:
    async with proxied(OK, history="heal", mode="observe") as (service, up):
        received = await talk(service, post(chat(*BROKEN), PATH, KEY))
        scraped = service.reporter.scrape("")[0]
    assert up.requests[0].body == chat(*BROKEN)
    assert received == OK
    assert b'would_total{upstream="up",what="repair"} 1.0' in scraped


def picky(connection_log: list[bytes]) -> Script:
    """A provider that refuses whatever holds the bad turn."""

    async def script(connection: Connection, request: Request) -> None:
        connection_log.append(request.body)
        await connection.send(FILTERED if b"vile" in request.body else OK)

    return script


async def test_a_refused_turn_is_known_again_and_told() -> None:
    seen: list[bytes] = []
    async with proxied(picky(seen)) as (service, _):
        first = headers_of(await talk(service, post(chat(BAD), PATH, KEY)))
        again = headers_of(await talk(service, post(chat(BAD, ASKED), PATH, KEY)))
        other = headers_of(await talk(service, post(chat(BAD, ASKED), PATH, OTHER)))
    assert "x-llm-history" not in first
    assert again["x-llm-history"] == "known=0-0"
    assert "x-llm-history" not in other


async def test_heal_leaves_a_refused_turn_out() -> None:
    seen: list[bytes] = []
    async with proxied(picky(seen), history="heal") as (service, _):
        assert (
            status_of(await talk(service, post(chat(ASKED, {"role": "assistant", "content": "a"}, BAD), PATH, KEY)))
            == 400
        )
        thread = [ASKED, {"role": "assistant", "content": "a"}, BAD, {"role": "user", "content": "next"}]
        healed = await talk(service, post(chat(*thread), PATH, KEY))
        moved = await talk(service, post(chat(BAD, {"role": "user", "content": "next"}), PATH, KEY))
        other = await talk(service, post(chat(*thread), PATH, OTHER))
    assert status_of(healed) == 200
    assert headers_of(healed)["x-llm-history"] == "dropped=2-2"
    assert b"vile" not in seen[1]
    assert status_of(moved) == 400  # the same words after another past
    assert status_of(other) == 400  # another caller's


async def test_a_refused_turn_is_released_when_it_is_taken_after_all() -> None:
    refuses = [True]

    async def script(connection: Connection, request: Request) -> None:
        await connection.send(FILTERED if b"vile" in request.body and refuses[0] else OK)

    async with proxied(script, history="heal") as (service, _):
        assert status_of(await talk(service, post(chat(BAD), PATH, KEY))) == 400
        refuses[0] = False
        assert status_of(await talk(service, post(chat(BAD), PATH, KEY))) == 200
        after = await talk(service, post(chat(BAD, ASKED), PATH, KEY))
    assert "x-llm-history" not in headers_of(after)


async def test_a_parameter_quarantines_nothing() -> None:
    wrong = refusal("Unsupported parameter: 'max_tokens' is not supported with this model.", "unsupported_parameter")
    async with proxied(wrong) as (service, _):
        await talk(service, post(chat(ASKED), PATH, KEY))
        again = headers_of(await talk(service, post(chat(ASKED), PATH, KEY)))
        assert b"quarantined_turns 0.0" in service.reporter.scrape("")[0]
    assert again["x-llm-session-action"] == "keep"
    assert "x-llm-history" not in again


async def test_a_stale_handle_is_named_and_in_heal_mode_dropped_once() -> None:
    gone = refusal("Previous response with id 'resp_1' not found.", "previous_response_not_found")

    async def script(connection: Connection, request: Request) -> None:
        await connection.send(gone if b"resp_1" in request.body else OK)

    body = orjson.dumps(
        {
            "model": "m",
            "previous_response_id": "resp_1",
            "input": [
                {"role": "user", "content": "a"},
                {"role": "assistant", "content": "b"},
                {"role": "user", "content": "c"},
            ],
        }
    )
    async with proxied(script) as (service, up):
        hinted = headers_of(await talk(service, post(body, "/v1/responses", KEY)))
        assert len(up.requests) == 1
    async with proxied(script, history="heal") as (service, up):
        healed = await talk(service, post(body, "/v1/responses", KEY))
        assert len(up.requests) == 2
    async with proxied(script, history="heal", mode="observe") as (service, only_once):
        observed = headers_of(await talk(service, post(body, "/v1/responses", KEY)))
        assert len(only_once.requests) == 1
        assert b'would_total{upstream="up",what="forget"} 1.0' in service.reporter.scrape("")[0]
    assert "x-llm-history" not in observed
    assert hinted["x-llm-session-action"] == "new_session"
    assert hinted["x-llm-session-reset"] == "true"
    assert hinted["x-llm-session-fault"] == "previous_response_id"
    assert status_of(healed) == 200
    assert headers_of(healed)["x-llm-history"] == "forgot=previous_response_id"
    assert b"resp_1" not in up.requests[1].body


async def test_what_a_provider_was_seen_to_refuse_is_healed_from_then_on() -> None:
    order = refusal("Conversation roles must alternate user/assistant/user/assistant/...")
    thread = [ASKED, {"role": "user", "content": "more"}, {"role": "assistant", "content": "a"}, ASKED]

    def alternates(body: bytes) -> bool:
        roles = [message["role"] for message in orjson.loads(body)["messages"]]
        return all(one != next_ for one, next_ in itertools.pairwise(roles))

    async def script(connection: Connection, request: Request) -> None:
        await connection.send(OK if alternates(request.body) else order)

    async with proxied(script, history="heal") as (service, _):
        first = await talk(service, post(chat(*thread), PATH, KEY))
        second = await talk(service, post(chat(*thread), PATH, KEY))
    assert status_of(first) == 400
    assert status_of(second) == 200
    assert "role_order@" in headers_of(second)["x-llm-history"]


async def test_no_prompt_reaches_a_log_a_metric_or_an_error(caplog: pytest.LogCaptureFixture) -> None:
    seen: list[bytes] = []
    async with proxied(picky(seen), history="heal") as (service, _):
        received = await talk(service, post(chat(BAD), PATH, KEY))
        scraped = service.reporter.scrape("")[0]
        snapshot = orjson.dumps(service.reporter.snapshot())
    for text in (body_part(received), scraped, snapshot, caplog.text.encode()):
        assert b"vile" not in text
        assert b"sk-one" not in text
