"""What the proxy says itself: refusals, its own failures, an answer given again, an error in a stream that it began."""

from __future__ import annotations

from http import HTTPStatus

from aiohttp import web

from proxy.call.known import request_id
from proxy.call.reported import Reported
from proxy.classifier import own_verdict
from proxy.dialects import STATUS_OF_CLASS, Problem, error_body
from proxy.model import Verdict
from proxy.report.log import log
from proxy.server import CLOSE, KEEP, break_off
from proxy.way import cors, refuse
from proxy.way.advise import advise_own
from proxy.way.ask import Answered, Attempt
from proxy.way.heartbeat import error_frame
from proxy.way.kept import Again
from proxy.way.sink import Sink
from proxy.way.tag import Facts, exposed, new_call_id, tags


class Own(Reported):
    """A call that the proxy can answer by itself."""

    __slots__ = ()

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
