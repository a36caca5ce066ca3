"""The client's request becomes a `Call`, or is refused before anybody is bothered with it."""

from __future__ import annotations

from dataclasses import dataclass

from aiohttp import web
from aiohttp.streams import EMPTY_PAYLOAD

from proxy.way.body import Body, Held
from proxy.way.headers import RequestFilter, RequestHead
from proxy.way.refuse import Refusal


@dataclass(slots=True)
class Call:
    """A request that was understood."""

    http: web.BaseRequest
    method: str
    target: str  # origin form, as it was sent: path and query
    path: str
    query: str
    head: RequestHead


def accept(http: web.BaseRequest, requests: RequestFilter, *, head_bytes: int) -> Call | Refusal:
    """Reads the head. The body stays where it is until the call's way is known."""
    method = http.method
    target = http.raw_path
    if method == "CONNECT":
        return Refusal("method_not_allowed")
    if not target.startswith("/"):
        target = origin_form(target)
    try:
        head = requests.sort(http.raw_headers)
        target.encode("ascii")
    except UnicodeError:
        return Refusal("malformed")
    # The parser undoes `chunked` alone. With another coding under it, the body would go on without a word of that.
    if head.read.get("transfer-encoding", "chunked").strip().lower() != "chunked":
        return Refusal("malformed")
    if head_bytes and head.size + len(target) > head_bytes:
        return Refusal("head_too_large")
    path, _, query = target.partition("?")
    return Call(http, method, target, path, query, head)


def origin_form(target: str) -> str:
    """The path of an absolute-form target. Its authority never steers where a call goes."""
    if target == "*":
        return target
    _, scheme_end, rest = target.partition("://")
    if not scheme_end:
        return "/" + target
    cut = min((i for i in (rest.find("/"), rest.find("?")) if i >= 0), default=len(rest))
    rest = rest[cut:]
    return rest if rest.startswith("/") else "/" + rest


def body_of(
    call: Call, held: Held, *, replay: int, max_bytes: int, idle_s: float, observes: bool
) -> Body | Refusal | None:
    """The call's body, read as far as it has arrived; None where there is none."""
    content = call.http.content
    if content is EMPTY_PAYLOAD:
        return None
    length = call.head.read.get("content-length")
    if max_bytes and length is not None and int(length) > max_bytes and not observes:
        return Refusal("body_too_large")
    body = Body(content, held, replay=replay, max_bytes=max_bytes, idle_s=idle_s, observes=observes)
    body.take_arrived()
    if body.is_over and not observes:
        body.let_go()
        return Refusal("body_too_large")
    return body
