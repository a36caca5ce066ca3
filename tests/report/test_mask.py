from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.report.mask import MASK, MAX_SHOWN, credential_label, mask_target

SECRET = "s3cr3tvalue"


@pytest.mark.parametrize(
    "target",
    [
        f"/v1beta/models/x:generateContent?key={SECRET}",
        f"/v1/x?api_key={SECRET}&a=1",
        f"/v1/x?a=1&API-KEY={SECRET}",
        f"/v1/x?apiKey={SECRET}",
        f"/v1/x?token={SECRET}",
        f"/v1/x?access_token={SECRET}#frag",
        f"/v1/x?X-Amz-Signature={SECRET}&X-Amz-Date=20260101T000000Z",
        f"/v1/x?X-Amz-Credential={SECRET}%2F20260101",
        f"/v1/x?X-Amz-Security-Token={SECRET}",
        f"/v1/x?sv=2024&sig={SECRET}",
        f"/v1/x?%6bey={SECRET}",
        f"/v1/x?%256bey={SECRET}",
        f"/v1/x?a=1;key={SECRET}",
        f"/v1/x?a=1?key={SECRET}",
        f"/v1/x?key=a;{SECRET}",
        f"/v1/x?key=a?{SECRET}",
        f"/v1/x?key={SECRET}={SECRET}",
        f"/v1/x?+key+={SECRET}",
        f"/v1/x?client_secret={SECRET}",
        f"http://user:{SECRET}@host/v1/x",
        f"//user:{SECRET}@host/v1/x",
        f"/v1/sk-{SECRET}/x",
        f"/v1/x?sk-{SECRET}",
        f"/v1/x?q=Bearer+sk-proj-{SECRET}",
        f"/v1/AIza{SECRET}{SECRET}/x",
        f"/v1/x?q=eyJhbGciOiJI.{SECRET}.c2ln",
    ],
)
def test_a_credential_in_a_target_is_not_shown(target: str) -> None:
    masked = mask_target(target)
    assert SECRET not in masked
    assert MASK in masked


@pytest.mark.parametrize(
    "target",
    [
        "/v1/chat/completions",
        "/v1/models?limit=20&after=gpt-4o",
        "/v1/x?",
        "/v1/x?max_tokens=100&alt=sse&api-version=2024-10-21",
        "/a//b;v=1/%2F?q=a+b%20c&key=&empty",
        "*",
        "",
    ],
)
def test_anything_else_of_a_target_is_shown_as_it_was_sent(target: str) -> None:
    assert mask_target(target) == target


def test_what_stands_beside_a_credential_is_kept() -> None:
    assert mask_target("/v1/x?a=1&key=abc&b=2") == f"/v1/x?a=1&key={MASK}&b=2"


@given(st.text(max_size=5000))
def test_any_target_gives_a_bounded_one(target: str) -> None:
    assert len(mask_target(target)) <= MAX_SHOWN + 3


@given(st.text(alphabet=st.characters(exclude_characters="&"), min_size=8, max_size=40), st.text(max_size=20))
def test_whatever_a_key_is_made_of_it_is_masked(secret: str, tail: str) -> None:
    assert mask_target(f"/x?key={secret}&{tail}").startswith(f"/x?key={MASK}&")


def test_a_label_tells_credentials_apart_and_holds_none() -> None:
    labels = {credential_label("sk-one"), credential_label("sk-two")}
    assert len(labels) == 2
    assert credential_label("sk-one") in labels
    assert all("sk-" not in label for label in labels)


def test_a_credential_of_any_bytes_has_a_label() -> None:
    assert credential_label("caf\udce9").startswith("cred-")
