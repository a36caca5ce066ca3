"""Is a 200 a failure? The shapes in which providers put an error under a good status, and nothing that quotes one.

Decides on members alone, never on prose: an answer that talks about errors is an answer. What the error means is left to
the evidence and the rules.
"""

from __future__ import annotations

import re
from typing import Any, Final

from proxy.model import Provider

ERRORS: Final = ("error", "Error", "erro", "errore", "erreur", "fehler", "blad", "hata")
BUSINESS_CODES: Final = ("base_resp.status_code", "header.code")
# `statusCodeValue` is Spring's ResponseEntity, written out as it stands in memory.
BAD_STATUSES: Final = ("status", "statusCode", "status_code", "http_status", "statusCodeValue")
_NOTHING: Final = "null none nil n/a ok success false 0 no - kein keine keiner aucun aucune ninguno nenhum nessuno brak yok não nao non nie нет 无 なし 없음"
NO_ERROR: Final = frozenset({"", "no error", "no errors", "kein fehler", "keine fehler", *_NOTHING.split()})
# Objects that hold their own past errors: reading one is a good answer (a failed job, a batch, a run).
ANSWERS_WITH_ERRORS: Final = (
    "fine_tuning",
    "batch",
    "thread",
    "vector_store",
    "file",
    "eval",
    "list",
    "model",
    "video",
    "image",
)
FINISHED_EMPTY: Final = frozenset(
    {"SAFETY", "PROHIBITED_CONTENT", "BLOCKLIST", "SPII", "IMAGE_SAFETY", "IMAGE_PROHIBITED_CONTENT", "RECITATION"}
)
LAMBDA: Final = frozenset({"errorMessage", "errorType", "requestId", "stackTrace"})
_ONE_IS_GOOD: Final = ("code", "ret")  # an `error_code` of 1 is an error's
_CODE: Final = re.compile(r"[\w.:-]{1,120}")
GOOD_CODES: Final = frozenset({"ok", "success", "succeeded", "completed", "20000", "10000", "1"})
# Messages that say nothing of a failure.
NO_MESSAGE: Final = frozenset(
    {
        "",
        "ok",
        "success",
        "successful",
        "succeeded",
        "accepted",
        "created",
        "completed",
        "complete",
        "done",
        "成功",
        "操作成功",
        "请求成功",
    }
)
# Members of an answer, whatever else stands beside them.
ANSWERS: Final = ("choices", "candidates", "embeddings")
MESSAGES: Final = (
    "message",
    "msg",
    "error_msg",
    "errmsg",
    "desc",
    "error_message",
    "Message",
    "err_msg",
    "ErrorMessage",
    "errorMessage",
    "errorMsg",
    "resultMsg",
    "retMsg",
    "returnMsg",
)
RESULTS: Final = (
    "choices",
    "data",
    "result",
    "output",
    "content",
    "candidates",
    "results",
    "embeddings",
    "outputs",
    "response",
)
CODES: Final = (
    "code",
    "error_code",
    "errcode",
    "err_code",
    "errno",
    "errorCode",
    "ErrorCode",
    "ret",
    "resultCode",
    "retCode",
    "returnCode",
)
_ERROR_CODES: Final = tuple(name for name in CODES if name.lower().startswith("err"))
SUCCESS: Final = ("success", "ok", "succeeded", "isSuccess", "is_success", "erfolg", "exito", "sucesso")
FAILED_STATUS: Final = frozenset(
    {"error", "fail", "failure", "ko"}
)  # not `failed`: what is polled for says so of a job


def is_failure(value: Any, provider: Provider | None = None) -> bool:
    """Whether a JSON value under a good status is an error."""
    if isinstance(value, list):
        return any(isinstance(item, dict) and is_failure(item, provider) for item in value[:4])
    if not isinstance(value, dict):
        return False
    return (
        _has_error(value)
        or _has_failed_response(value)
        or failed_choice(value) is not None
        or _has_business_code(value, provider)
        or _says_no_success(value)
        or _has_bad_status(value)
        or _is_blocked(value)
    )


def _has_error(value: dict[str, Any]) -> bool:
    kind = value.get("object")
    if isinstance(kind, str) and kind.startswith(ANSWERS_WITH_ERRORS):
        return False
    if "done" in value and "operations/" in str(value.get("name", ""))[:200]:
        return False  # Google's: https://google.aip.dev/151
    if value.get("type") == "error" or kind == "error":
        return True
    # AWS Lambda answers so when its function failed: https://docs.aws.amazon.com/lambda/latest/dg/python-exceptions.html
    if isinstance(value.get("errorMessage"), str) and value.keys() <= LAMBDA:
        return True
    for name in ERRORS:
        error = value.get(name)
        if isinstance(error, dict):
            if any(has_content(member) and not _is_good(name, member) for name, member in error.items()):
                return True
        elif isinstance(error, str):
            if has_content(error):
                return True
        elif (isinstance(error, int) and 400 <= error <= 599) or (error is True and _message(value)):
            return True
    return False


def _is_good(name: str, member: Any) -> bool:
    """Whether a member within an error says that there is none."""
    if name in MESSAGES:
        return isinstance(member, str) and member.strip().lower() in NO_MESSAGE
    return name in CODES and is_good_code(member)


def is_good_code(code: Any) -> bool:
    """`0`, `0000`, `A0000`, a status from 200 to 299, or a word for success."""
    text = str(code).strip().lower()
    if text in GOOD_CODES or not text.strip("0") or (text[0].isalpha() and len(text) > 1 and not text[1:].strip("0")):
        return True
    return len(text) == 3 and text[0] == "2" and text.isdecimal() and text.isascii()


def has_content(member: Any) -> bool:
    """Whether an error's member says anything at all."""
    if isinstance(member, str):
        return member.strip().lower().rstrip(".") not in NO_ERROR
    return member not in (None, 0, False, [], {})


def _has_failed_response(value: dict[str, Any]) -> bool:
    if value.get("type") == "response.failed":
        return True
    for name in ("response", "Response"):
        response = value.get(name)
        if isinstance(response, dict) and not isinstance(response.get("output"), str) and _has_error(response):
            return True
    delta = value.get("delta")
    # Cohere's streams end so: https://docs.cohere.com/v2/docs/streaming
    return isinstance(delta, dict) and delta.get("finish_reason") == "ERROR" and has_content(delta.get("error"))


def failed_choice(value: dict[str, Any]) -> dict[str, Any] | None:
    """OpenRouter puts a provider's failure beside an empty choice: https://openrouter.ai/docs/api-reference/errors"""
    choices = value.get("choices")
    if not isinstance(choices, list):
        return None
    for choice in choices[:4]:
        if (
            isinstance(choice, dict)
            and choice.get("finish_reason") == "error"
            and isinstance(choice.get("error"), dict)
        ):
            return choice
    return None


def _has_business_code(value: dict[str, Any], provider: Provider | None) -> bool:
    paths = (*BUSINESS_CODES, *provider.business_codes) if provider else BUSINESS_CODES
    for path in paths:
        code = member_at(value, path)
        if isinstance(code, (int, str)) and not isinstance(code, bool) and not is_good_code(code) and has_content(code):
            return True
    if _has_result(value):
        return False
    # A code of a name that says so itself needs no message beside it.
    for name in CODES if _message(value) else _ERROR_CODES:
        code = value.get(name)
        if (
            isinstance(code, bool)
            or not has_content(code)
            or (is_good_code(code) and (code != 1 or name in _ONE_IS_GOOD))
        ):
            continue
        if isinstance(code, int) or (isinstance(code, str) and _CODE.fullmatch(code)):
            return True
    return False


def _says_no_success(value: dict[str, Any]) -> bool:
    if any(value.get(name) is False for name in SUCCESS):
        return not _has_answer(value)
    status = value.get("status")
    if isinstance(status, dict):
        # Clarifai: `{"status": {"code": 21351, "description": "..."}, "outputs": []}`
        code = status.get("code")
        told = _message(status) or has_content(status.get("description"))
        status = "fail" if isinstance(code, int) and told and not is_good_code(code) else ""
    if isinstance(status, str) and status.lower() in FAILED_STATUS and not _has_result(value):
        return True
    errors = value.get("errors")
    return isinstance(errors, list) and bool(errors) and not _has_result(value)


def _has_answer(value: dict[str, Any]) -> bool:
    return any(has_content(value.get(name)) for name in ANSWERS)


def _has_result(value: dict[str, Any]) -> bool:
    return any(_is_result(value.get(name)) for name in RESULTS)


def _is_result(member: Any) -> bool:
    """Whether something was answered: GraphQL's `{"data": {"generate": null}}` is nothing."""
    if isinstance(member, dict):
        return any(has_content(part) for part in member.values())
    return has_content(member)


def _has_bad_status(value: dict[str, Any]) -> bool:
    for name in BAD_STATUSES:
        status = value.get(name)
        if (
            isinstance(status, int)
            and 400 <= status <= 599
            and not _has_answer(value)
            and (_message(value) or value.get("detail") or value.get("title") or name == "statusCodeValue")
        ):
            return True
    return False


def _is_blocked(value: dict[str, Any]) -> bool:
    """Gemini blocks a prompt or the whole output under a 200; a candidate with content is an answer whatever ended it.

    https://ai.google.dev/api/generate-content#BlockReason
    """
    candidates = value.get("candidates")
    feedback = value.get("promptFeedback")
    if isinstance(feedback, dict) and has_content(feedback.get("blockReason")) and not candidates:
        return True
    if isinstance(candidates, list) and candidates:
        return all(
            isinstance(one, dict) and one.get("finishReason") in FINISHED_EMPTY and not _has_parts(one)
            for one in candidates
        )
    predictions = value.get("predictions")
    return (
        isinstance(predictions, list)
        and bool(predictions)
        and all(
            isinstance(one, dict) and one.get("raiFilteredReason") and "bytesBase64Encoded" not in one
            for one in predictions
        )
    )


def _has_parts(candidate: dict[str, Any]) -> bool:
    content = candidate.get("content")
    return isinstance(content, dict) and bool(content.get("parts"))


def _message(value: dict[str, Any]) -> bool:
    return any(isinstance(value.get(name), str) and value[name].strip().lower() not in NO_MESSAGE for name in MESSAGES)


def member_at(value: Any, path: str) -> Any:
    """The member at a dotted path, None where a step is missing."""
    for name in path.split("."):
        if not isinstance(value, dict):
            return None
        value = value.get(name)
    return value
