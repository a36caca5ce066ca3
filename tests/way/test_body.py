"""Bodies on the wire: what is read before it is sent arrives whole all the same."""

from __future__ import annotations

import asyncio

import pytest

from tests.provider import answering, dial, provider
from tests.provider import request as message
from tests.wire import OK, config, post, request, running, status_of, talk


@pytest.mark.parametrize("size", [10, 5_000, 300_000])
@pytest.mark.parametrize("is_chunked", [False, True], ids=["length", "chunked"])
async def test_a_body_too_long_to_be_held_is_not_mended_and_not_lost(size: int, is_chunked: bool) -> None:
    body = b'{"messages":[{"role":"user","content":"' + b"x" * size + b'"}]}'
    settings = {"history": "heal", "limits": {"replay_bytes": 1000}}
    async with provider(answering(OK)) as up, running(config(up.url, **settings)) as service:
        if is_chunked:
            pieces = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in (body[:700], body[700:]) if piece)
            call = request("POST", "/v1/chat/completions", "Transfer-Encoding: chunked") + pieces + b"0\r\n\r\n"
            assert status_of(await talk(service, call)) == 200
        else:
            async with dial(service.data_url) as client:
                call = message("POST", "/v1/chat/completions", body)
                await client.send(call[: len(call) // 2])
                await asyncio.sleep(0.05)
                await client.send(call[len(call) // 2 :])
                assert (await client.answer("POST")).status == 200
        assert up.requests[0].body == body


@pytest.mark.parametrize("limits", [{"replay_bytes": 1000}, {"held_bytes": 1000}], ids=["each", "together"])
@pytest.mark.parametrize("size", [900, 1100, 5_000, 60_000])
async def test_a_body_beyond_a_limit_that_came_with_its_head_is_sent_whole(size: int, limits: dict[str, int]) -> None:
    async with provider(answering(OK)) as up, running(config(up.url, limits=limits)) as service:
        assert status_of(await talk(service, post(b"x" * size), timeout_s=3)) == 200
        chunked = request("POST", "/v1/chat/completions", "Transfer-Encoding: chunked")
        assert status_of(await talk(service, chunked + b"%x\r\n%b\r\n0\r\n\r\n" % (size, b"x" * size))) == 200
        assert [request.body for request in up.requests] == [b"x" * size] * 2
