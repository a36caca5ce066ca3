"""Takes credentials out of what is shown: request targets for logs and pages, and a label in a credential's place.

Pure. Headers are not masked here: they are never shown.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from typing import Final
from urllib.parse import unquote_plus

MASK: Final = "***"
MAX_SHOWN: Final = 512
_SALT: Final = secrets.token_bytes(32)

# Names end with the telling word: api_key, access_token, X-Amz-Signature, X-Goog-Credential, X-Amz-Security-Token,
# client_secret; `sig` is Azure's shared access signature.
# https://learn.microsoft.com/en-us/rest/api/storageservices/create-service-sas
_CARRIER: Final = re.compile(
    r"(?:key|keyid|token|secret|signature|sig|password|passwd|pwd|pass|credentials?|authorization|auth|bearer|jwt)$"
)
_PART: Final = re.compile(r"[^&]+")
_MARK: Final = re.compile(r"[?;=]")
_USERINFO: Final = re.compile(r"^([a-zA-Z][a-zA-Z0-9+.-]*:)?//[^/?#]*@")
# Keys that were pasted where none belongs (a path segment, a query without names), told by their makers' prefixes.
_LOOSE_KEY: Final = re.compile(
    r"(?:\b|(?<=_))(?:(?:sk|pk|rk|gsk|xai|hf|nvapi|pplx|r8|fw|csk|tgp)[-_][A-Za-z0-9_-]{8,}|AIza[A-Za-z0-9_-]{20,}"
    r"|AKIA[A-Z0-9]{12,}|eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_.-]+)"
)
# Nearly all paths: what begins as a loose key does has a capital, `-` or `_` in it.
_PLAIN: Final = re.compile(r"(?:/[a-z0-9.]{1,24}){1,8}")


def mask_target(raw_target: str) -> str:
    """A request target fit to be shown: no credential in it, and bounded in length."""
    if _PLAIN.fullmatch(raw_target):
        return raw_target
    target = raw_target[: 4 * MAX_SHOWN]
    if "@" in target:
        target = _USERINFO.sub(rf"\1//{MASK}@", target)
    path, mark, query = target.partition("?")
    shown = path + mark + _PART.sub(_masked_part, query)
    shown = _LOOSE_KEY.sub(MASK, shown)
    return shown if len(shown) <= MAX_SHOWN else shown[:MAX_SHOWN] + "..."


def credential_label(credential: str) -> str:
    """A short name for a credential: the same in every process, and of no use to whoever reads it."""
    digest = hashlib.blake2s(credential.encode("utf-8", "surrogateescape"), digest_size=5, person=b"llmlabel")
    return f"cred-{digest.hexdigest()}"


def _masked_part(part: re.Match[str]) -> str:
    """What stands between two `&`, masked from the first value that a telling name has."""
    text = part[0]
    begin = 0
    for mark in _MARK.finditer(text):
        name = unquote_plus(unquote_plus(text[begin : mark.start()])).strip().lower()
        begin = mark.end()
        if mark[0] == "=" and begin < len(text) and _CARRIER.search(name):
            return text[:begin] + MASK
    return text


def content_label(body: bytes) -> str:
    """Names a request's content to this process alone: equal requests are one incident."""
    return hashlib.blake2b(body, digest_size=16, key=_SALT).hexdigest()
