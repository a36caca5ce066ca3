"""The status page as the person who is paged sees it."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from proxy.admin import AdminSettings, AdminState, build
from proxy.model import TRAITS, Class, Confidence, Source, Verdict, Wait, WaitOrigin
from proxy.report import CallReport, Metrics, Progress, Reporter, ReportSettings, Words, Would
from proxy.session.quarantine import Turn

SOON_MS = 2000

expect = pytest.importorskip("playwright.async_api", reason="needs the package playwright").expect


async def open_status(browser: Any, url: str, **how: Any) -> Any:
    page = await browser.new_page(**how)
    page.set_default_timeout(10_000)
    await page.goto(f"{url}/status")
    return page


async def live(page: Any) -> None:
    await expect(page.locator("#link")).to_have_text("Live", timeout=10_000)


async def test_a_failure_is_shown_within_two_seconds(browser: Any, watch: Any, start_proxy: Any) -> None:
    proxy = await start_proxy()
    page = await open_status(browser, proxy.admin)
    console = watch(page)
    await live(page)
    await expect(page.locator("#verdicts p")).to_have_text("No failure so far.")
    await proxy.fail()
    began = time.monotonic()
    await page.wait_for_selector("#verdicts li", timeout=SOON_MS)
    assert time.monotonic() - began < SOON_MS / 1000
    assert "network" in await page.inner_text("#verdicts summary .what")
    assert "refused" in await page.inner_text("#verdicts summary .what")
    assert "1" in await page.inner_text("#hour table")
    assert console.errors == []


async def test_an_outage_is_told_in_the_headline(browser: Any, start_proxy: Any) -> None:
    proxy = await start_proxy()
    page = await open_status(browser, proxy.admin)
    await live(page)
    for _ in range(5):
        await proxy.fail("anthropic")
    await expect(page.locator("[data-part=headline]")).to_have_text("Down: anthropic.")


async def test_the_page_survives_a_restart_of_the_proxy(browser: Any, watch: Any, start_proxy: Any) -> None:
    proxy = await start_proxy()
    page = await open_status(browser, proxy.admin)
    console = watch(page)
    await live(page)
    await proxy.fail()
    await page.wait_for_selector("#verdicts li")
    await proxy.stop()
    await expect(page.locator("#link")).to_have_text("Connection lost, trying again")
    await proxy.start()
    await live(page)
    await expect(page.locator("#verdicts li")).to_have_count(0)
    await proxy.fail()
    await page.wait_for_selector("#verdicts li")
    # A browser itself writes that nobody listened; the page's script can neither hinder that nor adds to it.
    assert [error for error in console.errors if "net::ERR_" not in error] == []


async def test_what_is_open_stays_open_while_the_page_is_renewed(browser: Any, start_proxy: Any) -> None:
    proxy = await start_proxy()
    await proxy.fail()
    page = await open_status(browser, proxy.admin)
    await live(page)
    await page.focus("#verdicts summary")
    await page.keyboard.press("Enter")
    await page.wait_for_selector("#verdicts details[open] .why")
    assert "What to do" in await page.inner_text("#verdicts .why")
    await proxy.fail()
    await expect(page.locator("#verdicts li")).to_have_count(2)
    assert await page.locator("#verdicts details[open]").count() == 1
    assert await page.evaluate("document.activeElement === document.querySelector('#verdicts li:nth-child(2) summary')")


async def test_the_tables_need_no_script(browser: Any, start_proxy: Any) -> None:
    proxy = await start_proxy()
    await proxy.fail()
    page = await open_status(browser, proxy.admin, java_script_enabled=False)
    assert "Without script" in await page.inner_text("header")
    assert "openai" in await page.inner_text("#upstreams tbody")
    assert "network" in await page.inner_text("#hour tbody")
    await page.click("#verdicts summary")
    assert "proxy.refused" in await page.inner_text("#verdicts .why")


async def test_the_keyboard_reaches_everything_in_order(browser: Any, start_proxy: Any) -> None:
    proxy = await start_proxy()
    await proxy.fail()
    page = await open_status(browser, proxy.admin)
    await live(page)
    reached = []
    for _ in range(5):
        await page.keyboard.press("Tab")
        reached.append(
            await page.evaluate("(document.activeElement.closest('[data-part]') || {dataset: {}}).dataset.part")
        )
    assert reached[:4] == ["clock", "upstreams", "quarantine", "verdicts"]


async def test_a_screen_reader_hears_names_and_states(browser: Any, start_proxy: Any) -> None:
    proxy = await start_proxy()
    await proxy.fail()
    page = await open_status(browser, proxy.admin)
    await live(page)
    for role, name in (
        ("heading", "Latest verdicts"), ("region", "Upstreams"), ("table", "Failures of the last hour, by class"),
        ("columnheader", "Why"), ("rowheader", "openai"),
    ):  # fmt: skip
        assert await page.get_by_role(role, name=name).first.is_visible(), (role, name)
    assert await page.get_by_role("img", name="Failures minute by minute: 1 in the last hour").count() == 1
    assert "All upstreams are well." in await page.get_by_role("status").all_inner_texts()


# A page with everything on it, for the eye: what is shown need not have happened.

CALLS = (
    (Class.RATE_LIMITED, "tokens_per_minute", "openai.tokens-per-minute", 429, 21.4),
    (Class.BUDGET_EXHAUSTED, "insufficient_quota", "openai.insufficient-quota", 429, None),
    (Class.OVERLOADED, "overloaded_error", "anthropic.overloaded", 529, None),
    (Class.PROVIDER_ERROR, "server_error", "common.500", 500, None),
    (Class.CONTEXT, "context_window", "openai.context-length", 400, None),
    (Class.BAD_REQUEST, "orphan_tool_result", "anthropic.tool-result-without-use", 400, None),
    (Class.NETWORK, "truncated_stream", "proxy.truncated_stream", 200, None),
    (Class.SESSION_EXPIRED, "previous_response_gone", "openai.previous-response", 404, None),
)


def reporter_with_a_bad_hour() -> Reporter:
    now_s, upstreams = 0.0, ("openai", "anthropic", "mistral")
    reasons = frozenset(reason for _, reason, *_ in CALLS)
    reporter = Reporter(
        ReportSettings(upstreams=upstreams, observed=frozenset({"mistral"})), Metrics(Words(upstreams=frozenset(upstreams), reasons=reasons)),
        clock=lambda: now_s, wall=lambda: 1_780_000_000.0 + now_s,
    )  # fmt: skip
    for minute in range(60):
        now_s = minute * 60.0 + 7
        for number in range((minute * minute) % 7 + (5 if minute > 50 else 0)):
            cls, reason, rule, status, wait_s = CALLS[(minute // 5 + number) % len(CALLS)]
            verdict = Verdict(
                cls=cls, reason=reason, rule=rule, confidence=Confidence.CODE, scope=TRAITS[cls].scope,
                action=TRAITS[cls].action, advice="Wait, then send the same request again." if TRAITS[cls].can_retry else "Change the request or the account.",
                source=Source.UPSTREAM, wait=None if wait_s is None else Wait(wait_s, WaitOrigin.RETRY_AFTER),
            )  # fmt: skip
            upstream = "anthropic" if "anthropic" in rule else "openai"
            if TRAITS[cls].can_retry:
                reporter.retrying(upstream, verdict, call_id="c", attempt=1, wait_s=1.0)
            reporter.attempt_failed(upstream, verdict)
            if upstream == "openai":
                reporter.attempt_succeeded(upstream)
            now_s += 1.7
            reporter.call_failed(
                CallReport(
                    call_id=f"{minute:02}{number:02}c7f3a91e", upstream=upstream, endpoint="chat_completions", method="POST",
                    path="/v1/chat/completions?api-version=2024-10-21", status=status, verdict=verdict, duration_s=4.21,
                    retries=2, client="cred-51c04fa2e7", provider_request_id="req_011CSHoEeqs",
                    stream=Progress(chunks=41, sent_bytes=9321, quiet_s=61.2) if reason == "truncated_stream" else None,
                )
            )  # fmt: skip
    reporter.inflight, reporter.waiting = 14, 3
    return reporter


class Turns:
    """Two turns in quarantine."""

    def __init__(self) -> None:
        self.kept = [
            Turn(
                id=f"7d0c5b{number}e91a4f0880c2b1d35e6a7f9012", length=1, cls="bad_request", reason="image_unreadable", rule="any.rule",
                action="rollback", client="web", upstream="anthropic", since=1_780_000_000.0, until=1_780_086_400.0,
                refusals=number + 1,
            )
            for number in range(2)
        ]  # fmt: skip

    async def listed(self, most: int) -> Sequence[Turn]:
        return self.kept[:most]

    async def release(self, turn_id: str) -> bool:
        self.kept = [turn for turn in self.kept if turn.id != turn_id]
        return True


@pytest.fixture
async def full() -> AsyncIterator[str]:
    reporter, turns = reporter_with_a_bad_hour(), Turns()
    reporter.would("mistral", Would.RETRY)
    state = AdminState(
        settings=lambda: AdminSettings(is_loopback=True), is_draining=lambda: False, scrape=reporter.scrape,
        snapshot=lambda: {**reporter.snapshot(), "quarantined_turns": len(turns.kept)},
        revision=lambda: reporter.status.revision, classify=lambda value, *, explain: {}, quarantine=turns,
        turns=turns.listed,
    )  # fmt: skip
    runner = web.AppRunner(build(state))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


@pytest.mark.parametrize("colors", ["light", "dark"])
@pytest.mark.parametrize(("device", "width", "height"), [("desk", 1280, 900), ("phone", 390, 844)])
async def test_nothing_is_cut_off_on_any_screen(
    browser: Any, watch: Any, full: str, screenshots: Path, device: str, width: int, height: int, colors: str
) -> None:
    page = await open_status(browser, full, viewport={"width": width, "height": height}, color_scheme=colors)
    console = watch(page)
    await live(page)
    await page.locator("#verdicts summary").first.click()
    await page.screenshot(path=screenshots / f"status-{device}-{colors}.png", full_page=True, animations="disabled")
    assert await page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    assert console.errors == []


@pytest.mark.parametrize("colors", ["light", "dark"])
async def test_every_text_stands_out_from_its_ground(browser: Any, full: str, colors: str) -> None:
    """Contrast of 4.5 to 1: https://www.w3.org/TR/WCAG22/#contrast-minimum."""
    page = await open_status(browser, full, color_scheme=colors)
    await live(page)
    await page.locator("#verdicts summary").first.click()
    assert await page.evaluate(CONTRAST) == []


CONTRAST = """() => {
  const light = (color) => {
    const [r, g, b] = color.match(/[\\d.]+/g).map(Number).map((v) => v / 255)
      .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (node) => {
    for (let at = node; at; at = at.parentElement) {
      const back = getComputedStyle(at).backgroundColor;
      if (back !== "rgba(0, 0, 0, 0)") return back;
    }
    return "rgb(255, 255, 255)";
  };
  const faint = new Set();
  for (const node of document.querySelectorAll("body *")) {
    const own = [...node.childNodes].some((child) => child.nodeType === 3 && child.textContent.trim());
    if (!own || node.closest("svg, script, noscript") || !node.checkVisibility()) continue;
    const [a, b] = [light(getComputedStyle(node).color), light(ground(node))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) faint.add(`${node.tagName} ${node.className} ${ratio.toFixed(2)}`);
  }
  return [...faint];
}"""


async def test_a_turn_is_released_from_the_page(browser: Any, watch: Any, full: str) -> None:
    page = await open_status(browser, full)
    console = watch(page)
    await live(page)
    await page.get_by_role("button", name="Release turn 7d0c5b0e91a").click()
    await expect(page.get_by_role("button", name="Release")).to_have_count(1)
    await expect(page.get_by_role("button", name="Release turn 7d0c5b1e91a")).to_be_visible()
    assert console.errors == []


async def test_a_page_of_another_edition_loads_itself_anew(browser: Any, full: str) -> None:
    page = await open_status(browser, full)
    await live(page)
    await page.evaluate("document.documentElement.dataset.edition = 'older'")
    await expect(page.locator("html")).not_to_have_attribute("data-edition", "older", timeout=10_000)
    await live(page)
