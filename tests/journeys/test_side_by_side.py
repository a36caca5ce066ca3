"""Each trouble before the official clients alone and before the proxy, which never makes it worse: same server, same
clients with their own retries on, the proxy with its default settings, nobody's waits shortened.

Equal or better means: an answer where there was one directly, at most 50 ms later; the same error where there was none; and
no more requests at the provider than directly but for the budget's share. The clients are given their luckiest chance, their
shortest waits, and the proxy both ends of its own, so that the bound is no matter of luck. A busy machine can only make a
call later: the least of some rounds counts.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from email.utils import formatdate
from typing import Any, TypeAlias

import anthropic
import anthropic._base_client
import openai
import openai._base_client
import pytest

from tests.journeys.calls import FORMS as ALL
from tests.journeys.calls import Form, Outcome, chat, messages
from tests.journeys.conftest import start_proxy
from tests.journeys.troubles import (
    BROKEN,
    CLOSED,
    CUT_HEAD,
    DOWN,
    NO_HTTP,
    Trouble,
    Troubled,
    always,
    broken_behind_the_head,
    failed,
    first,
    good,
    half,
    limited,
    overloaded_event,
    until,
)
from tests.provider import RESET, Turn, Wire, provider, refusing_port, reply

STREAMS = ["openai_chat_sync_stream", "anthropic_sync_stream"]
FORMS = ["openai_chat_sync", "anthropic_sync", *STREAMS]
CHANCES = [0.0, 0.999]
LATER_S = 0.05
SHARE, LEAST = 0.2, 3  # of the budget
ROUNDS = 4

CONTEXT = ssl.create_default_context()  # made once: that is most of what a client costs


@pytest.fixture
def _clients_do_not_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """Here they do, and each as short as its jitter allows."""
    for base in (openai._base_client, anthropic._base_client):
        monkeypatch.setattr(base, "random", lambda: 1.0)


@pytest.fixture(autouse=True)
async def _enough_threads() -> None:
    """Each synchronous client blocks one."""
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(16))


@dataclass(frozen=True, slots=True)
class Came:
    """What came of a call."""

    outcome: Outcome
    requests: int  # at the provider
    began_at: float  # when the first of them arrived there
    done_at: float  # when the application had the outcome


async def ask(form: str, url: str, **options: Any) -> Outcome:
    make = anthropic.DefaultHttpxClient if form.startswith("anthropic") else openai.DefaultHttpxClient
    return await ALL[form](url, "m", http_client=make(verify=CONTEXT), **options)


async def call(form: str, trouble: Trouble, chance: float | None, **options: Any) -> Came:
    """`chance`: the proxy's; None: without the proxy."""
    server = Troubled(trouble, form)
    async with provider(server.script) as up, before(up.url, chance) as url:
        outcome = await ask(form, url, **options)
        done_at = time.monotonic()
    return Came(outcome, len(server.times), server.times[0], done_at)


@contextlib.asynccontextmanager
async def before(upstream: str, chance: float | None) -> AsyncIterator[str]:
    """Where the client calls."""
    if chance is None:
        yield upstream
        return
    async with start_proxy(upstream, retry={}) as proxy:
        assert proxy._proxy is not None
        proxy._proxy.persistence.chance = lambda: chance
        yield proxy.data_url


def assert_no_worse(through: Came, direct: Came) -> None:
    assert through.requests <= direct.requests + max(LEAST, SHARE * direct.requests)
    if direct.outcome.is_good:
        assert through.outcome.is_good, through
        return
    assert not through.outcome.is_silent_half
    if (
        isinstance(direct.outcome.error, openai.APIStatusError | anthropic.APIStatusError)
        and not through.outcome.is_good
    ):
        assert type(through.outcome.error) is type(direct.outcome.error)
        if direct.outcome.status != 200:  # else an event in a stream
            assert (through.outcome.status, through.outcome.body) == (direct.outcome.status, direct.outcome.body)


Way: TypeAlias = "tuple[str, float | None]"
"""A form of the call, and the proxy's chance or None for no proxy."""


async def compare(
    make: Callable[[str, float | None], Awaitable[Came]],
    *,
    forms: Sequence[str] = FORMS,
    chances: Sequence[float] = CHANCES,
    by_the_clock: bool = False,
) -> None:
    """`by_the_clock`: all end at the same time, whenever they began."""
    ways: list[Way] = [(form, chance) for form in forms for chance in (None, *chances)]
    late = {way: float("inf") for way in ways if way[1] is not None}
    for _ in range(ROUNDS):
        came = dict(zip(ways, await asyncio.gather(*(make(*way) for way in ways)), strict=True))
        for way, least_s in late.items():
            through, direct = came[way], came[way[0], None]
            assert_no_worse(through, direct)
            late[way] = min(least_s, later(through, direct, by_the_clock=by_the_clock))
        if max(late.values()) <= LATER_S:
            return
    raise AssertionError(late)


def later(through: Came, direct: Came, *, by_the_clock: bool) -> float:
    if not direct.outcome.is_good:
        return 0.0
    began_later_s = 0.0 if by_the_clock else through.began_at - direct.began_at
    return through.done_at - direct.done_at - began_later_s


GOOGLE = {
    "error": {
        "code": 429,
        "message": "Slow",
        "status": "RESOURCE_EXHAUSTED",
        "details": [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "0.3s"}],
    }
}
RESET_HEADERS = {"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "300ms"}
QUOTA = reply(429, b'{"error": {"message": "You exceeded your current quota", "code": "insufficient_quota"}}')

PASSING: dict[str, Callable[[str], Trouble]] = {
    "closed before the head": lambda _: first(CLOSED),
    "reset before the head": lambda _: first(BROKEN),
    "reset before the head, twice": lambda _: first(BROKEN, BROKEN),
    "reset inside the head": lambda _: first((CUT_HEAD, 0.02, RESET)),
    "reset behind the head": lambda form: first(broken_behind_the_head(form)),
    "half an answer": lambda form: first(half(form)),
    "no HTTP": lambda _: first(NO_HTTP),
    "a slow head": lambda form: first((0.3, good(form))),
    "408": lambda _: first(failed(408)),
    "409": lambda _: first(failed(409)),
    "429 without a wait": lambda _: first(limited()),
    "429 without a wait, twice": lambda _: first(limited(), limited()),
    "429, retry-after in seconds": lambda _: first(limited({"retry-after": "1"})),
    "429, retry-after in milliseconds, twice": lambda _: first(*[limited({"retry-after-ms": "300"})] * 2),
    "429, a wait in the body": lambda _: first(reply(429, json.dumps(GOOGLE).encode())),
    "429, a wait in prose, twice": lambda _: first(*[limited(message="Please try again in 300ms.")] * 2),
    "429, a wait in the reset of a window": lambda _: first(limited(RESET_HEADERS)),
    "500, 502": lambda _: first(failed(500), failed(502)),
    "503": lambda _: first(DOWN),
    "503, twice": lambda _: first(DOWN, DOWN),
    "503 with a wait": lambda _: first(failed(503, {"retry-after-ms": "200"})),
    "504": lambda _: first(failed(504)),
    "529, twice": lambda _: first(failed(529), failed(529)),
    "a reset, then 503": lambda _: first(BROKEN, DOWN),
}


@pytest.mark.parametrize("trouble", PASSING)
async def test_a_trouble_that_passes(trouble: str) -> None:
    await compare(lambda form, chance: call(form, PASSING[trouble](form), chance))


@pytest.mark.parametrize(("seconds", "turn"), [(0.3, DOWN), (1.0, DOWN), (1.0, BROKEN)])
async def test_an_outage_that_the_client_outlasts(seconds: float, turn: Turn) -> None:
    """The repeats must not all be spent on its first moments."""
    trouble = until(seconds, turn)
    await compare(lambda form, chance: call(form, trouble, chance), chances=[*CHANCES, 0.5])


@pytest.mark.parametrize("timeout_s", [2.0, 4.4])
async def test_an_outage_that_an_impatient_client_outlasts(timeout_s: float) -> None:
    """A quarter of its patience is the proxy's deadline, and shorter than its own repeats take."""
    await compare(lambda form, chance: call(form, until(1.0, DOWN), chance, timeout=timeout_s))


async def test_an_error_as_first_event() -> None:
    """Directly it is the end of the call."""
    await compare(lambda form, chance: call(form, first(overloaded_event(form)), chance), forms=STREAMS)


async def test_a_wait_until_a_date() -> None:
    """Whoever waits for it comes at that second, whenever it was told."""

    async def dated(form: str, chance: float | None) -> Came:
        date = formatdate(time.time() + 2, usegmt=True)
        return await call(form, first(limited({"retry-after": date})), chance)

    await compare(dated, by_the_clock=True)


async def test_nobody_listens_at_first() -> None:
    async def refused(form: str, chance: float | None) -> Came:
        server = Troubled(first(), form)
        with contextlib.ExitStack() as closed:
            port = closed.enter_context(refusing_port())
            async with before(f"http://127.0.0.1:{port}", chance) as url:
                began_at = time.monotonic()
                asked = asyncio.create_task(ask(form, url))
                await asyncio.sleep(0.2)
                closed.close()
                async with provider(server.script, port=port):
                    outcome = await asked
                    return Came(outcome, len(server.times), began_at, time.monotonic())

    await compare(refused)


LASTING: dict[str, Callable[[str], Trouble]] = {
    "closed": lambda _: always(CLOSED),
    "reset": lambda _: always(BROKEN),
    "half an answer": lambda form: always(half(form)),
    "400": lambda _: always(failed(400)),
    "401": lambda _: always(failed(401)),
    "408": lambda _: always(failed(408)),
    "409": lambda _: always(failed(409)),
    "429 without a wait": lambda _: always(limited()),
    "429, retry-after": lambda _: always(limited({"retry-after-ms": "100"})),
    "429, a wait in prose": lambda _: always(limited(message="Please try again in 100ms.")),
    "no money": lambda _: always(QUOTA),
    "500": lambda _: always(failed(500)),
    "502": lambda _: always(failed(502)),
    "503": lambda _: always(DOWN),
    "503 with a wait": lambda _: always(failed(503, {"retry-after-ms": "100"})),
    "for longer than the client bears": lambda _: first(BROKEN, DOWN, DOWN),
    "529": lambda _: always(failed(529)),
}


@pytest.mark.parametrize("trouble", LASTING)
async def test_a_trouble_that_lasts(trouble: str) -> None:
    await compare(lambda form, chance: call(form, LASTING[trouble](form), chance), chances=[0.0])


async def test_a_wait_of_an_hour_is_left_to_the_client() -> None:
    """openai gives up at once; anthropic alone would sleep it out (and hears through the proxy that it need not)."""
    hour = always(limited({"retry-after": "3600"}))
    forms = [form for form in FORMS if form.startswith("openai")]
    await compare(lambda form, chance: call(form, hour, chance), forms=forms, chances=[0.0])


MANY = 50


@dataclass(frozen=True, slots=True)
class Bulk:
    """What came of many calls at once."""

    outcomes: list[Outcome]
    requests: int
    took_s: float


async def many(form: Form, answer: Callable[[int], bytes], chance: float | None) -> Bulk:
    """`answer`: to the n-th request of one conversation's."""
    clients = anthropic if form is messages else openai
    tries: Counter[str] = Counter()

    async def script(wire: Wire) -> None:
        while True:
            model = json.loads((await wire.request()).body)["model"]
            tries[model] += 1
            await wire.act(answer(tries[model]))

    async def one(url: str, model: str) -> Outcome:
        return await form(url, model, http_client=clients.DefaultAsyncHttpxClient(verify=CONTEXT))

    async with provider(script) as up, before(up.url, chance) as url:
        begun = time.monotonic()
        outcomes = await asyncio.gather(*(one(url, f"m-{n}") for n in range(MANY)))
        return Bulk(outcomes, tries.total(), time.monotonic() - begun)


LASTING_REFUSALS = {
    "429 with a short wait": limited({"retry-after-ms": "200"}),
    "429 with a short wait in prose": limited(message="Please try again in 200ms."),
    "429 without a wait": limited(),
    "503": DOWN,
}


@pytest.mark.parametrize("refusal", LASTING_REFUSALS)
@pytest.mark.parametrize("form", [chat, messages], ids=["openai", "anthropic"])
async def test_many_calls_that_all_fail_cost_the_budgets_share_more(form: Form, refusal: str) -> None:
    said = LASTING_REFUSALS[refusal]
    direct, through = await asyncio.gather(many(form, lambda _: said, None), many(form, lambda _: said, 0.0))
    assert direct.requests == 3 * MANY
    assert through.requests <= direct.requests * (1 + SHARE) + LEAST * (1 + through.took_s // 10)
    for one in through.outcomes:
        assert (one.status, one.body) == (direct.outcomes[0].status, direct.outcomes[0].body)


@pytest.mark.parametrize("form", [chat, messages], ids=["openai", "anthropic"])
async def test_many_calls_that_are_told_to_wait_once_cost_what_they_cost_directly(form: Form) -> None:
    kind = "anthropic" if form is messages else "openai_chat"

    def answer(tries: int) -> bytes:
        return limited({"retry-after-ms": "300"}) if tries < 3 else good(kind)

    direct, through = await asyncio.gather(many(form, answer, None), many(form, answer, 0.5))
    assert all(one.is_good for one in (*direct.outcomes, *through.outcomes))
    assert through.requests == direct.requests == 3 * MANY
