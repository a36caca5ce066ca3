"""The single values that settings are made of: an address, a permitted call, a secret. Text in, a checked value out.

A `ValueError` says what is allowed and never what was found: the caller knows whether that may be shown.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import SplitResult, unquote, urlsplit

from proxy.config import units
from proxy.config.kinds import One

_TOKEN: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+", re.ASCII)
_VISIBLE: Final = re.compile(r"[\x21-\x7e](?:[\t\x20-\x7e]*[\x21-\x7e])?", re.ASCII)
_HOST: Final = re.compile(r"[0-9A-Za-z_](?:[0-9A-Za-z_.-]*[0-9A-Za-z_.])?", re.ASCII)
_DOTS: Final = re.compile(r"(?:^|[/\\])\.{1,2}(?:;[^/\\]*)?(?=[/\\]|$)")


@dataclass(frozen=True, slots=True)
class Secret:
    """Text that shows itself only when asked by name."""

    _text: str = field(repr=False)

    def get_secret_value(self) -> str:
        return self._text

    def __str__(self) -> str:
        return "(secret)"


@dataclass(frozen=True, slots=True)
class Address:
    """Where a port listens. An empty host stands for every address."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Address:
        host, colon, port = text.strip().rpartition(":")
        bare = host[1:-1] if host.startswith("[") and host.endswith("]") and ":" in host else host
        valid = colon and port.isascii() and port.isdecimal() and int(port) < 2**16
        if not valid or (":" in bare and bare == host) or not _is_host(bare):
            raise ValueError("expected HOST:PORT such as 127.0.0.1:8080, [::1]:8080 or :8080 for every address")
        return cls("" if bare == "*" else bare, int(port))

    @property
    def is_loopback(self) -> bool:
        """Whether nobody beyond this machine can reach it."""
        return is_loopback(self.host)

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Permit:
    """One entry of `allow`: `METHOD /path`.

    The method is one word, or `*` for all. In the path `*` stands for one or more characters of a segment and `**` for
    any rest, slashes included. All else is compared byte by byte with the raw path below the upstream, the query left
    out. A path with a `.` or `..` segment, however it is encoded, is never permitted: the provider could read it as
    another path.
    """

    method: str
    path: str
    pattern: re.Pattern[str]

    @classmethod
    def parse(cls, text: str) -> Permit:
        words = text.split()
        if len(words) != 2 or not words[1].startswith("/") or "?" in words[1] or not _TOKEN.fullmatch(words[0]):
            raise ValueError("expected METHOD /path such as POST /v1/messages or GET /v1/files/**")
        method, path = words[0].upper(), words[1]
        pieces = (_WILD.get(piece, re.escape(piece)) for piece in re.split(r"(\*\*?)", path))
        return cls(method, path, re.compile("".join(pieces), re.ASCII | re.DOTALL))

    def permits(self, method: str, path: str) -> bool:
        return self.method in ("*", method) and self.pattern.fullmatch(path) is not None

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


# An encoded slash is a slash to some servers: one segment's wildcard must not reach over it.
_WILD: Final = {"*": r"(?:(?!%2[fF]|%5[cC])[^/\\])+", "**": r".*"}


def has_dot_segment(path: str) -> bool:
    """Whether a server could walk upwards: `..`, `%2e%2e`, `%252e.`, `..%2f`, `..;x`."""
    for _ in range(3):
        if _DOTS.search(path):
            return True
        if "%" not in path:
            return False
        path = unquote(path, errors="replace")
    return _DOTS.search(path) is not None


def is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower().removesuffix(".") == "localhost"


def prefix(text: str) -> str:
    """A path prefix without its last slash: `/` and nothing are the same."""
    if text.strip("/") == "":
        return ""
    if not text.startswith("/") or "//" in text or re.search(r"[?#\s\\]", text) or has_dot_segment(text):
        raise ValueError("expected a path that starts with / such as /anthropic")
    return text.rstrip("/")


def upstream_url(text: str) -> str:
    """An upstream's base URL without its last slash."""
    parts = _url(text, ("http", "https"), "expected http:// or https:// with a host such as https://api.openai.com")
    if parts.username is not None or parts.password is not None:
        raise ValueError("must not hold a user or password: set credential instead")
    if parts.query or parts.fragment or "?" in text or "#" in text:
        raise ValueError("must not hold a query or fragment")
    return text.strip().rstrip("/")


def proxy_url(text: str) -> str:
    _url(text, ("http", "https"), "expected http://HOST:PORT or https://HOST:PORT of a forward proxy")
    return text.strip()


def store_url(text: str) -> str:
    text = text.strip()
    if text.rstrip("/") != "memory:":
        _url(text, ("redis", "rediss"), "expected memory://, redis://HOST:PORT/N or rediss://HOST:PORT/N")
    return text


def origin(text: str) -> str:
    """A browser's origin, or `*`."""
    text = text.strip()
    allowed = "expected * or an origin such as https://app.example.com"
    if text != "*":
        parts = _url(text, ("http", "https"), allowed)
        if parts.path or parts.query or parts.fragment or parts.username is not None:
            raise ValueError(allowed)
    return text.lower()


def host_name(text: str) -> str:
    text = text.strip()
    if not _HOST.fullmatch(text):
        raise ValueError("expected a host name without scheme and port such as triage.internal")
    return text.lower().removesuffix(".")


def sha256(text: str) -> str:
    text = text.strip().lower()
    if re.fullmatch(r"[0-9a-f]{64}", text, re.ASCII) is None:
        raise ValueError("expected the SHA-256 of the key, 64 hexadecimal digits: printf %s KEY | sha256sum")
    return text


def credential(text: str) -> Secret:
    """A secret that can stand in a header."""
    if not text.strip():
        raise ValueError("is empty: set it, or leave the key out to pass on the client's own")
    return Secret(header_value(text.strip()))


def name(text: str) -> str:
    if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}", text, re.ASCII) is None:
        raise ValueError("expected 1 to 64 letters, digits, and . _ : - after the first")
    return text


def provider(text: str) -> str:
    return name(text) if text else ""


def header_value(text: str) -> str:
    if text and _VISIBLE.fullmatch(text) is None:
        raise ValueError("must hold printable ASCII only, no line break, no space at its ends")
    return text


# What frames a message or says where it goes is not an operator's to set.
_NOT_ADDED: Final = frozenset(
    {"connection", "content-length", "expect", "host", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"}
)


def header_name(text: str) -> str:
    """Lower case: aiohttp's client loses one of two names that differ in case alone."""
    name = text.strip().lower()
    if _TOKEN.fullmatch(name) is None or name in _NOT_ADDED or name.startswith("x-llm-"):
        raise ValueError("expected header names; not the hop's own (host, connection, content-length, …), not x-llm-*")
    return name


def _url(text: str, schemes: tuple[str, ...], allowed: str) -> SplitResult:
    try:
        parts = urlsplit(text.strip())
        valid = parts.scheme in schemes and parts.hostname and _is_host(parts.hostname) and parts.port != 0
    except ValueError:
        raise ValueError(allowed) from None
    if not valid or re.search(r"[^\x21-\x7e]|\\", text.strip()):
        raise ValueError(allowed)
    return parts


def _is_host(text: str) -> bool:
    if ":" in text:
        try:
            return ipaddress.ip_address(text).version == 6
        except ValueError:
            return False
    return text in ("", "*") or _HOST.fullmatch(text) is not None


EMPTY: Final[Mapping[str, str]] = MappingProxyType({})

_ON: Final = frozenset({"true", "yes", "on", "1"})
_OFF: Final = frozenset({"false", "no", "off", "0"})


def _flag(text: str) -> bool:
    if text.lower() not in _ON | _OFF:
        raise ValueError("expected true or false")
    return text.lower() in _ON


def _measure(parse: Callable[[str], Any], pattern: str) -> One:
    return One(parse, {"type": ["number", "string"], "minimum": 0, "pattern": f"^({pattern})$"})


FLAG: Final = One(_flag, {"enum": [True, False, "on", "off", "yes", "no"]})
DURATION: Final = _measure(units.duration_s, units.DURATION)
SIZE: Final = _measure(units.size_bytes, units.SIZE)
DEADLINE: Final = _measure(
    lambda text: None if text == "auto" else units.duration_s(text), f"auto|{units.DURATION}"
)  # None is auto


def whole(least: int, most: int | None = None) -> One:
    """A whole number within bounds, both included."""
    allowed = (
        f"expected a whole number from {least} to {most}" if most else f"expected a whole number of at least {least}"
    )

    def parse(text: str) -> int:
        if re.fullmatch(r"\d{1,12}", text, re.ASCII) is None or not least <= int(text) <= (most or 10**12):
            raise ValueError(allowed)
        return int(text)

    return One(parse, {"type": "integer", "minimum": least} | ({"maximum": most} if most else {}))


def share() -> One:
    """A part of a whole."""

    def parse(text: str) -> float:
        if re.fullmatch(r"\d*\.?\d+", text, re.ASCII) is None or float(text) > 1:
            raise ValueError("expected a number from 0 to 1 such as 0.2")
        return float(text)

    return One(parse, {"type": "number", "minimum": 0, "maximum": 1})


def choice(*words: str, to: Callable[[str], Any] = str) -> One:
    """One of some words."""

    def parse(text: str) -> Any:
        # YAML 1.1 reads a bare `off` as false: whoever writes YAML by program may send that.
        word = "off" if text == "false" and "off" in words else text
        if word not in words:
            raise ValueError(f"expected one of {', '.join(words)}")
        return to(word)

    return One(parse, {"enum": [*map(str, words), *([False] if "off" in words else [])]})


def _status(text: str) -> int | None:
    if text in ("off", "false"):
        return None
    if re.fullmatch(r"[45]\d\d", text, re.ASCII) is None:
        raise ValueError("expected off or a status from 400 to 599 such as 402")
    return int(text)


STATUS: Final = One(
    _status, {"anyOf": [{"enum": ["off", False]}, {"type": "integer", "minimum": 400, "maximum": 599}]}
)  # None is off
