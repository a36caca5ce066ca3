"""What a body's members hold, by their names: codes, prose, quoted answers, parameters, waits. Reads no body."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from functools import lru_cache
from typing import Final

from proxy.classifier.evidence.wait_names import WAIT_NAMES

MAX_NAME_CHARS: Final = 40
_SKELETON: Final[dict[int, int | None]] = {ord("_"): None, ord("-"): None, ord(" "): None}


class Kind(IntEnum):
    CODE = 1
    TEXT = 2
    INNER = 3  # a quoted answer: its own layer
    PARAM = 4
    WAIT = 5
    QUOTA = 6
    SKIP = 7
    VIA = 8


# Python 3.11 looks an enum's member up by a descriptor, which takes ten times as long as a name: the walk asks for each of them
# for every member.
CODE, TEXT, INNER, PARAM, WAIT, QUOTA, SKIP, VIA = Kind


def _table() -> dict[str, Kind]:
    table = {
        Kind.CODE: "code type status reason errorcode errortype __type kind category errorname errorcategory errcode errno name "
        "statuscode httpstatus httpstatuscode rawstatuscode statuscodevalue errorsubcode subcode limitsource quotametric limittype title exceptiontype "
        "blockreason finishreason statusmsg statusname codename errorkey errorid ret errortypecode "
        "resultcode retcode returncode failurecode fehlercode codigo codice",
        Kind.TEXT: "message msg desc detail details error errormessage errormsg description errordescription statusmsg title text "
        "localizedmessage info developermessage usermessage statustext errordetail errordetails fault faultstring errmsg explanation "
        "internalmessage displaymessage statusmessage raifilteredreason blockreasonmessage humanreadable err reasonphrase summary exception "
        "servicemessage failurereason failuremessage resultmsg retmsg returnmsg meldung fehler fehlermeldung beschreibung mensaje descripcion mensagem "
        "descricao messaggio errore erreur erro",
        Kind.INNER: "raw innererror innererrors cause originalerror upstreamerror providererror previouserrors body upstreambody rawerror "
        "innerexception upstream wrapped",
        Kind.PARAM: "param parameter field loc target property argument",
        Kind.QUOTA: "quotaid quotalimit quotalimitvalue quotavalue",
        Kind.SKIP: "input output messages choices usage failedgeneration request prompt requestbody safetyratings links stack "
        "stacktrace traceback documentationurl docurl url helpurl debug whatyoushoulddo footer instance logs requestid rayid "
        "timestamp path userid ctx remedyhint documentation docs help contact support learnmore moreinfo seealso requestecho "
        "originalrequest tip tips example examples",
        Kind.VIA: "providername provider modelprovider upstreamprovider",
    }
    return {name: kind for kind, names in table.items() for name in names.split()} | dict.fromkeys(
        WAIT_NAMES, Kind.WAIT
    )


_OF_NAME: Final[Mapping[str, Kind]] = _table()


def members() -> dict[str, list[str]]:
    """What is held by members of which names, in the spelling of `kind_of`."""
    return {kind.name.lower(): sorted(name for name, of in _OF_NAME.items() if of is kind) for kind in Kind}


def kind_of(name: str) -> tuple[str, Kind | None]:
    """A member's name without its spelling (`retryAfter`, `retry_after`, `Retry-After`), and what it holds."""
    return _kind_of(name) if len(name) < MAX_NAME_CHARS else ("", None)


@lru_cache(maxsize=2048)
def _kind_of(name: str) -> tuple[str, Kind | None]:
    skeleton = name.lower().translate(_SKELETON)
    return skeleton, _OF_NAME.get(skeleton)
