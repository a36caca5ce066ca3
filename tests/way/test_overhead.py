"""What the proxy says of its own share: waits for the provider are none of it."""

from __future__ import annotations

import re

import pytest

from tests.wire import OK, Connection, Request, post, proxied, status_of, talk

EVENTS = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
DONE = b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n"


@pytest.mark.parametrize("pieces", [(EVENTS, DONE), (OK[:-2], OK[-2:])], ids=["stream", "json"])
async def test_a_wait_behind_the_head_is_the_providers(pieces: tuple[bytes, bytes]) -> None:
    async def script(connection: Connection, _: Request) -> None:
        await connection.send(*pieces, pause_s=0.3)

    async with proxied(script) as (service, _):
        assert status_of(await talk(service, post(), quiet_s=0.5)) == 200
        scraped = service.reporter.scrape("")[0].decode()

    def measured(name: str) -> float:
        found = re.search(rf"^llm_triage_{name}_seconds_sum{{.*}} (\S+)$", scraped, re.MULTILINE)
        assert found is not None
        return float(found[1])

    assert measured("time_to_first_byte") >= 0.29
    assert 0 < measured("overhead") < 0.2
