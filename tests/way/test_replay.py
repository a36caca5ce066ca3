"""Poison by repetition: a refused request that comes again and again is answered from the last refusal, in heal mode only."""

from __future__ import annotations

import logging
from typing import Any

import orjson
import pytest

from proxy.app import Service
from tests.wire import OK, Connection, Request, body_part, config, headers_of, post, proxied, status_of, talk

KEY = "Authorization: Bearer sk-one"
OTHER = "Authorization: Bearer sk-two"
PATH = "/v1/chat/completions"
BODY = orjson.dumps({"model": "m", "messages": [{"role": "user", "content": "quiet words"}], "max_tokens": -1})
SAME = ("class", "reason", "scope", "rule", "confidence", "advice")


def answer(status: int, message: str, code: str | None = None, *headers: str) -> bytes:
    body = orjson.dumps({"error": {"message": message, "type": "invalid_request_error", "code": code}})
    lines = [f"HTTP/1.1 {status} So", "Content-Type: application/json", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


WRONG = answer(400, "Unsupported value: 'max_tokens'.", "unsupported_value", "X-Mine: 1", "X-Request-Id: req_1")
PICTURE = answer(400, "Invalid content type. image_url is only supported by certain models.")


async def ask(service: Service, body: bytes = BODY, key: str = KEY, path: str = PATH) -> bytes:
    return await talk(service, post(body, path, key, "Connection: close"))


def heal(**more: Any) -> dict[str, Any]:
    return {"history": "heal", **more}


async def test_after_three_replays_the_last_answer_is_given_again_and_says_so() -> None:
    async with proxied(WRONG, **heal()) as (service, up):
        real = [await ask(service) for _ in range(4)]
        assert not any("x-llm-replayed" in headers_of(each) for each in real)
        again = await ask(service)
        assert len(up.requests) == 4
    tags, told = headers_of(real[-1]), headers_of(again)
    assert status_of(again) == 400
    assert body_part(again) == body_part(real[-1])
    assert [told[f"x-llm-error-{name}"] for name in SAME] == [tags[f"x-llm-error-{name}"] for name in SAME]
    assert (tags["x-llm-error-source"], told["x-llm-error-source"]) == ("upstream", "proxy")
    assert (told["x-llm-replayed"], told["x-mine"], told["x-should-retry"]) == ("0", "1", "false")
    assert told["x-llm-session-action"] == tags["x-llm-session-action"] == "keep"
    assert "x-request-id" not in told
    assert told["x-llm-call-id"] != tags["x-llm-call-id"]


async def test_the_session_tags_of_the_last_answer_come_again() -> None:
    image = [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}]
    asked, said = {"role": "user", "content": "hi"}, {"role": "assistant", "content": "hello"}
    body = orjson.dumps({"model": "m", "messages": [asked, said, {"role": "user", "content": image}]})
    async with proxied(PICTURE, **heal(quarantine={"replays": 1})) as (service, up):
        await ask(service, body)
        real = headers_of(await ask(service, body))
        again = headers_of(await ask(service, body))
        assert len(up.requests) == 2
    names = [name for name in real if name.startswith("x-llm-session") or name == "x-llm-history"]
    assert {"x-llm-session-rollback", "x-llm-session-rollback-last", "x-llm-history"} <= set(names)
    assert [again[name] for name in names] == [real[name] for name in names]
    assert "x-llm-replayed" in again


async def test_another_request_path_or_caller_reaches_the_provider() -> None:
    async with proxied(WRONG, **heal(quarantine={"replays": 0})) as (service, up):
        await ask(service)
        assert "x-llm-replayed" in headers_of(await ask(service))
        for other in (
            await ask(service, BODY.replace(b"-1", b"-2")),
            await ask(service, BODY + b" "),
            await ask(service, path="/v1/other/chat/completions"),
            await ask(service, key=OTHER),
        ):
            assert "x-llm-replayed" not in headers_of(other)
        assert len(up.requests) == 5


async def test_without_a_credential_nothing_is_held() -> None:
    async with proxied(WRONG, **heal(quarantine={"replays": 0})) as (service, up):
        for _ in range(3):
            await talk(service, post(BODY, PATH))
        assert len(up.requests) == 3


@pytest.mark.parametrize("settings", [{}, {"history": "hint"}, {"history": "heal", "quarantine": {"hold": "0s"}}])
async def test_only_in_heal_mode_and_where_a_time_to_hold_is_set(settings: dict[str, Any]) -> None:
    async with proxied(WRONG, **settings) as (service, up):
        for _ in range(7):
            assert "x-llm-replayed" not in headers_of(await ask(service))
        assert len(up.requests) == 7


async def test_when_the_time_is_over_the_provider_is_asked_once_more() -> None:
    async with proxied(WRONG, **heal(quarantine={"replays": 1, "hold": "1s"})) as (service, up):
        clock = service._proxy
        assert clock is not None
        for _ in range(3):
            await ask(service)
        assert len(up.requests) == 2
        replays = service._threads.replays
        for requests in replays._callers.values():
            for failing in requests.values():
                failing.answered_at -= 1.0
        assert "x-llm-replayed" not in headers_of(await ask(service))
        assert "x-llm-replayed" in headers_of(await ask(service))
        assert len(up.requests) == 3


async def test_a_success_begins_anew() -> None:
    answers = [WRONG, OK, WRONG, WRONG]

    async def script(connection: Connection, _: Request) -> None:
        await connection.send(answers.pop(0))

    async with proxied(script, **heal(quarantine={"replays": 1})) as (service, _):
        told = [headers_of(await ask(service)) for _ in range(5)]
    assert ["x-llm-replayed" in each for each in told] == [False, False, False, False, True]


@pytest.mark.parametrize(
    "failure",
    [
        answer(401, "Incorrect API key provided.", "invalid_api_key"),
        answer(429, "You exceeded your current quota.", "insufficient_quota"),
        answer(404, "The model does not exist.", "model_not_found"),
    ],
    ids=["auth", "budget", "model"],
)
async def test_other_classes_are_never_held(failure: bytes) -> None:
    async with proxied(failure, **heal(quarantine={"replays": 0})) as (service, up):
        for _ in range(3):
            await ask(service)
        assert len(up.requests) == 3


async def test_observing_it_is_counted_only() -> None:
    async with proxied(WRONG, mode="observe", **heal(quarantine={"replays": 0})) as (service, up):
        for _ in range(3):
            assert "x-llm-replayed" not in headers_of(await ask(service))
        assert len(up.requests) == 3
        scraped = service.reporter.scrape("")[0]
    assert b'would_total{upstream="up",what="replay"} 2.0' in scraped


async def test_a_reload_changes_how_often_is_too_often() -> None:
    async with proxied(WRONG, **heal()) as (service, up):
        await ask(service)
        await service.reload(config(up.url, **heal(quarantine={"replays": 0})), service._rules)
        assert "x-llm-replayed" in headers_of(await ask(service))


async def test_a_replayed_poisoned_turn_is_one_line(caplog: pytest.LogCaptureFixture) -> None:
    """Also when the client goes on talking behind it, which makes another request of it each time."""
    messages: list[Any] = [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:,"}}]}]
    caplog.set_level(logging.INFO, "llm_triage")
    async with proxied(PICTURE) as (service, up):
        for number in range(5):
            await ask(service, orjson.dumps({"model": "m", "messages": messages}))
            messages.append({"role": "user", "content": f"turn {number}"})
        assert len(up.requests) == 5
        scraped = service.reporter.scrape("")[0]
    assert len([record for record in caplog.records if record.message == "call failed"]) == 1
    assert b'suppressed_reports_total{kind="repeated"} 4.0' in scraped
    assert b'errors_total{error_class="bad_request"' in scraped


async def test_long_and_chunked_uploads_go_on_as_they_came() -> None:
    """Heal mode reads a request before it goes out: one that is too long to be held is streamed, none of it lost."""
    padding = b'{"model":"m","pad":"' + b"x" * 300_000 + b'","messages":[]}'
    broken = orjson.dumps(
        {"model": "m", "messages": [{"role": "assistant", "content": ""}, {"role": "user", "content": "a"}]}
    )
    chunked = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (broken[:9], broken[9:])) + b"0\r\n\r\n"
    head = f"POST {PATH} HTTP/1.1\r\nHost: p\r\n{KEY}\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    async with proxied(OK, **heal(limits={"replay_bytes": "64KiB"})) as (service, up):
        call = post(padding, PATH, KEY)
        assert status_of(await talk(service, call[:100_000], call[100_000:], pause_s=0.02)) == 200
        healed = await talk(service, head, chunked, pause_s=0.02)
    assert up.requests[0].body == padding
    assert headers_of(healed)["x-llm-history"] == "repaired=empty_message@0"
    assert orjson.loads(up.requests[1].body)["messages"] == [{"role": "user", "content": "a"}]
    assert service._proxy is not None
    assert service._proxy.held.bytes == 0
