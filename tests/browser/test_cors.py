"""A page of another origin reads what a failed call means, where the configuration lets it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

CALL = """async (url) => {
  const answer = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: "Bearer any" },
    body: JSON.stringify({ model: "any", messages: [] }),
  }).catch((error) => error);
  if (answer instanceof Error) return { refused: answer.message };
  const tags = Object.fromEntries([...answer.headers].filter(([name]) => name.startsWith("x-")));
  return { status: answer.status, tags, error: (await answer.json()).error };
}"""


@pytest.fixture
async def origin() -> AsyncIterator[str]:
    """Somebody's web application."""

    async def page(_: web.Request) -> web.Response:
        return web.Response(text="<!doctype html><title>app</title>", content_type="text/html")

    app = web.Application()
    app.router.add_get("/", page)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


async def test_a_page_reads_the_tags_of_a_failed_call(browser: Any, start_proxy: Any, origin: str) -> None:
    proxy = await start_proxy(cors=[origin])
    page = await browser.new_page()
    await page.goto(origin)
    told = await page.evaluate(CALL, f"{proxy.data}/openai/v1/chat/completions")
    assert told["status"] == 502
    assert told["tags"]["x-llm-error-class"] == "network"
    assert told["tags"]["x-llm-error-reason"] == "refused"
    assert told["tags"]["x-llm-session-action"] == "reset"
    assert told["tags"]["x-should-retry"] == "true"
    assert told["error"]["message"]


async def test_a_page_that_is_not_named_reads_nothing(browser: Any, start_proxy: Any, origin: str) -> None:
    proxy = await start_proxy(cors=["https://app.example"])
    page = await browser.new_page()
    await page.goto(origin)
    told = await page.evaluate(CALL, f"{proxy.data}/openai/v1/chat/completions")
    assert told == {"refused": "Failed to fetch"}


async def test_no_page_reads_the_admin_port(browser: Any, start_proxy: Any, origin: str) -> None:
    proxy = await start_proxy(cors=[origin])
    page = await browser.new_page()
    await page.goto(origin)
    read = "url => fetch(url).then((answer) => answer.text()).catch((error) => error.message)"
    assert await page.evaluate(read, f"{proxy.admin}/status.json") == "Failed to fetch"
