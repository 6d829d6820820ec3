"""Signing in and out over HTTP, on the engine."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from chalicelib.store.sessions import SessionItem
from tests.fakes.api_client import ApiClient
from tests.fakes.clock import FakeClock
from tests.integration.conftest import PASSWORD, SignedIn, fresh_subdomain

NOBODY = (401, "not_signed_in", None)


def credentials(tenant: SignedIn, **changes: str) -> dict[str, str]:
    return {"subdomain": tenant.subdomain, "email": tenant.email, "password": PASSWORD} | changes


def by_cookie(api: ApiClient, tenant: SignedIn) -> ApiClient:
    return api.with_headers(Cookie=f"theme=dark; session={tenant.token}")


def test_signing_in_sets_a_cookie_that_scripts_cannot_read(signed_in: SignedIn, api: ApiClient) -> None:
    session = api.post("/v1/sessions", json=credentials(signed_in))

    cookie = session.headers["Set-Cookie"]
    assert cookie == f"session={session.json['token']}; Path=/; HttpOnly; SameSite=Lax"
    assert session.headers["Cache-Control"] == "no-store"


def test_an_email_is_the_same_in_any_case(signed_in: SignedIn, api: ApiClient) -> None:
    assert api.post("/v1/sessions", json=credentials(signed_in, email=signed_in.email.upper())).status == 201


def test_a_wrong_password_person_and_tenant_answer_alike(signed_in: SignedIn, api: ApiClient) -> None:
    refused = [
        api.post("/v1/sessions", json=credentials(signed_in, **changes))
        for changes in (
            {"password": "not the password"},
            {"email": "nobody@example.com"},
            {"subdomain": fresh_subdomain()},
            {"subdomain": "#"},
            {"subdomain": ""},
        )
    ]

    told = [{key: value for key, value in one.json.items() if key != "request_id"} for one in refused]
    assert all(one == told[0] for one in told)
    assert refused[0].problem == (401, "wrong_credentials", None)


def test_nobody_gets_in_without_a_token(api: ApiClient, signed_in: SignedIn) -> None:
    for headers in (
        {},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer ses_unknown"},
        {"Authorization": "Bearer " + "x" * 5000},
        {"Authorization": f"Basic {signed_in.token}"},
        {"Authorization": signed_in.token},
        {"Cookie": "session="},
        {"Cookie": f"xsession={signed_in.token}"},
        {"Cookie": f"__Host-session={signed_in.token}"},
    ):
        refused = api.get("/v1/me", headers=headers)
        assert refused.status == 401, headers
        assert refused.code == "not_signed_in"
        assert refused.headers["WWW-Authenticate"] == "Bearer"


def test_tokens_are_not_stored(signed_in: SignedIn) -> None:
    stored = [str(item.attribute_values) for item in SessionItem.scan()]

    assert stored
    assert not [one for one in stored if signed_in.token in one or signed_in.csrf_token in one]


def test_signing_out_ends_the_session_at_once(signed_in: SignedIn) -> None:
    out = signed_in.api.delete("/v1/sessions/current")

    assert (out.status, out.body) == (204, b"")
    assert "Max-Age=0" in out.headers["Set-Cookie"]
    assert out.headers["Clear-Site-Data"] == '"cache", "storage"'
    assert signed_in.api.get("/v1/me").problem == NOBODY
    assert signed_in.api.delete("/v1/sessions/current").problem == NOBODY


def test_one_session_ending_leaves_the_others(signed_in: SignedIn, api: ApiClient) -> None:
    other = api.post("/v1/sessions", json=credentials(signed_in)).json["token"]

    signed_in.api.delete("/v1/sessions/current")

    assert api.bearer(other).get("/v1/me").status == 200


def test_an_idle_session_ends(signed_in: SignedIn, clock: FakeClock) -> None:
    clock.advance(timedelta(hours=12))

    assert signed_in.api.get("/v1/me").problem == NOBODY


def test_a_session_in_use_lives_on_but_not_for_ever(signed_in: SignedIn, clock: FakeClock) -> None:
    for _ in range(15):
        clock.advance(timedelta(hours=11))
        assert signed_in.api.get("/v1/me").status == 200

    clock.advance(timedelta(hours=3))  # 168 hours after signing in
    assert signed_in.api.get("/v1/me").problem == NOBODY


def test_reading_by_cookie_needs_no_csrf_token(signed_in: SignedIn, api: ApiClient) -> None:
    assert by_cookie(api, signed_in).get("/v1/me").status == 200


@pytest.mark.parametrize("sent", [None, "", "csrf_wrong"])
def test_a_change_by_cookie_without_the_csrf_token_is_refused(
    signed_in: SignedIn, api: ApiClient, sent: str | None
) -> None:
    browser = by_cookie(api, signed_in)
    headers = {} if sent is None else {"X-CSRF-Token": sent}

    refused = browser.delete("/v1/sessions/current", headers=headers)

    assert refused.problem == (403, "csrf_token_invalid", "X-CSRF-Token")
    assert browser.get("/v1/me").status == 200


def test_a_change_by_cookie_with_the_csrf_token_is_made(signed_in: SignedIn, api: ApiClient) -> None:
    browser = by_cookie(api, signed_in)

    out = browser.delete("/v1/sessions/current", headers={"X-CSRF-Token": signed_in.csrf_token})

    assert out.status == 204


def test_the_csrf_token_of_another_session_does_not_help(
    signed_in: SignedIn, other_tenant: SignedIn, api: ApiClient
) -> None:
    headers = {"X-CSRF-Token": other_tenant.csrf_token}

    refused = by_cookie(api, signed_in).delete("/v1/sessions/current", headers=headers)

    assert refused.code == "csrf_token_invalid"


def test_of_sixty_wrong_passwords_at_once_ten_are_checked(signed_in: SignedIn, api: ApiClient) -> None:
    wrong = credentials(signed_in, password="a wrong password")

    with ThreadPoolExecutor(30) as pool:
        answers = list(pool.map(lambda _: api.post("/v1/sessions", json=wrong), range(60)))

    assert Counter(one.status for one in answers) == {401: 10, 429: 50}


def test_guessing_is_slowed_down_for_the_one_who_guesses(
    signed_in: SignedIn, api: ApiClient, clock: FakeClock
) -> None:
    wrong = credentials(signed_in, password="a wrong password")

    answers = [api.post("/v1/sessions", json=wrong) for _ in range(12)]
    right = api.post("/v1/sessions", json=credentials(signed_in))
    elsewhere = ApiClient(api.gateway, caller="198.51.100.9").post(
        "/v1/sessions", json=credentials(signed_in)
    )

    assert [one.status for one in answers] == [401] * 10 + [429] * 2
    assert right.code == "too_many_attempts"
    assert 0 < int(right.headers["Retry-After"]) <= 900
    assert elsewhere.status == 201
    clock.advance(timedelta(seconds=int(right.headers["Retry-After"])))
    assert api.post("/v1/sessions", json=credentials(signed_in)).status == 201
