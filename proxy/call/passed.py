"""A provider's answer goes to the client: a good one as it came, a failure with the tags beside it."""

from __future__ import annotations

import asyncio
import time
from typing import Final

from aiohttp import web

from proxy.call.known import request_id
from proxy.call.own import Own
from proxy.dialects import STATUS_OF_CLASS, Problem, annotate
from proxy.model import Action, Verdict
from proxy.report.event import Progress, Would
from proxy.report.mask import content_label
from proxy.server import CLOSE, KEEP
from proxy.session.hint import SessionHint
from proxy.stream import CodedWatch, Watch
from proxy.way import refuse
from proxy.way.advise import advise, advise_own
from proxy.way.amend import concerns_history
from proxy.way.ask import Answered, Ask, Attempt
from proxy.way.deliver import deliver
from proxy.way.headers import lines_of
from proxy.way.judge import seen_error
from proxy.way.kept import Kept
from proxy.way.sink import Sink
from proxy.way.tag import Facts, exposed, new_call_id, tags
from proxy.way.tunnel import tunnel
from proxy.way.watched import Told, Watching, deliver_watched

_NOTHING: Final[frozenset[bytes]] = frozenset()
KEPT: Final = SessionHint(action=Action.KEEP)


class Passed(Own):
    """A call whose answer can be passed on."""

    __slots__ = ()

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
        hidden = seen_error(answered, self.look()) if whole and answered.seen is not None else None
        if self.thread is not None:
            if changes:
                facts = Facts(call_id=self.call_id or new_call_id(), session=KEPT, retries=retries, history=changes)
                self.proxy.reporter.call_healed(self.report(facts, response.status, None, request_id(response)))
            # That its tokens could be counted says nothing of whether the model takes a turn.
            if whole and not self.stream_told and hidden is None and self.generates():
                await self.thread.taken()
                if self.replay is not None:
                    self.replay.succeeded()
        if hidden is not None:
            answered.ended = True
            facts = advise_own(hidden, self.call_id or new_call_id(), observes=True)
            self.leave_undone(answered, hidden, facts)
            self.tell_hidden(hidden, facts, response)
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
        status, annotated = response.status, None
        if self.observes():
            self.leave_undone(answered, verdict, facts)
        else:
            status = self.status_for(verdict, status)
            annotated = self.annotated(answered, verdict, facts, status) if self.settings().compat.annotate else None
        replaced = set() if facts.should_retry is None else {b"x-should-retry"}
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

        def explain(told: Told) -> Problem:
            progress = Progress(chunks=sink.pieces, sent_bytes=sink.sent, quiet_s=time.monotonic() - opened.fed_s)
            return self.tell_stream(told, answered.response, progress)

        try:
            return await deliver_watched(
                sink,
                answered,
                watch,
                Watching(
                    idle_s=settings.stream.idle_timeout,
                    heartbeat_s=settings.stream.heartbeat,
                    observes=observes,
                    explain=explain,
                    would=self.would,
                    opened=opened,
                ),
            )
        finally:
            reporter.stream_closed(opened)
            answered.response.close()

    def annotated(self, answered: Answered, verdict: Verdict, facts: Facts, status: int) -> bytes | None:
        """The body with what is known of the failure inside, where that can be done."""
        if not answered.ended or answered.watch is not None:
            return None
        if answered.response.headers.get("Content-Encoding") or self.http.method == "HEAD":
            return None
        return annotate(answered.first, Problem.of(status, verdict, facts))

    def leave_undone(self, answered: Answered, verdict: Verdict, facts: Facts) -> None:
        """What `compat` asks for is only counted."""
        status = answered.response.status
        self.would_change_status(verdict, status)
        if self.settings().compat.annotate and self.annotated(answered, verdict, facts, status) is not None:
            self.would(Would.ANNOTATE)

    def kept(self, attempt: Attempt, verdict: Verdict) -> Kept:
        """A failed attempt as it can be given again."""
        result = attempt.result
        if not isinstance(result, Answered):
            return Kept.own(verdict, refuse.STATUS[result.reason])
        return self.kept_of(result, verdict)

    def kept_of(self, result: Answered, verdict: Verdict) -> Kept:
        status = self.status_for(verdict, result.response.status)
        status = STATUS_OF_CLASS[verdict.cls] if status == 200 else status
        return Kept.of(verdict, result, status, self.dialect(), self.setup.answers)
