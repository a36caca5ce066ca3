"""The story of one call, one line a stage: accept, address, ask, judge, persist, advise, deliver, report."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Hashable, Mapping
from http import HTTPStatus
from typing import Final

import aiohttp
from aiohttp import web

from proxy.classifier import own_verdict
from proxy.client import Broke
from proxy.config import Upstream
from proxy.dialects import STATUS_OF_CLASS, Problem, annotate, dialect_of, error_body
from proxy.model import Action, Class, Dialect, Verdict
from proxy.report.event import CallReport, StreamFailure, Would
from proxy.report.log import log
from proxy.report.mask import content_label, credential_label, mask_target
from proxy.report.reporter import Reporter
from proxy.retry.budget import Budget
from proxy.retry.decide import Why
from proxy.server import CLOSE, KEEP, break_off
from proxy.session.hint import SessionHint
from proxy.setup import Setup
from proxy.stream import CodedWatch, Watch
from proxy.way import cors, credential, refuse
from proxy.way.accept import Call, accept, body_of
from proxy.way.address import Route, Target, address
from proxy.way.advise import advise, advise_own
from proxy.way.amend import Thread, Threads, concerns_history, is_signed, thread_key
from proxy.way.ask import Answered, Ask, Attempt
from proxy.way.body import Body, Held
from proxy.way.caller import caller_of, shared_name_of
from proxy.way.deliver import deliver
from proxy.way.endpoint import Endpoint
from proxy.way.gate import Gate, Gated
from proxy.way.headers import lines_of
from proxy.way.heartbeat import Heartbeat, asks_for_stream, early_head, error_frame
from proxy.way.judge import Look, judge, seen_error, verdict_on_event
from proxy.way.kept import Again, Kept
from proxy.way.persist import Persist, Persistence, discard, model_of
from proxy.way.refuse import Refusal
from proxy.way.replay import Replay
from proxy.way.sink import Sink
from proxy.way.tag import Facts, exposed, new_call_id, tags
from proxy.way.tunnel import asks_for_upgrade, tunnel
from proxy.way.watched import Told, Watching, deliver_watched

_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
_NOTHING: Final[frozenset[bytes]] = frozenset()
KEPT: Final = SessionHint(action=Action.KEEP)


class Proxy:
    """What all calls of a process share."""

    def __init__(
        self, setup: Setup, reporter: Reporter, threads: Threads, gate: Gate, begin: Begin | None = None
    ) -> None:
        """`begin`: what makes an exchange of a request, where it is to be more than one."""
        self.setup = setup
        self.begin: Begin = begin or Exchange
        self.reporter = reporter
        self.held = Held(setup.config.limits.held_bytes)
        self.persistence = Persistence(Budget())
        self.threads = threads
        self.gate = gate
        self.draining = False
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


class Exchange:
    """One request and its answer."""

    __slots__ = ("ask", "began", "body", "call", "call_id", "content", "gated", "heart", "http", "loop_time", "proxy",
                 "read_at", "replay", "route", "sent_at", "setup", "started_at", "stream_told", "target", "thread")  # fmt: skip

    trace_id: str = ""  # where calls are traced

    def __init__(self, proxy: Proxy, setup: Setup, http: web.BaseRequest) -> None:
        self.proxy = proxy
        self.setup = setup
        self.http = http
        self.loop_time = asyncio.get_running_loop().time
        self.started_at = self.loop_time()
        self.read_at = time.monotonic()  # to measure by: uvloop's own clock counts milliseconds
        self.call: Call | None = None
        self.route: Route | None = None
        self.target: Target | None = None
        self.began = False  # an answer is on its way to the client
        self.body: Body | None = None
        self.call_id = ""
        self.stream_told = False
        self.content = ""  # names the request, where it was refused for what it is
        self.thread: Thread | None = None
        self.replay: Replay | None = None
        self.gated: Gated | None = None
        self.heart: Heartbeat | None = None
        self.sent_at = 0.0  # loop time of the first attempt

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
            attempt, retries, used_up = await self.persist(ask, attempt, caller)
            if not observes:
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
            if persist.would_retry(first):
                self.would(Would.RETRY)
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
            return Sink(self.http, early_head(), keep=self.keeps(), tags=b"", status=200, reason="OK")

        return Heartbeat(every_s, started_at=self.started_at, clock=self.loop_time, begin=begin)

    def at_gate(self, call: Call, target: Target) -> Gated:
        def model() -> str:
            return model_of(None if self.body is None else self.body.kept(), target.path)

        self.gated = Gated(self.proxy.gate, shared_name_of(call, target), model)
        return self.gated

    def kept(self, attempt: Attempt, verdict: Verdict) -> Kept:
        """A failed attempt as it can be given again."""
        result = attempt.result
        if not isinstance(result, Answered):
            return Kept.own(verdict, refuse.STATUS[result.reason])
        return self.kept_of(result, verdict)

    def kept_of(self, result: Answered, verdict: Verdict) -> Kept:
        status = self.status_for(verdict, result.response)
        status = STATUS_OF_CLASS[verdict.cls] if status == 200 else status
        return Kept.of(verdict, result, status, self.dialect(), self.setup.answers)

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
            return self.own_answer(verdict, refuse.STATUS[result.reason], facts)
        try:
            if verdict is None:
                return await self.good(ask, attempt, result, retries=retries)
            return await self.failed(ask, result, verdict, retries=retries, used_up=used_up)
        except BaseException:
            result.response.close()
            raise

    # -- a provider's answer

    async def good(self, ask: Ask, attempt: Attempt, answered: Answered, *, retries: int) -> web.StreamResponse:
        """A good answer passes as it came; what it took is said, if it took anything."""
        assert self.target is not None
        response = answered.response
        head = self.setup.answers.sort(response.raw_headers)
        if response.status == 101:
            self.began = True
            return await tunnel(self.http, response, head)
        changes = "" if self.thread is None else self.thread.changes
        tags = b""
        if retries or changes:
            told = [("x-llm-retries", str(retries))] if retries else []
            tags = lines_of([*told, ("x-llm-history", changes)] if changes else told)
        sink = None if self.heart is None else self.heart.sink
        if sink is None:
            sink = Sink(self.http, head, keep=self.keeps(), tags=tags, status=response.status, reason=response.reason)
        self.let_go()
        whole, late = await self.relay(sink, answered, ask.deadline)
        if self.thread is not None:
            if changes:
                facts = Facts(call_id=self.call_id or new_call_id(), session=KEPT, retries=retries, history=changes)
                self.proxy.reporter.call_healed(self.report(facts, response.status, None, request_id(response)))
            if whole and not self.stream_told:
                await self.thread.taken()
                if self.replay is not None:
                    self.replay.succeeded()
        hidden = seen_error(answered, self.look()) if whole and answered.seen is not None else None
        if hidden is not None:
            self.tell_hidden(hidden, response)
        elif whole and not self.stream_told:
            self.proxy.reporter.call_succeeded(
                self.target.route.name,
                self.target.endpoint.label,
                time.monotonic() - self.read_at,
                sink.head_written_at - self.read_at,
                self.sent_at - self.read_at + max(0.0, sink.head_written_at - max(attempt.head_at, answered.came_at)),
                self.trace_id,
            )
        elif not self.stream_told:
            self.tell_broken("total" if late else "truncated_body")
        return KEEP if sink.keep else CLOSE

    async def failed(
        self, ask: Ask, answered: Answered, verdict: Verdict, *, retries: int, used_up: bool
    ) -> web.StreamResponse:
        """A failure passes as it came, with the tags beside it."""
        assert self.call is not None
        assert self.target is not None
        response, route = answered.response, self.target.route
        sent = None if self.body is None else self.body.kept()
        if sent and not verdict.can_retry:
            self.content = content_label(sent)
        thread = self.thread
        reads = route.reads_history and self.target.endpoint.dialect is not None and concerns_history(verdict)
        if thread is None and sent is not None and reads:
            thread = self.thread = self.thread_of(self.call, self.target, sent)
        facts = advise(
            verdict,
            self.call_id,
            answer=response.headers,
            request=self.call.head.read,
            dialect=self.dialect(),
            body=thread.body if thread is not None else None,
            history="" if thread is None else await thread.refused(verdict),
            refuses=route.provider.refuses,
            retries=retries,
            used_up=used_up,
            observes=route.observes,
        )
        if self.replay is not None:
            self.replay.failed(verdict, facts, lambda: self.kept_of(answered, verdict))
        extra = tags(verdict, facts)
        if "origin" in self.call.head.read:
            extra.append(exposed())
        status = self.status_for(verdict, response)
        replaced = set() if facts.should_retry is None else {b"x-should-retry"}
        annotated = self.annotated(answered, Problem.of(status, verdict, facts))
        if annotated is not None:
            answered.first = annotated
            replaced.add(b"content-length")
            extra.append(("content-length", str(len(annotated))))
        head = self.setup.answers.sort(response.raw_headers, without=frozenset(replaced) if replaced else _NOTHING)
        if annotated is not None:
            head.length = len(annotated)
        sink = Sink(self.http, head, keep=self.keeps(), tags=lines_of(extra), status=status, reason=response.reason)
        self.let_go()
        self.proxy.reporter.call_failed(self.report(facts, status, verdict, request_id(response)))
        self.stream_told = True
        await self.relay(sink, answered, ask.deadline)
        return KEEP if sink.keep else CLOSE

    async def relay(self, sink: Sink, answered: Answered, deadline: float | None) -> tuple[bool, bool]:
        """Whether the body went out whole, and whether it did not because time was over."""
        relaying = self.relay_stream(sink, answered, answered.watch) if answered.watch else deliver(sink, answered)
        try:
            if deadline is None:
                return await relaying, False
            async with asyncio.timeout_at(deadline):
                return await relaying, False
        except TimeoutError:
            answered.response.close()
            sink.break_off()
            return False, True
        except Exception:
            if sink.head_written_at:
                sink.break_off()  # no other answer may follow in this one's body
            raise

    async def relay_stream(self, sink: Sink, answered: Answered, watch: Watch | CodedWatch) -> bool:
        assert self.target is not None
        reporter, settings = self.proxy.reporter, self.target.route.settings
        opened = reporter.stream_opened(self.target.route.name)
        observes = self.target.route.observes
        if answered.is_early and settings.stream.hold:
            self.would(Would.HOLD)
        try:
            return await deliver_watched(
                sink,
                answered,
                watch,
                Watching(
                    idle_s=0.0 if observes else settings.stream.idle_timeout,
                    heartbeat_s=0.0 if observes else settings.stream.heartbeat,
                    observes=observes,
                    explain=lambda told: self.tell_stream(told, answered.response),
                    opened=opened,
                ),
            )
        finally:
            reporter.stream_closed(opened)
            answered.response.close()

    def tell_stream(self, told: Told, response: aiohttp.ClientResponse) -> Problem:
        """A failure inside a stream: worded for the client, reported once a stream."""
        if told.found is not None:
            verdict = verdict_on_event(told.found.text, self.look())
            kind = StreamFailure.ERROR_EVENT
        else:
            verdict = own_verdict(told.reason)
            kind = StreamFailure(told.reason)
        self.call_id = self.call_id or new_call_id()
        facts = advise_own(verdict, self.call_id)
        if not self.stream_told:
            self.stream_told = True
            self.proxy.reporter.stream_failed(self.report(facts, None, verdict, request_id(response)), kind)
            if self.target is not None and self.target.route.observes and told.found is None:
                self.would(Would.WRITE_EVENT)
        return Problem.of(STATUS_OF_CLASS[verdict.cls], verdict, facts)

    def tell_hidden(self, verdict: Verdict, response: aiohttp.ClientResponse) -> None:
        """An error inside a 200 that was only observed: the client has it as it came."""
        facts = advise_own(verdict, self.call_id or new_call_id(), observes=True)
        self.proxy.reporter.attempt_failed(self.labels()[0], verdict)
        self.proxy.reporter.call_failed(self.report(facts, response.status, verdict, request_id(response)))

    def tell_broken(self, reason: str) -> None:
        verdict = own_verdict(reason)
        self.call_id = self.call_id or new_call_id()
        report = self.report(advise_own(verdict, self.call_id), None, verdict, "")
        self.proxy.reporter.stream_failed(report, StreamFailure.TRUNCATED_BODY)

    def status_for(self, verdict: Verdict, response: aiohttp.ClientResponse) -> int:
        """The upstream's status, but where `compat` asks for another."""
        compat = self.settings().compat
        if self.observes():
            return response.status
        if verdict.cls is Class.BUDGET_EXHAUSTED and compat.budget_status:
            return compat.budget_status
        if response.status == 200 and compat.error_in_200 == "status":
            return STATUS_OF_CLASS[verdict.cls]
        return response.status

    def annotated(self, answered: Answered, problem: Problem) -> bytes | None:
        """The body with what is known of the failure inside, where that is asked for and can be done."""
        if not self.settings().compat.annotate or self.observes() or not answered.ended or answered.watch is not None:
            return None
        if answered.response.headers.get("Content-Encoding") or self.http.method == "HEAD":
            return None
        return annotate(answered.first, problem)

    # -- what the proxy says itself

    def end_early_stream(self, sink: Sink, attempt: Attempt, *, retries: int, used_up: bool) -> web.StreamResponse:
        """The head went out with a heartbeat: what failed is told as an error event."""
        result, target = attempt.result, self.target
        assert target is not None
        assert target.endpoint.dialect is not None
        # A good answer that is no stream has no place in one.
        verdict = attempt.verdict or own_verdict("bad_answer")
        request = ""
        if isinstance(result, Answered):
            request = request_id(result.response)
            result.response.close()
        facts = advise_own(verdict, self.call_id, retries=retries, used_up=used_up)
        problem = Problem.of(STATUS_OF_CLASS[verdict.cls], verdict, facts)
        sink.write(error_frame(target.endpoint.dialect, problem), last=True)
        self.proxy.reporter.call_failed(self.report(facts, HTTPStatus.OK, verdict, request))
        return KEEP if sink.keep else CLOSE

    def answer_again(self, again: Again) -> web.StreamResponse:
        """The last real answer, to a call that the provider is not bothered with."""
        http, dialect = self.http, self.dialect()
        assert self.call is not None
        read = self.call.head.read
        verdict, facts = again.told(new_call_id(), read)
        more = [*cors.own_answer(read["origin"], self.setup.config.cors), exposed()] if "origin" in read else []
        own = error_body(dialect, Problem.of(again.kept.status, verdict, facts))
        keep = self.keeps()
        self.send(
            again.answer(
                tags(verdict, facts) + more,
                own,
                dialect,
                minor=http.version.minor,
                is_head=http.method == "HEAD",
                keep=keep,
            )
        )
        self.proxy.reporter.call_failed(self.report(facts, again.kept.status, verdict, ""))
        return KEEP if keep else CLOSE

    def refuse(self, reason: str) -> web.StreamResponse:
        """Answers without bothering the provider."""
        verdict = self.own_verdict(reason)
        facts = advise_own(verdict, new_call_id(), observes=self.observes())
        return self.own_answer(verdict, refuse.STATUS[reason], facts)

    def fault(self, fault: Exception) -> web.StreamResponse:
        """A bug of ours. Of the exception only its type and place are told: its text may hold anything."""
        trace = fault.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        place = "" if trace is None else f"{trace.tb_frame.f_code.co_qualname}:{trace.tb_lineno}"
        log.error("proxy fault", extra={"facts": {"type": type(fault).__name__, "place": place}})
        if self.http.transport is None or self.http.transport.is_closing():
            return CLOSE
        if self.began:
            # A second head in the midst of an answer would pass for its body.
            break_off(self.http)
            if not self.stream_told:
                self.tell_broken("proxy_fault")
            return CLOSE
        return self.refuse("proxy_fault")

    def own_answer(self, verdict: Verdict, status: int, facts: Facts) -> web.StreamResponse:
        headers = tags(verdict, facts)
        origin = self.call.head.read.get("origin") if self.call is not None else None
        if origin is not None:
            headers += cors.own_answer(origin, self.setup.config.cors)
            headers.append(exposed())
        answer = self.write(status, headers, error_body(self.dialect(), Problem.of(status, verdict, facts)))
        self.proxy.reporter.call_failed(self.report(facts, status, verdict, ""))
        return answer

    def write(self, status: int, headers: list[tuple[str, str]], body: bytes) -> web.StreamResponse:
        http = self.http
        keep = self.keeps()
        is_head = http.method == "HEAD"
        self.send(refuse.answer(status, headers, body, minor=http.version.minor, is_head=is_head, keep=keep))
        return KEEP if keep else CLOSE

    def send(self, data: bytes) -> None:
        if self.http.transport is not None:
            self.http.transport.write(data)

    def own_verdict(self, reason: str) -> Verdict:
        """A body over the limit is too long a context where a model would have read it, else a bad request."""
        return own_verdict(
            reason, cls=Class.BAD_REQUEST if reason == "body_too_large" and not self.generates() else None
        )

    # -- what is told

    def would(self, what: Would) -> None:
        if self.route is not None:
            self.proxy.reporter.would(self.route.name, what)

    def report(self, facts: Facts, status: int | None, verdict: Verdict | None, provider_request_id: str) -> CallReport:
        upstream, endpoint = self.labels()
        return CallReport(
            call_id=facts.call_id,
            upstream=upstream,
            endpoint=endpoint,
            method=self.http.method,
            path="" if self.call is None else mask_target(self.call.target),
            status=status,
            verdict=verdict,
            duration_s=time.monotonic() - self.read_at,
            retries=facts.retries,
            provider_request_id=provider_request_id,
            history=facts.history,
            client=self.client(),
            fingerprint=("" if self.thread is None else self.thread.incident) or self.content,
        )

    def thread_of(self, call: Call, target: Target, body: bytes) -> Thread:
        """The thread that a call belongs to, by its caller and model."""
        assert target.endpoint.dialect is not None
        name = target.route.name
        return Thread(
            threads=self.proxy.threads,
            dialect=target.endpoint.dialect,
            body=body,
            key=thread_key(credential.secret_of(call.head.read, call.query), name, model_of(body, target.path)),
            refuses=target.route.provider.refuses,
            upstream=name,
            client=self.client(),
        )

    def labels(self) -> tuple[str, str]:
        endpoint = self.endpoint()
        return ("", "other") if self.route is None or endpoint is None else (self.route.name, endpoint.label)

    def client(self) -> str:
        """Names the caller without telling its key."""
        if self.target is not None and self.target.client:
            return self.target.client
        if self.call is None:
            return ""
        secrets = (secret for _, secret in credential.carried(self.call.head.read, self.call.query) if secret)
        return next((credential_label(secret) for secret in secrets), "")

    # -- small questions

    def settings(self) -> Upstream:
        assert self.target is not None
        return self.target.route.settings

    def look(self) -> Look:
        """How closely this call's answers are looked at."""
        assert self.target is not None
        route, endpoint = self.target.route, self.target.endpoint
        return Look(
            provider=route.provider,
            familiar=self.setup.familiar,
            path=self.target.path,
            dialect=endpoint.dialect,
            generates=self.generates(),
            hold_s=0.0 if route.observes else route.settings.stream.hold,
            peek_bytes=route.settings.stream.peek_bytes,
            ends_at_eof=route.ends_at_eof,
            observes=route.observes,
        )

    def generates(self) -> bool:
        return self.target is not None and self.target.endpoint.generates and self.http.method == "POST"

    def dialect(self) -> Dialect | None:
        endpoint = self.endpoint()
        if self.route is not None and endpoint is not None:
            return endpoint.dialect or self.route.provider.dialect
        return None if self.call is None else dialect_of(self.call.path)

    def endpoint(self) -> Endpoint | None:
        """What kind of call it is, once its upstream is known."""
        if self.target is not None:
            return self.target.endpoint
        if self.route is None or self.call is None:
            return None
        return self.route.endpoints.of(self.call.path[len(self.route.prefix) :])

    def observes(self) -> bool:
        return self.route is not None and self.route.observes

    def keeps(self) -> bool:
        """Whether the client's connection can serve another request.

        After a chunked one it cannot: aiohttp's parser would carry its trailers into the next request's headers.
        """
        call, body = self.call, self.body
        if call is None or not self.http.keep_alive or self.proxy.draining or "transfer-encoding" in call.head.read:
            return False
        return body.is_complete if body is not None else not self.http.can_read_body

    def let_go(self) -> None:
        """The answer's first byte goes to the client: nothing is repeated from here on."""
        self.began = True
        if self.body is not None:
            self.body.let_go()

    def end(self) -> None:
        if self.body is None:
            return
        self.body.let_go()
        if self.body.is_over:
            self.would(Would.REFUSE_SIZE)


Begin = Callable[[Proxy, Setup, web.BaseRequest], Exchange]


def awaits_continue(http: web.BaseRequest, read: Mapping[str, str]) -> bool:
    """HTTP/1.0 has no interim answers: there the expectation is ignored (RFC 9110, 10.1.1)."""
    return "expect" in read and read["expect"].lower() == "100-continue" and http.version >= (1, 1)


def request_id(response: aiohttp.ClientResponse) -> str:
    """The provider's own name for the call, bounded: it is shown in logs."""
    headers = response.headers
    return (headers.get("x-request-id") or headers.get("request-id") or "")[:128]
