"""The values inside a text: JSON, JSON lines, JSON or a Python repr within prose, HTML, event streams.

Gives plain values and strings; which member means what is `walk`'s and `kinds`' business. Everything is bounded: JSON that nests
deeper than the parser's stack is no JSON, and only the first few places of a text where JSON may begin are tried.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

_DECODER: Final = json.JSONDecoder(strict=False)
_STARTS: Final = re.compile(r"[{\[]\s*[\"'{]")
MAX_STARTS: Final = 4
MAX_REPR: Final = 8 * 1024
MAX_REPRS: Final = 2
MAX_SEARCHED: Final = 32 * 1024
_BLANK_LINE: Final = re.compile(r"\n[ \t]{0,8}\n")
_MAX_PARTS: Final = 32
_PAIR: Final = re.compile(
    r'"(code|type|status|reason|message|msg|error|detail|error_code|error_msg|raw|body)"\s{0,8}:\s{0,8}'
    r'("(?:[^"\\]|\\.){0,4096}(?:"|\\?\Z)|-?\d{1,18})',
    re.IGNORECASE,
)
_CLOSED: Final = re.compile(r'[^\\](?:\\\\){0,8}"$|^""$')
MAX_PAIRS: Final = 32
# A Python repr, which gateways print for a client's exception: its strings, names and everything else
_REPR_TOKEN: Final = re.compile(
    # Escapes outside of strings are taken in pairs, so that no quote is tried as a beginning twice.
    r"\\.|'((?:[^'\\]|\\.)*+)'|\"((?:[^\"\\]|\\.)*+)\"|\b(None|True|False)\b",
    re.DOTALL,
)
_REPR_NAMES: Final = {"None": "null", "True": "true", "False": "false"}
_TAG: Final = re.compile(r"<[^<>]{0,2048}>")
_UNSEEN: Final = re.compile(r"<(script|style|svg|noscript)\b.*?(?:</\1>|\Z)", re.IGNORECASE | re.DOTALL)
_CODED: Final = re.compile(r"<(script|style|svg)\b.*?(?:</\1>|\Z)", re.IGNORECASE | re.DOTALL)
_TITLE: Final = re.compile(r"<title[^<>]{0,200}>([^<]{1,300})", re.IGNORECASE)
MAX_PAGE: Final = 6000


@dataclass(frozen=True, slots=True)
class Event:
    """One event of a stream. DashScope tells the status in a comment (`:HTTP_STATUS/429`)."""

    name: str
    data: str
    status: int = 0


def json_value(text: str) -> Any:
    """The JSON value that a text is or begins with; None where it is none."""
    text = text.lstrip()
    try:
        value, end = _DECODER.raw_decode(text)
    except (ValueError, RecursionError):
        return None
    if isinstance(value, list) and end < len(text) and not any(isinstance(item, (dict, list)) for item in value):
        return None if text[end:].strip() else value  # `[1305] too many are asking` is prose with a number before it
    return value


def embedded(text: str) -> tuple[str, Any]:
    """The first JSON object or list within a text, and the text without it."""
    for tried, start in enumerate(_STARTS.finditer(text, 0, MAX_SEARCHED)):
        if tried == MAX_STARTS:
            break
        at = start.start()
        try:
            value, end = _DECODER.raw_decode(text, at)
        except RecursionError:
            break  # what nests deeper than the parser's stack is no answer, and takes long to find out
        except ValueError:
            value, end = _python_repr(text, at) if tried < MAX_REPRS else (None, at)
        if isinstance(value, (dict, list)) and value:
            return f"{text[:at]} {text[end:]}", value
    return text, None


def _python_repr(text: str, at: int) -> tuple[Any, int]:
    """`{'error': {'message': "can't", 'code': None}}` as openai's clients print it, read as the JSON it stands for."""
    source = text[at : at + MAX_REPR]
    if "'" not in source:
        # Quotes escaped once more: a JSON body that was put into a string by hand
        return _raw(source.replace('\\"', '"'), text) if '\\"' in source else (None, at)
    return _raw(_REPR_TOKEN.sub(_as_json, source), text)


def _raw(source: str, text: str) -> tuple[Any, int]:
    try:
        # Where the repr ended in the original is not known; what follows it is of no use.
        return _DECODER.raw_decode(source)[0], len(text)
    except (ValueError, RecursionError):
        return None, 0


def _as_json(token: re.Match[str]) -> str:
    single, double, name = token.groups()
    if name is not None:
        return _REPR_NAMES[name]
    if single is not None:
        return json.dumps(single.replace("\\'", "'"))
    return json.dumps(double) if double is not None else token[0]


def salvage(text: str) -> list[dict[str, Any]]:
    """What can be read of JSON that was cut off: its telling members, wherever they stood, the last one as far as it goes."""
    found: list[dict[str, Any]] = []
    for pair in islice(_PAIR.finditer(text), MAX_PAIRS):
        raw = pair[2]
        if pair.end() == len(text) and raw.startswith('"') and not _CLOSED.search(raw):
            raw = raw.rstrip("\\") + '"'
        try:
            found.append({pair[1]: json.loads(raw, strict=False)})
        except ValueError:
            continue
    return found


def json_lines(text: str, telling: re.Pattern[str]) -> Iterator[Any]:
    """The values of a text with one JSON object a line (Ollama's streams), of lines in which `telling` is found."""
    for line in _at_its_ends([line for line in text.splitlines() if telling.search(line)]):
        value = json_value(line) if line.lstrip().startswith("{") else None
        if value is None:
            return
        yield value


def looks_like_html(text: str) -> bool:
    head = text[:400].lstrip().lower()
    return head.startswith("<") and (
        "<html" in head or "<!doctype" in head or "<head" in head or "<title" in head or "<body" in head
    )


def page_text(text: str) -> tuple[str, str]:
    """Title and visible text of an HTML page; of one that scripts write, what it says to those who run none."""
    title = _TITLE.search(text[:MAX_PAGE])
    page = text[: 4 * MAX_PAGE]
    plain = _plain(_UNSEEN.sub("\n", page)) or _plain(_CODED.sub("\n", page))
    return html.unescape(title[1]).strip() if title else "", plain


def _plain(page: str) -> str:
    return html.unescape(_TAG.sub("\n", page))[:MAX_PAGE].strip()


def looks_like_stream(text: str) -> bool:
    return text.lstrip("\ufeff \r\n").startswith(("data:", "event:", "error: {", "id:", ": ", ":HTTP_STATUS", "retry:"))


def events(text: str, telling: re.Pattern[str] | None = None) -> Iterator[Event]:
    """The events of a stream, a bare JSON line among them as an event of its own (Google ends broken streams so).

    With `telling` only those in whose text it is found: most events of a long stream need no reading to be passed over.
    """
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    blocks = _BLANK_LINE.split(text)
    for block in _at_its_ends([block for block in blocks if telling.search(block)]) if telling else blocks:
        yield from _event(block)


def _at_its_ends(parts: list[str]) -> list[str]:
    """A stream fails at its beginning or at its end; whatever else in it looks like a failure is not read."""
    return parts if len(parts) <= 2 * _MAX_PARTS else [*parts[:_MAX_PARTS], *parts[-_MAX_PARTS:]]


def _event(block: str) -> Iterator[Event]:
    name, data, status = "", [], 0
    bare: list[str] = []
    for line in block.split("\n"):
        if line.startswith("data:"):
            data.append(line[5:].lstrip())
        elif line.startswith("error:"):
            # llama.cpp's own field name: https://github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md
            name, data = "error", [line[6:].lstrip()]
        elif line.startswith("event:"):
            name = line[6:].strip()
        elif line.startswith(":HTTP_STATUS/"):
            status = int(line[13:16]) if line[13:16].isdigit() and line[13:16].isascii() else 0
        elif line.strip() and not line.startswith((":", "id:", "retry:")):
            bare.append(line)
    if data:
        yield Event(name, "\n".join(data), status)
    if len(bare) > 1 and all(part.startswith("{") and part.endswith("}") for part in bare):
        yield from (Event("", part) for part in bare)
    elif bare:
        yield Event("", "\n".join(bare))
