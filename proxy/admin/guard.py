"""Who may use the guarded paths of the admin port. Pure: a request's Host and Authorization to a refusal or None.

A page in a browser can make a name of its own resolve to 127.0.0.1 and then read the admin port as its own origin (DNS
rebinding); its requests carry that name as their Host, and that is refused: https://en.wikipedia.org/wiki/DNS_rebinding
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import ipaddress
import re
from dataclasses import dataclass
from typing import Final

from proxy.admin.state import AdminSettings

_HOST: Final = re.compile(r"(?:\[(?P<v6>[^\[\]]*)\]|(?P<name>[^\[\]:]*))(?::\d{0,5})?")


@dataclass(frozen=True, slots=True)
class Refusal:
    status: int
    sentence: str
    asks_for_token: bool = False


def refuse(settings: AdminSettings, host: str | None, authorization: str | None) -> Refusal | None:
    if not is_trusted_host(host, settings.hosts):
        return Refusal(
            421,
            "This Host may not use the admin port. Call it by its IP address or as localhost, "
            "or add the name to admin_hosts.",
        )
    if settings.is_loopback:
        return None
    if not settings.token:
        return Refusal(403, "The admin port listens beyond loopback: set admin_token to open this path.")
    if not _is_token(authorization, settings.token):
        return Refusal(
            401,
            "Send admin_token as 'Authorization: Bearer', or as the password of HTTP Basic.",
            asks_for_token=True,
        )
    return None


def is_trusted_host(host: str | None, admin_hosts: frozenset[str]) -> bool:
    match = _HOST.fullmatch(host or "")
    if match is None:
        return False
    name = (match["v6"] or match["name"] or "").removesuffix(".").lower()
    return name == "localhost" or name in {known.lower() for known in admin_hosts} or _is_address(name)


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _is_token(authorization: str | None, token: str) -> bool:
    scheme, _, value = (authorization or "").strip().partition(" ")
    match scheme.lower():
        case "bearer":
            offered = value.strip().encode("utf-8", "surrogateescape")
        case "basic":
            try:
                offered = base64.b64decode(value.strip(), validate=True).partition(b":")[2]
            except (binascii.Error, ValueError):
                return False
        case _:
            return False
    # Digests are of one length, so that the comparison's time tells nothing of the token's.
    return hmac.compare_digest(_digest(offered), _digest(token.encode("utf-8", "surrogateescape")))


def _digest(secret: bytes) -> bytes:
    return hashlib.sha256(secret).digest()
