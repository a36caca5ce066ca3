"""The tie-breaks of the taxonomy, one test each, with class, reason and session action."""

from __future__ import annotations

import json
from typing import Any

import pytest

from proxy.classifier import classify
from proxy.model import Action, Answer, Class, Scope, Verdict


def verdict(status: int, body: Any, provider: str = "", headers: tuple[tuple[str, str], ...] = ()) -> Verdict:
    text = body if isinstance(body, str) else json.dumps(body)
    told = classify(Answer(status=status, headers=headers, body=text.encode(), provider=provider))
    assert told is not None
    return told


def openai(message: str, **members: Any) -> dict[str, Any]:
    return {"error": {"message": message, **members}}


def test_01_a_quota_id_that_names_a_window_outranks_prose_about_billing() -> None:
    told = verdict(
        429,
        {
            "error": {
                "code": 429,
                "status": "RESOURCE_EXHAUSTED",
                "message": "You exceeded your current quota, please check your plan and billing details.",
                "details": [{"violations": [{"quotaId": "GenerateRequestsPerMinutePerProject"}]}],
            }
        },
    )
    assert (told.cls, told.reason, told.confidence) == (Class.RATE_LIMITED, "requests_per_minute", "code")


def test_01_insufficient_quota_is_money() -> None:
    assert (
        verdict(429, openai("You exceeded your current quota", code="insufficient_quota")).cls is Class.BUDGET_EXHAUSTED
    )


def test_01_a_spend_limit_is_money_though_a_date_brings_it_back() -> None:
    told = verdict(429, openai("Monthly spend limit reached. Access resumes on 2027-01-01."))
    assert (told.cls, told.reason) == (Class.BUDGET_EXHAUSTED, "spend_limit")


@pytest.mark.parametrize(
    ("message", "cls"),
    [
        ("We are receiving too many requests right now", Class.OVERLOADED),
        ("There are too many requests in the system", Class.OVERLOADED),
        ("Your organization sends too many requests", Class.RATE_LIMITED),
        ("Too many requests for your account", Class.RATE_LIMITED),
    ],
)
def test_02_theirs_or_yours(message: str, cls: Class) -> None:
    assert verdict(429, openai(message)).cls is cls


def test_03_a_request_larger_than_the_window_is_context() -> None:
    told = verdict(429, openai("tokens per min (TPM): Limit 30000, Requested 31000", code="rate_limit_exceeded"))
    assert (told.cls, told.action) == (Class.CONTEXT, Action.COMPACT)


def test_03_a_request_that_fits_the_window_is_a_rate_limit() -> None:
    told = verdict(
        429, openai("tokens per min (TPM): Limit 30000, Used 29000, Requested 1200", code="rate_limit_exceeded")
    )
    assert (told.cls, told.reason) == (Class.RATE_LIMITED, "tokens_per_minute")


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize(
    ("message", "cls"),
    [
        ("Your balance is insufficient", Class.BUDGET_EXHAUSTED),
        ("The account is overdue", Class.BUDGET_EXHAUSTED),
        ("You cannot access the model foo", Class.MODEL),
        ("You may not do this", Class.AUTH),
    ],
)
def test_04_401_and_403_speak_of_money_the_model_or_rights(status: int, message: str, cls: Class) -> None:
    assert verdict(status, openai(message)).cls is cls


@pytest.mark.parametrize(
    ("message", "cls", "forget"),
    [
        ("The model foo does not exist", Class.MODEL, None),
        ("Response with id 'resp_1' not found", Class.SESSION_EXPIRED, "previous_response_id"),
        ("No thread found with id thread_1", Class.SESSION_EXPIRED, "thread_id"),
        ("Conversation with id 'conv_1' not found", Class.SESSION_EXPIRED, "conversation"),
        ("Container with id 'cntr_1' not found", Class.SESSION_EXPIRED, "container"),
        ("No such File object: file-1", Class.SESSION_EXPIRED, "file_id"),
        ("404 page not found", Class.BAD_REQUEST, None),
    ],
)
def test_05_404(message: str, cls: Class, forget: str | None) -> None:
    told = verdict(404, openai(message))
    assert (told.cls, told.forget) == (cls, forget)
    assert (told.action is Action.NEW_SESSION) is (cls is Class.SESSION_EXPIRED)


def test_06_a_400_about_the_model_is_model_and_about_its_content_is_not() -> None:
    assert verdict(400, openai("Invalid model name foo")).cls is Class.MODEL
    told = verdict(400, openai("This model does not support image input"))
    assert (told.cls, told.action) == (Class.BAD_REQUEST, Action.ROLLBACK)
    told = verdict(400, openai("Unsupported parameter: 'foo' is not supported with this model.", param="foo"))
    assert (told.cls, told.action) == (Class.BAD_REQUEST, Action.KEEP)


def test_07_the_innermost_cause_decides() -> None:
    inner = json.dumps({"error": {"type": "overloaded_error", "message": "Overloaded"}})
    told = verdict(400, openai(f"Provider returned an error: {inner}", code="bad_request"))
    assert told.cls is Class.OVERLOADED


@pytest.mark.parametrize(
    ("status", "cls"),
    [(502, "provider_error"), (503, "provider_error"), (504, "timeout"), (522, "timeout"), (524, "timeout")],
)
def test_07_pages_of_gateways(status: int, cls: str) -> None:
    assert verdict(status, f"<html><head><title>{status}</title></head><body>nginx</body></html>").cls == cls


def test_08_an_error_inside_a_200_by_its_own_code() -> None:
    assert verdict(200, openai("x", code=429)).cls is Class.RATE_LIMITED
    assert (
        verdict(200, {"base_resp": {"status_code": 1008, "status_msg": "insufficient balance"}}, "minimax").cls
        is Class.BUDGET_EXHAUSTED
    )


@pytest.mark.parametrize(
    ("message", "cls"),
    [
        ("You have reached your 5-hour limit", Class.RATE_LIMITED),
        ("Weekly limit reached", Class.RATE_LIMITED),
        ("Limit of 3 concurrent requests reached", Class.RATE_LIMITED),
        ("You have exceeded your monthly included credits", Class.BUDGET_EXHAUSTED),
        ("Your free monthly quota is used up", Class.BUDGET_EXHAUSTED),
        ("Daily request limit exceeded", Class.RATE_LIMITED),
    ],
)
def test_09_windows_and_allowances(message: str, cls: Class) -> None:
    assert verdict(429, openai(message)).cls is cls


def test_10_the_same_code_by_provider_and_numbers_over_both() -> None:
    body = openai("Quota used up", code="insufficient_quota")
    assert verdict(429, body, "openai").cls is Class.BUDGET_EXHAUSTED
    assert verdict(429, body, "qwen").cls is Class.RATE_LIMITED
    assert (
        verdict(429, openai("limit of 20 requests per minute exceeded", code="insufficient_quota"), "openai").cls
        is Class.RATE_LIMITED
    )


def test_11_a_limit_of_zero_is_model() -> None:
    told = verdict(429, openai("Quota exceeded for metric: requests, limit: 0, model: x. Please retry in 20s."))
    assert (told.cls, told.reason) == (Class.MODEL, "zero_quota")


def test_12_output_limits() -> None:
    told = verdict(400, openai("max_tokens must be less than or equal to 4096"))
    assert (told.cls, told.reason, told.action) == (Class.BAD_REQUEST, "max_tokens_too_large", Action.KEEP)
    assert verdict(400, openai("input length and max_tokens exceed context limit")).cls is Class.CONTEXT


def test_13_opaque_items_are_repaired_and_lost_items_dropped() -> None:
    told = verdict(400, openai("The encrypted content could not be verified", code="invalid_encrypted_content"))
    assert (told.cls, told.action) == (Class.BAD_REQUEST, Action.REPAIR)
    assert verdict(404, openai("Item with id 'rs_1' not found")).cls is Class.SESSION_EXPIRED


def test_14_somebody_elses_bill() -> None:
    told = verdict(503, openai("upstream provider account balance is empty"))
    assert (told.cls, told.scope) == (Class.BUDGET_EXHAUSTED, Scope.PROVIDER)


def test_15_a_models_failed_sampling_is_its_providers_fault() -> None:
    assert verdict(400, openai("Failed to call a function", code="tool_use_failed")).cls is Class.PROVIDER_ERROR


@pytest.mark.parametrize("reason", ["content_filter", "length", "stop", "refusal"])
def test_16_how_an_answer_finished_is_no_failure(reason: str) -> None:
    body = {"choices": [{"index": 0, "finish_reason": reason, "message": {"role": "assistant", "content": ""}}]}
    assert classify(Answer(status=200, body=json.dumps(body).encode())) is None


@pytest.mark.parametrize("status", [409, 425])
def test_17_a_lock_is_a_rate_limit(status: int) -> None:
    told = verdict(status, "")
    assert (told.cls, told.reason) == (Class.RATE_LIMITED, "conflict")


def test_unknown_where_status_and_words_contradict() -> None:
    told = verdict(401, "The server is overloaded, try again later")
    assert (told.cls, told.reason) == (Class.UNKNOWN, "contradictory")
    assert not told.can_retry


def test_unknown_where_nothing_is_known() -> None:
    assert verdict(418, "I am a teapot").cls is Class.UNKNOWN
    assert verdict(799, "").cls is Class.UNKNOWN


def test_history_faults_are_repaired_content_is_rolled_back() -> None:
    assert (
        verdict(
            400, openai("messages with role 'tool' must be a response to a preceding message with 'tool_calls'")
        ).action
        is Action.REPAIR
    )
    assert verdict(400, openai("Could not process image")).action is Action.ROLLBACK
    assert verdict(400, openai("Your prompt was flagged by our content filter")).action is Action.ROLLBACK
