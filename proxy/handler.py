"""The story of one call, one line a stage: accept, address, ask, judge, persist, advise, deliver, report."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable, Mapping
from typing import Final

from aiohttp import web

from proxy.call.passed import Passed
from proxy.call.shared import Shared
from proxy.classifier import own_verdict
from proxy.client import Broke
from proxy.dialects import Problem, error_body
from proxy.model import Class, Dialect
from proxy.report.event import CallReport, Would
from proxy.report.reporter import Reporter
from proxy.retry.decide import Why
from proxy.setup import Setup
from proxy.stream import Watch
from proxy.way import cors, refuse
from proxy.way.accept import Call, accept, body_of
from proxy.way.address import Target, address
from proxy.way.advise import advise_own
from proxy.way.amend import Thread, Threads, is_signed
from proxy.way.ask import Answered, Ask, Attempt
from proxy.way.body import Body
from proxy.way.caller import caller_of, shared_name_of
from proxy.way.gate import Gate, Gated
from proxy.way.headers import lines_of
from proxy.way.heartbeat import Heartbeat, asks_for_stream, early_head
from proxy.way.judge import judge
from proxy.way.kept import Again
from proxy.way.persist import Persist, discard, model_of
from proxy.way.refuse import Refusal
from proxy.way.replay import Replay
from proxy.way.sink import Sink
from proxy.way.tag import new_call_id, tags
from proxy.way.tunnel import asks_for_upgrade

_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"


class Proxy(Shared):
    """Answers requests, and drains."""

    def __init__(
        self, setup: Setup, reporter: Reporter, threads: Threads, gate: Gate, begin: Begin | None = None
    ) -> None:
        """`begin`: what makes an exchange of a request, where it is to be more than one."""
        super().__init__(setup, reporter, threads, gate)
        self.begin: Begin = begin or Exchange
        self._idle = asyncio.Event()

    async def handle(self, http: web.BaseRequest) -> web.StreamResponse:
        """Answers one request, whatever happens; raises CancelledError where the client leaves."""
        setup = self.setup
        exchange = self.begin(self, setup, http)
        setup.calls += 1
        self.reporter.inflight += 1
        try:
            return await exchange.run()
        except asyncio.CancelledError:
            self.reporter.call_canceled(*exchange.labels())
            raise
        except Exception as fault:  # noqa: BLE001 - the last line: a bug must not leave the client without an answer
            return exchange.fault(fault)
        finally:
            exchange.end()
            self.reporter.inflight -= 1
            setup.calls -= 1
            if setup.retired and not setup.calls:
                await setup.close_if_idle()
            if self.draining and not self.reporter.inflight:
                self._idle.set()

    def refuse_raw(self, reason: str) -> bytes:
        """The answer to what never became a request; nothing of what came is repeated or told."""
        verdict = own_verdict(reason)
        facts = advise_own(verdict, new_call_id())
        status = refuse.STATUS[reason]
        self.reporter.call_failed(
            CallReport(
                call_id=facts.call_id,
                upstream="",
                endpoint="other",
                method="",
                path="",
                status=status,
                verdict=verdict,
                duration_s=0.0,
            )
        )
        body = error_body(None, Problem.of(status, verdict, facts))
        return refuse.answer(status, tags(verdict, facts), body, keep=False)

    def drain(self) -> None:
        """From here on calls are refused, and those that wait for a retry are answered with what there is."""
        self.draining = True
        self.persistence.pauses.end()
        if not self.reporter.inflight:
            self._idle.set()

    async def all_ended(self) -> None:
        """Waits, after `drain`, until no call is under way."""
        await self._idle.wait()


class Exchange(Passed):
    """One request and its answer."""

    __slots__ = ()

    async def run(self) -> web.StreamResponse:
        config = self.setup.config
        call = accept(self.http, self.setup.requests, head_bytes=config.limits.head_bytes)
        if isinstance(call, Refusal):
            return self.refuse(call.reason)
        self.call = call
        read = call.head.read
        if cors.is_preflight(call.method, read) and cors.allows(read["origin"], config.cors):
            return self.write(204, cors.preflight_answer(read), b"")
        if self.proxy.draining:
            return self.refuse("draining")
        route = self.setup.routes.of(call.path)
        if route is None:
            return self.refuse("no_upstream")
        self.route = route
        target = address(call, route, self.setup.clients)
        if isinstance(target, Refusal):
            return self.refuse(target.reason)
        self.target = target
        settings = route.settings
        observes = route.observes
        limits = config.limits
        if limits.inflight and self.proxy.reporter.inflight > limits.inflight:
            if not observes:
                return self.refuse("proxy_busy")
            self.would(Would.REFUSE_INFLIGHT)
        if target.lacks_credential:
            self.would(Would.REFUSE_CREDENTIAL)
        body = body_of(
            call,
            self.proxy.held,
            replay=limits.replay_bytes,
            max_bytes=limits.body_bytes,
            idle_s=settings.timeouts.upload_idle,
            observes=observes,
        )
        if isinstance(body, Refusal):
            return self.refuse(body.reason)
        self.body = body
        if body is not None and not body.is_complete and awaits_continue(self.http, read):
            self.send(_CONTINUE)
        if route.heals and body is not None and target.endpoint.dialect is not None and call.method == "POST":
            thread = self.thread = await self.read_thread(call, target, body)
            if body.fault is not None:
                return self.refuse(body.fault)
            if thread is not None:
                again = self.repeated(call, thread)
                if again is not None:
                    if not observes:
                        return self.answer_again(again)
                    self.would(Would.REPLAY)
                await self.mend(thread, target, body)
        if settings.gate and self.generates():
            again = await self.at_gate(call, target).pass_by()
            if again is not None:
                if not observes:
                    return self.answer_again(again)
                self.would(Would.GATE)
        total_s = settings.timeouts.total
        ask = Ask(
            call.method,
            target,
            body,
            first_byte_s=settings.timeouts.first_byte,
            deadline=self.started_at + total_s if total_s else None,
            is_upgrade=asks_for_upgrade(read),
        )
        caller = caller_of(call, target)
        self.proxy.persistence.budget.count(caller, self.started_at)
        attempt = await self.attempt(ask)
        self.sent_at = attempt.progress.started_at
        retries, used_up = 0, False
        if attempt.verdict is not None:
            self.call_id = new_call_id()
            if attempt.verdict.can_retry:
                attempt, retries, used_up = await self.persist(ask, attempt, caller)
            attempt = await self.without_handle(ask, attempt)
        if self.gated is not None and attempt.verdict is None and (self.gated.probes or retries):
            await self.gated.succeeded()
        return await self.answer(ask, attempt, retries=retries, used_up=used_up)

    async def attempt(self, ask: Ask) -> Attempt:
        """Asks once, and judges what came of it."""
        attempt = await ask.once()
        result = attempt.result
        target = ask.target
        if isinstance(result, Answered):
            try:
                await judge(result, self.look())
            except BaseException:
                result.response.close()
                raise
            attempt.verdict = result.verdict
            if result.is_cut:
                # Nothing has gone to the client: an answer that never began need not look like one.
                result.response.close()
                attempt.result = Broke("truncated_stream", connected=True)
                attempt.verdict = own_verdict("truncated_stream")
        else:
            attempt.verdict = self.own_verdict(result.reason)
        if attempt.verdict is not None:
            self.proxy.reporter.attempt_failed(target.route.name, attempt.verdict)
            if self.gated is not None:
                await self.gated.failed(self.kept(attempt, attempt.verdict))
        return attempt

    async def persist(self, ask: Ask, first: Attempt, caller: Hashable) -> tuple[Attempt, int, bool]:
        """The attempt to answer with, after how many retries, and whether the schedule was gone through."""
        assert self.call is not None
        persist = Persist(
            shared=self.proxy.persistence,
            settings=ask.target.route.settings.retry,
            ask=ask,
            request=self.call.head.read,
            caller=caller,
            started_at=self.started_at,
            clock=self.loop_time,
            reporter=self.proxy.reporter,
            call_id=self.call_id,
            heart=self.heartbeat(ask),
        )
        if ask.target.route.observes:
            retry = persist.would_retry(first)
            if retry is not None:
                self.would(Would.RETRY)
                if persist.heart is not None and persist.heart.is_due_in(retry.wait_s):
                    self.would(Would.HEARTBEAT)
            return first, 0, False
        self.heart = persist.heart
        driven = await persist.run(first, lambda _: self.attempt(ask))
        attempt, stop = driven.outcome, driven.stop
        if self.gated is not None and attempt.verdict is not None and stop is not None and stop.why is Why.BUDGET:
            await self.gated.failed(self.kept(attempt, attempt.verdict), drained=True)
        return attempt, driven.retries, stop is not None and stop.used_up

    def heartbeat(self, ask: Ask) -> Heartbeat | None:
        """Where comments can keep the client waiting. A page's stream needs the provider's own head to be read."""
        every_s, dialect = self.settings().stream.heartbeat, ask.target.endpoint.dialect
        if not every_s or not self.generates() or dialect in (None, Dialect.GEMINI) or "origin" in ask.target.headers:
            return None
        if ask.body is None or not asks_for_stream(ask.body.kept()):
            return None

        def begin() -> Sink:
            # Nothing can be written into a compressed stream, nor a compressed one into this.
            ask.target.headers["accept-encoding"] = "identity"
            self.began = True
            changes = "" if self.thread is None else self.thread.changes
            told = lines_of([("x-llm-history", changes)]) if changes else b""
            return Sink(self.http, early_head(), keep=self.keeps(), tags=told, status=200, reason="OK")

        return Heartbeat(every_s, started_at=self.started_at, clock=self.loop_time, begin=begin)

    def at_gate(self, call: Call, target: Target) -> Gated:
        def model() -> str:
            return model_of(None if self.body is None else self.body.kept(), target.path)

        self.gated = Gated(self.proxy.gate, shared_name_of(call, target), model)
        return self.gated

    async def read_thread(self, call: Call, target: Target, body: Body) -> Thread | None:
        """Heal mode: the request is read before it goes out. None where it cannot be, or may not be changed."""
        read = call.head.read
        if is_signed(read) or "content-encoding" in read:
            return None
        original = await body.read_whole()
        return None if original is None else self.thread_of(call, target, original)

    def repeated(self, call: Call, thread: Thread) -> Again | None:
        """Heal mode: what the provider refused time and again needs no asking for a while."""
        if thread.key is None:
            return None
        self.replay = Replay(self.proxy.threads.replays, thread.key, call.target, thread.body, self.loop_time)
        return self.replay.again()

    async def mend(self, thread: Thread, target: Target, body: Body) -> None:
        """Heal mode: the request is mended where its history needs it."""
        mended = await thread.mend()
        if mended is None or thread.healed is None:
            return
        if target.route.observes:
            thread.healed = None
            self.would(Would.REPAIR)
            return
        body.replace(mended)
        target.headers["content-length"] = str(len(mended))
        for fault, _ in thread.healed.repairs:
            self.proxy.reporter.history_repaired(fault)

    async def without_handle(self, ask: Ask, attempt: Attempt) -> Attempt:
        """Heal mode: a request that holds all of its history is sent once more without its stale handle."""
        verdict, thread, body = attempt.verdict, self.thread, ask.body
        if verdict is None or verdict.cls is not Class.SESSION_EXPIRED or thread is None or body is None:
            return attempt
        rest = thread.without_handle(verdict)
        if rest is None:
            return attempt
        if ask.target.route.observes:
            thread.forgot = None
            self.would(Would.FORGET)
            return attempt
        discard(attempt)
        body.replace(rest)
        ask.target.headers["content-length"] = str(len(rest))
        return await self.attempt(ask)

    async def answer(self, ask: Ask, attempt: Attempt, *, retries: int, used_up: bool) -> web.StreamResponse:
        """What came of it goes to the client."""
        result, verdict = attempt.result, attempt.verdict
        if self.heart is not None and self.heart.sink is not None:
            is_stream = isinstance(result, Answered) and isinstance(result.watch, Watch)
            if verdict is not None or not is_stream:
                return self.end_early_stream(self.heart.sink, attempt, retries=retries, used_up=used_up)
        if not isinstance(result, Answered):
            assert verdict is not None
            facts = advise_own(verdict, self.call_id, retries=retries, used_up=used_up, observes=self.observes())
            if self.thread is not None:
                facts = facts._replace(history=self.thread.changes)
            return self.own_answer(verdict, refuse.STATUS[result.reason], facts)
        try:
            if verdict is None:
                return await self.good(ask, attempt, result, retries=retries)
            return await self.failed(ask, result, verdict, retries=retries, used_up=used_up)
        except BaseException:
            result.response.close()
            raise


Begin = Callable[[Proxy, Setup, web.BaseRequest], Exchange]


def awaits_continue(http: web.BaseRequest, read: Mapping[str, str]) -> bool:
    """HTTP/1.0 has no interim answers: there the expectation is ignored (RFC 9110, 10.1.1)."""
    return "expect" in read and read["expect"].lower() == "100-continue" and http.version >= (1, 1)
