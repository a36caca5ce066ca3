"""`proxy:` of an upstream: calls go through a forward proxy, whole addresses over HTTP and a tunnel over TLS."""

from __future__ import annotations

import base64

from tests.wire import OK, Connection, Request, config, running, talk, upstream

CALL = b"POST /v1/chat/completions?a=%2F HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}"


async def test_a_plain_call_tells_the_whole_address_and_the_name_it_may_pass_by() -> None:
    async with upstream(OK) as forward:
        settings = config("http://api.example:8000/base", up={"proxy": f"http://ann:secret@127.0.0.1:{forward.port}"})
        async with running(settings) as service:
            received = [await talk(service, CALL) for _ in range(2)]
    assert all(one.startswith(b"HTTP/1.1 200") for one in received)
    name = b"Basic " + base64.b64encode(b"ann:secret")
    for request in forward.requests:
        assert request.target == b"http://api.example:8000/base/v1/chat/completions?a=%2F"
        assert request.values("host") == [b"api.example:8000"]
        assert request.values("proxy-authorization") == [name]
        assert request.body == b"{}"


async def test_over_tls_it_sees_the_host_alone() -> None:
    async def refuse(at: Connection, _: Request) -> None:
        await at.send(b"HTTP/1.1 407 No\r\nContent-Length: 0\r\n\r\n")

    async with upstream(refuse) as forward:
        settings = config("https://api.example/base", up={"proxy": f"http://127.0.0.1:{forward.port}"})
        async with running(settings) as service:
            received = await talk(service, CALL.replace(b"\r\n\r\n", b"\r\nx-llm-retry: off\r\n\r\n"))
    assert forward.requests[0].line == b"CONNECT api.example:443 HTTP/1.1"
    assert received.startswith(b"HTTP/1.1 502")
    assert b"x-llm-error-class: network" in received.lower()
