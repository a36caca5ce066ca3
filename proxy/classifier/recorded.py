"""What a person pastes or a shell saved: a bare body, or an answer as `curl -i` prints it. Gives an `Answer`."""

from __future__ import annotations

import codecs
import re
from collections.abc import Sequence
from typing import Final

from proxy.model import Answer

_STATUS_LINE: Final = re.compile(rb"HTTP/\d(?:\.\d)? (\d{3})[^\r\n]*\r?\n")
# Without any status a body is taken as an error inside a 200, which is judged by its own members.
_OF_A_BARE_BODY: Final = 200
_INTERIM: Final = (100, 101, 102, 103)
_FORWARDED: Final = range(200, 400)  # a forward proxy's answer to CONNECT, a redirect that was followed
_CHARSETS: Final = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}


def plain(raw: bytes) -> bytes:
    """An input as UTF-8 without a mark: editors put one before it, and PowerShell's `>` writes UTF-16."""
    charset = next((charset for mark, charset in _CHARSETS.items() if raw.startswith(mark)), None)
    return raw.decode(charset, "replace").encode("utf-8", "replace") if charset else raw


def begins_with_a_status(raw: bytes) -> bool:
    return _STATUS_LINE.match(raw) is not None


def recorded(raw: bytes, *, status: int | None, headers: Sequence[tuple[str, str]], provider: str) -> Answer:
    """The last answer of a `curl -i` output, or a bare body.

    Before it stand interim answers, followed redirects, and what a forward proxy said to CONNECT.
    """
    found: list[tuple[str, str]] = []
    said = status
    while head := _STATUS_LINE.match(raw):
        text, rest = _part(raw[head.end() :])
        found = [
            (name.strip(), value.strip())
            for line in text.splitlines()
            for name, sep, value in [line.partition(":")]
            if sep
        ]
        raw, said = rest, status if status is not None else int(head[1])
        if int(head[1]) not in _INTERIM and not (int(head[1]) in _FORWARDED and _STATUS_LINE.match(rest)):
            break
    everything = (*found, *headers)
    kind = next((value for name, value in everything if name.lower() == "content-type"), "")
    # curl undoes a content coding only where it was asked to; a body that is text again has none.
    coded = raw[:1] not in (b"{", b"[", b"<", b"d", b"e", b":")
    return Answer(
        status=said if said is not None else _OF_A_BARE_BODY,
        headers=tuple(pair for pair in everything if coded or pair[0].lower() != "content-encoding"),
        body=raw,
        provider=provider,
        stream="event-stream" in kind,
    )


def _part(raw: bytes) -> tuple[str, bytes]:
    end = re.search(rb"\r?\n\r?\n", b"\n" + raw)
    if end is None:
        return raw.decode("latin-1"), b""
    return raw[: max(end.start() - 1, 0)].decode("latin-1"), raw[end.end() - 1 :]
