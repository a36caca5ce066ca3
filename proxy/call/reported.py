"""What is told of a call: reports to whoever watches, a failure inside a stream to the client."""

from __future__ import annotations

import time

from proxy.call.known import Known, request_id
from proxy.classifier import own_verdict
from proxy.client import Reply
from proxy.dialects import STATUS_OF_CLASS, Problem
from proxy.model import Class, Verdict
from proxy.report.event import CallReport, Progress, StreamFailure, Would
from proxy.report.mask import credential_label, mask_target
from proxy.way import credential
from proxy.way.accept import Call
from proxy.way.address import Target
from proxy.way.advise import advise_own
from proxy.way.amend import Thread, thread_key
from proxy.way.judge import verdict_on_event
from proxy.way.persist import model_of
from proxy.way.tag import Facts, new_call_id
from proxy.way.watched import Told


class Reported(Known):
    """A call that can be told of."""

    __slots__ = ()

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

    def tell_stream(self, told: Told, response: Reply, progress: Progress) -> Problem:
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
            report = self.report(facts, None, verdict, request_id(response))
            self.proxy.reporter.stream_failed(report._replace(stream=progress), kind)
            if self.observes():
                if told.found is None:
                    self.would(Would.WRITE_EVENT)
                elif told.found.is_first and self.settings().stream.hold:
                    self.would_change_status(verdict, response.status)
        return Problem.of(STATUS_OF_CLASS[verdict.cls], verdict, facts)

    def status_for(self, verdict: Verdict, status: int) -> int:
        """The upstream's status, but where `compat` asks for another."""
        compat = self.settings().compat
        if verdict.cls is Class.BUDGET_EXHAUSTED and compat.budget_status:
            return compat.budget_status
        if status == 200 and compat.error_in_200 == "status":
            return STATUS_OF_CLASS[verdict.cls]
        return status

    def would_change_status(self, verdict: Verdict, status: int) -> None:
        if self.status_for(verdict, status) != status:
            self.would(Would.CHANGE_STATUS)

    def tell_hidden(self, verdict: Verdict, facts: Facts, response: Reply) -> None:
        """An error inside a 200 that was only observed: the client has it as it came."""
        self.proxy.reporter.attempt_failed(self.labels()[0], verdict)
        self.proxy.reporter.call_failed(self.report(facts, response.status, verdict, request_id(response)))

    def tell_broken(self, reason: str) -> None:
        verdict = own_verdict(reason)
        self.call_id = self.call_id or new_call_id()
        report = self.report(advise_own(verdict, self.call_id), None, verdict, "")
        self.proxy.reporter.stream_failed(report, StreamFailure.TRUNCATED_BODY)

    def own_verdict(self, reason: str) -> Verdict:
        """A body over the limit is too long a context where a model would have read it, else a bad request."""
        return own_verdict(
            reason, cls=Class.BAD_REQUEST if reason == "body_too_large" and not self.generates() else None
        )

    def end(self) -> None:
        if self.body is None:
            return
        self.body.let_go()
        if self.body.is_over:
            self.would(Would.REFUSE_SIZE)
