"""Evidence from an answer, read once: headers that tell, and the body, or under a good status the part of it that fails."""

from __future__ import annotations

from typing import Final
from urllib.parse import unquote

from proxy.classifier.evidence.decode import text_of
from proxy.classifier.evidence.hidden import failed_part
from proxy.classifier.evidence.layers import Evidence
from proxy.classifier.evidence.walk import HEAD_CHARS, Walk
from proxy.model import Answer, Provider

# Alibaba's API gateway has no other place for it: https://help.aliyun.com/zh/api-gateway/; gRPC's is percent-encoded:
# https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md
HEADERS_OF_PROSE: Final = ("x-ca-error-message", "grpc-message", "x-error-message")
HEADERS_OF_CODES: Final = (
    "x-amzn-errortype", "x-amzn-error-type", "x-error-code", "x-ms-error-code", "x-error-type", "grpc-status-name", "x-error-reason",
)  # fmt: skip
_HEADERS_THAT_TELL: Final = frozenset((*HEADERS_OF_CODES, *HEADERS_OF_PROSE))


def gather(answer: Answer, provider: Provider | None = None) -> Evidence | None:
    """Read an answer once; None where it is a good one."""
    headers = {name.lower(): value for name, value in answer.headers}
    walk = Walk(answer.status)
    exception = headers.get(":exception-type") or (headers.get(":error-code") if answer.status < 400 else None)
    if answer.status < 400 and "x-amzn-waf-action" in headers:
        # A challenge to a browser, under a 202 without a body: https://docs.aws.amazon.com/waf/latest/developerguide/waf-captcha-and-challenge-how-it-works.html
        exception = f"waf_{headers['x-amzn-waf-action']}"
    if answer.status < 400 and not exception:
        if answer.status < 200 or not answer.body or (answer.status >= 300 and "location" in headers):
            return None
        value, shape = failed_part(answer, headers, provider)
        if value is None:
            return None
        evidence = walk.evidence(headers, value)
        evidence.shape = shape or evidence.shape
        return evidence
    layer = walk.layer("answer")
    if exception:
        walk.code(layer, exception, ":exception-type")
    if not _HEADERS_THAT_TELL.isdisjoint(headers):
        for name in HEADERS_OF_CODES:
            if name in headers:
                walk.code(layer, headers[name], name)
        for name in HEADERS_OF_PROSE:
            if name in headers:
                walk.prose(layer, unquote(headers[name][:HEAD_CHARS]))
    text = text_of(answer.body, headers.get("content-encoding", "")) if answer.body else ""
    return walk.evidence(headers, text, layer)
