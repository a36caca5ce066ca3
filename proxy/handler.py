"""The story of one call, one line a stage: accept, address, ask, judge, advise, deliver, report."""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from aiohttp import web

from proxy.client import Broke
from proxy.classifier import own_verdict
from proxy.dialects import Problem, dialect_of, error_body
from proxy.model import Class, Dialect, Verdict
from proxy.report.event import CallReport, StreamFailure
from proxy.report.mask import credential_label, mask_target
from proxy.report.reporter import Reporter
from proxy.server import CLOSE, KEEP
from proxy.setup import Setup
from proxy.way import cors, credential, refuse
from proxy.way.accept import Call, accept, body_of
from proxy.way.address import Target, address
from proxy.way.advise import advise, advise_own
from proxy.way.ask import Answered, Ask, Attempt
from proxy.way.body import Body, Held
from proxy.way.deliver import Delivered, deliver
from proxy.way.headers import AnswerHead, lines_of
from proxy.way.judge import judge
from proxy.way.refuse import Refusal
from proxy.way.tag import Facts, exposed, new_call_id, tags
from proxy.way.tunnel import asks_for_upgrade, tunnel

log: Final = logging.getLogger("llm_triage")

_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
_NOTHING: Final[frozenset[bytes]] = frozenset()
_SHOULD_RETRY: Final = frozenset((b"x-should-retry",))


class Proxy:
    """What all calls of a process share."""

    def __init__(self, setup: Setup, reporter: Reporter) -> None:
        self.setup = setup
        self.reporter = reporter
        self.held = Held(setup.config.limits.held_bytes)
        self.draining = False

    async def handle(self, http: web.BaseRequest) -> web.StreamResponse:
        """Answers one request, whatever happens; raises CancelledError where the client leaves."""
        setup = self.setup
        exchange = Exchange(self, setup, http)
        setup.calls += 1
        self.reporter.inflight += 1
        try:
            return await exchange.run()
        except asyncio.CancelledError:
            self.reporter.call_canceled(*exchange.labels())
            raise
        except Exception as fault:  # the last line: a bug here must not take the client's connection with it in silence
            return exchange.fault(fault)
        finally:
            exchange.end()
            self.reporter.inflight -= 1
            setup.calls -= 1
            if setup.retired and not setup.calls:
                await setup.close_if_idle()

    def refuse_raw(self, reason: str) -> bytes:
        """The answer to what never became a request; nothing of what came is repeated or told."""
        verdict = own_verdict(reason)
        facts = advise_own(verdict, new_call_id())
        status = refuse.STATUS[reason]
        body = error_body(None, Problem.of(status, verdict, facts))
        self.reporter.call_failed(_report(facts, status, verdict, "", "other", "", "", 0.0))
        return refuse.answer(status, tags(verdict, facts), body, keep=False)


class Exchange:
    """One request and its answer."""

    __slots__ = ("answered_head_at", "body", "call", "http", "loop_time", "proxy", "setup", "started_at", "target")

    def __init__(self, proxy: Proxy, setup: Setup, http: web.BaseRequest) -> None:
        self.proxy = proxy
        self.setup = setup
        self.http = http
        self.loop_time = asyncio.get_running_loop().time
        self.started_at = self.loop_time()
        self.call: Call | None = None
        self.target: Target | None = None
        self.body: Body | None = None

    async def run(self) -> web.StreamResponse:
        http, setup = self.http, self.setup
        config = setup.config
        call = accept(http, setup.requests, head_bytes=config.limits.head_bytes)
        if isinstance(call, Refusal):
            return self.refuse(call.reason)
        self.call = call
        read = call.head.read
        if cors.is_preflight(call.method, read) and cors.allows(read["origin"], config.cors):
            return self.write(204, cors.preflight_answer(read), b"")
        if self.proxy.draining:
            return self.refuse("draining")
        route = setup.routes.of(call.path)
        if route is None:
            return self.refuse("no_upstream")
        target = address(call, route, setup.clients)
        if isinstance(target, Refusal):
            return self.refuse(target.reason)
        self.target = target
        settings = route.settings
        observes = settings.mode == "observe"
        limits = config.limits
        if limits.inflight and self.proxy.reporter.inflight > limits.inflight and not observes:
            return self.refuse("proxy_busy")
        body = body_of(
            call,
            self.proxy.held,
            replay=limits.replay_bytes,
            max_bytes=0 if observes else limits.body_bytes,
            idle_s=settings.timeouts.upload_idle,
        )
        if isinstance(body, Refusal):
            return self.refuse(body.reason)
        self.body = body
        if body is not None and not body.is_complete and read.get("expect", "").lower() == "100-continue":
            self.send(_CONTINUE)
        total_s = settings.timeouts.total
        ask = Ask(
            call.method,
            target,
            body,
            first_byte_s=settings.timeouts.first_byte,
            deadline=self.started_at + total_s if total_s else None,
            is_upgrade=asks_for_upgrade(read),
        )
        attempt = await ask.once()
        if not isinstance(attempt.result, Answered):
            return self.broke(attempt)
        return await self.answer(attempt, attempt.result, ask)

    async def answer(self, attempt: Attempt, answered: Answered, ask: Ask) -> web.StreamResponse:
        """An answer has come: judged, advised, delivered, reported."""
        assert self.call is not None
        assert self.target is not None
        call, target, setup = self.call, self.target, self.setup
        settings = target.route.settings
        observes = settings.mode == "observe"
        response = answered.response
        try:
            await judge(
                answered,
                provider=target.route.provider,
                rules=setup.rules,
                generates=target.endpoint.generates and call.method == "POST",
                hold_s=0.0 if observes else settings.stream.hold,
                peek_bytes=settings.stream.peek_bytes,
            )
        except BaseException:
            response.close()
            raise
        if self.body is not None:
            kept = self.body.kept() if answered.verdict is not None else None
            self.body.let_go()
        verdict = answered.verdict
        if verdict is None:
            head = setup.answers.sort(response.raw_headers)
            if response.status == 101:
                return await tunnel(self.http, response, head)
            done = await deliver(self.http, answered, head, keep=self.keeps(), deadline=ask.deadline)
            self.good(attempt, done)
            return done.response
        facts = advise(
            verdict,
            new_call_id(),
            answer=response.headers,
            request=call.head.read,
            dialect=target.endpoint.dialect,
            body=kept if self.body is not None else None,
            refuses=target.route.provider.refuses,
            retries=0,
            used_up=False,
            observes=observes,
        )
        extra = tags(verdict, facts)
        if "origin" in call.head.read:
            extra.append(exposed())
        without = _NOTHING if facts.should_retry is None else _SHOULD_RETRY
        head = setup.answers.sort(response.raw_headers, without=without)
        done = await deliver(
            self.http, answered, head, keep=self.keeps(), tags=lines_of(extra), deadline=ask.deadline
        )
        self.failed(facts, response.status, verdict, attempt, done, response.headers.get("x-request-id", ""))
        return done.response

    # -- what the proxy says itself

    def refuse(self, reason: str) -> web.StreamResponse:
        """Answers without, or in place of, the provider."""
        verdict = self.own_verdict(reason)
        return self.own_answer(verdict, refuse.STATUS[reason])

    def broke(self, attempt: Attempt) -> web.StreamResponse:
        """The attempt brought no answer."""
        result = attempt.result
        assert not isinstance(result, Answered)
        verdict = self.own_verdict(result.reason)
        if isinstance(result, Broke) and self.target is not None:
            self.proxy.reporter.attempt_failed(self.target.route.name, verdict)
        return self.own_answer(verdict, refuse.STATUS[result.reason])

    def fault(self, fault: Exception) -> web.StreamResponse:
        """A bug of ours. Of the exception only its type and place are told: its text may hold anything."""
        verdict = own_verdict("proxy_fault")
        trace = fault.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        place = "" if trace is None else f"{trace.tb_frame.f_code.co_qualname}:{trace.tb_lineno}"
        log.error("proxy fault", extra={"facts": {"type": type(fault).__name__, "place": place}})
        if self.http.writer.output_size or self.http.transport is None:
            return CLOSE
        return self.own_answer(verdict, 500)

    def own_answer(self, verdict: Verdict, status: int) -> web.StreamResponse:
        facts = advise_own(verdict, new_call_id())
        headers = tags(verdict, facts)
        origin = self.call.head.read.get("origin") if self.call is not None else None
        headers += cors.own_answer(origin, self.setup.config.cors)
        if origin is not None:
            headers.append(exposed())
        answer = self.write(status, headers, error_body(self.dialect(), Problem.of(status, verdict, facts)))
        self.failed(facts, status, verdict, None, None, "")
        return answer

    def write(self, status: int, headers: list[tuple[str, str]], body: bytes) -> web.StreamResponse:
        http = self.http
        keep = self.keeps()
        self.send(
            refuse.answer(
                status, headers, body, minor=http.version.minor, is_head=http.method == "HEAD", keep=keep
            )
        )
        return KEEP if keep else CLOSE

    def send(self, data: bytes) -> None:
        if self.http.transport is not None:
            self.http.transport.write(data)

    # -- what is told

    def good(self, attempt: Attempt, done: Delivered) -> None:
        """A good answer's head went out; its body may have broken since."""
        target = self.target
        assert target is not None
        now = self.loop_time()
        head_at = attempt.head_at
        overhead_s = attempt.progress.started_at - self.started_at + done.head_written_at - head_at
        if done.whole:
            self.proxy.reporter.call_succeeded(
                target.route.name,
                target.endpoint.label,
                now - self.started_at,
                done.head_written_at - self.started_at,
                overhead_s,
            )
            return
        verdict = own_verdict("total" if done.late else "truncated_body")
        report = self.report(advise_own(verdict, new_call_id()), None, verdict, "")
        self.proxy.reporter.stream_failed(report, StreamFailure.TRUNCATED_BODY)

    def failed(
        self,
        facts: Facts,
        status: int,
        verdict: Verdict,
        attempt: Attempt | None,
        done: Delivered | None,
        request_id: str,
    ) -> None:
        reporter = self.proxy.reporter
        if attempt is not None and self.target is not None:
            reporter.attempt_failed(self.target.route.name, verdict)
        reporter.call_failed(self.report(facts, status, verdict, request_id))

    def report(self, facts: Facts, status: int | None, verdict: Verdict, request_id: str) -> CallReport:
        call = self.call
        upstream, endpoint = self.labels()
        return CallReport(
            call_id=facts.call_id,
            upstream=upstream,
            endpoint=endpoint,
            method=self.http.method,
            path="" if call is None else mask_target(call.target),
            status=status,
            verdict=verdict,
            duration_s=self.loop_time() - self.started_at,
            retries=facts.retries,
            provider_request_id=request_id,
            history=facts.history,
            client=self.client(),
        )

    def labels(self) -> tuple[str, str]:
        return ("", "other") if self.target is None else (self.target.route.name, self.target.endpoint.label)

    def client(self) -> str:
        """Names the caller without telling its key."""
        if self.target is not None and self.target.client:
            return self.target.client
        if self.call is None:
            return ""
        secrets = (secret for _, secret in credential.carried(self.call.head.read, self.call.query) if secret)
        return next((credential_label(secret) for secret in secrets), "")

    # -- small questions

    def dialect(self) -> Dialect | None:
        if self.target is not None:
            return self.target.endpoint.dialect or self.target.route.provider.dialect
        return None if self.call is None else dialect_of(self.call.path)

    def own_verdict(self, reason: str) -> Verdict:
        """A body over the limit is too long a context where a model would have read it, else a bad request."""
        generates = self.target is not None and self.target.endpoint.generates and self.http.method == "POST"
        return own_verdict(reason, cls=Class.BAD_REQUEST if reason == "body_too_large" and not generates else None)

    def keeps(self) -> bool:
        """Whether the client's connection can serve another request.

        After a chunked one it cannot: aiohttp's parser would carry its trailers into the next request's headers.
        """
        call, body = self.call, self.body
        if call is None or not self.http.keep_alive or self.proxy.draining or "transfer-encoding" in call.head.read:
            return False
        return body.is_complete if body is not None else not self.http.can_read_body

    def end(self) -> None:
        if self.body is not None:
            self.body.let_go()


def _report(
    facts: Facts, status: int, verdict: Verdict, upstream: str, endpoint: str, method: str, path: str, duration_s: float
) -> CallReport:
    return CallReport(
        call_id=facts.call_id,
        upstream=upstream,
        endpoint=endpoint,
        method=method,
        path=path,
        status=status,
        verdict=verdict,
        duration_s=duration_s,
    )
