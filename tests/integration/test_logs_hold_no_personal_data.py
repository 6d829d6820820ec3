"""A day of requests and jobs full of canaries: none of them stands in any line that was logged."""

from __future__ import annotations

import json
import logging

import pytest

from chalicelib.store.subscribers import DynamoSubscribers
from tests.fakes.api_client import ApiClient
from tests.integration.conftest import NOW, EngineServices, SignedIn, sign_up_body
from tests.integration.importing import Importer, mapping
from tests.integration.shop import Shop, created, if_match, package_body

CARD = "4111 1111 1111 1111"
PERSON = {
    "name": "Zulekha Canarywala",
    "email": "zulekha.canary@person.example",
    "phone": "+92 321 7654321",
    "address": "House 77, Canary Lane",
    "national_id": "35202-7654321-9",
    "tax_id": "7654321-0",
    "note": "canary of the note",
}
CANARIES = [
    *PERSON.values(),
    "923217654321",
    "3520276543219",
    "4111111111111111",
    CARD,
    "a canary as password",
    "canary.stranger@person.example",
    "svt_canary",
    "ses_canary",
    "pwr_canary",
    "csrf_canary",
    "canary-key-1",
    "Ayesha Khan",
    "Lahore Net",
]


def all_lines(capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> list[str]:
    out = capsys.readouterr()
    return [*out.out.splitlines(), *out.err.splitlines(), *caplog.text.splitlines()]


def ask_everything(tenant: SignedIn, services: EngineServices, api: ApiClient) -> list[int]:
    """Send canaries by body, query, path and header, well and badly; return the statuses."""
    shop = Shop(tenant, services)
    mine, key = tenant.api, {"Idempotency-Key": "canary-key-1"}
    someone = shop.subscriber(**PERSON)
    at = f"/v1/subscribers/{someone['subscriber_id']}"
    credentials = {"subdomain": tenant.subdomain, "email": "canary.stranger@person.example"}
    at_portal = {"subdomain": tenant.subdomain, "login": PERSON["email"]}
    paid = {"amount": {"amount": 100, "currency": "PKR"}, "channel": "cash"}
    replies = [
        api.post("/v1/portal/sessions", json={**at_portal, "password": "a canary as password"}),
        api.post("/v1/portal/codes", json=at_portal),
        api.post("/v1/portal/codes", json={**at_portal, "login": PERSON["phone"]}),
        mine.post(f"{at}/portal-activations", json={}),
        mine.post("/v1/subscriber-searches", json={"text": "zulekha.canary@person.example"}),
        mine.post("/v1/subscriber-searches", json={"text": PERSON["phone"]}),
        mine.get("/v1/subscribers?text=zulekha.canary@person.example"),
        mine.get("/v1/subscribers?text=%2B923217654321"),
        mine.get("/v1/subscribers?text=35202-7654321-9"),
        mine.get("/v1/subscribers?nonsense=canary.stranger@person.example"),
        mine.get("/v1/subscribers?text=4111111111111111"),
        mine.get("/v1/subscribers/zulekha.canary@person.example"),
        mine.get("/v1/nothing/zulekha.canary@person.example"),
        mine.patch(at, json={"note": CARD}, headers=if_match(someone)),
        mine.patch(at, json={"phone": "+92 321 7654321 canary of the note"}, headers=if_match(someone)),
        mine.patch(at, json=PERSON | {"area": "x"}, headers=if_match(someone)),
        mine.post(f"{at}/payments", json=paid | {"reference": "canary of the note"}, headers=key),
        mine.post(f"{at}/payments", json=paid | {"reference": CARD}, headers=key),
        api.post("/v1/sessions", json=credentials | {"password": "a canary as password"}),
        api.post("/v1/signups/verify", json={"token": "svt_canary", "password": "a canary as password"}),
        api.post("/v1/password-resets", json=credentials),
        api.post(
            "/v1/password-reset-completions",
            json={"token": "pwr_canary", "password": "a canary as password"},
        ),
        api.bearer("ses_canary").get("/v1/me"),
        api.get("/v1/me", headers={"Cookie": "session=ses_canary", "X-CSRF-Token": "csrf_canary"}),
        api.post(
            "/v1/signups", body=b'{"company": "Zulekha Canarywala', headers={"Content-Type": "text/plain"}
        ),
        api.post("/v1/signups", json=sign_up_body(f"{tenant.subdomain}x", company=CARD)),
        api.post("/v1/signups", json=sign_up_body(tenant.subdomain)),
        api.post("/v1/signups", body=b"Zulekha Canarywala", headers={"Content-Type": "application/json"}),
    ]
    return [reply.status for reply in replies]


def test_no_line_of_the_log_holds_what_is_anybodys(
    signed_in: SignedIn,
    services: EngineServices,
    api: ApiClient,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)

    statuses = ask_everything(signed_in, services, api)

    found = all_lines(capsys, caplog)
    assert {200, 400, 401, 404, 409, 415, 422} <= set(statuses), statuses
    assert sum('"message":"request"' in line for line in found) >= len(statuses) - 1
    assert_clean(found, signed_in)


def test_nor_does_that_of_an_import(
    signed_in: SignedIn,
    services: EngineServices,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    created(signed_in.api.post("/v1/packages", json=package_body(name="Home")))
    rows = [
        "id,name,phone,plan,fee",
        "C1,Zulekha Canarywala,+92 321 7654321,Home,100",
        f"C2,Zulekha Canarywala,{CARD},Home,100",
        f"C3,{CARD},+92 321 7654321,Home,100",
        "C4,=Zulekha Canarywala,canary of the note,Home,x",
    ]

    done = Importer(services, signed_in).run("\n".join(rows).encode(), mapping(NOW.date()))

    assert done["state"] == "succeeded"
    assert done["progress"]["failed"]["card_number_refused"] == 2
    assert_clean(all_lines(capsys, caplog), signed_in)


def test_nor_does_that_of_a_failure_whose_exception_quotes_it(
    signed_in: SignedIn,
    services: EngineServices,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, logger="botocore")

    def broken(*_: object, **__: object) -> None:
        raise ValueError(f"cannot read {PERSON} of {CARD}")

    monkeypatch.setattr(DynamoSubscribers, "get", broken)
    monkeypatch.setattr(DynamoSubscribers, "read", broken, raising=False)

    failed = signed_in.api.get("/v1/subscribers/sbr_01ARZ3NDEKTSV4RRFFQ69G5FAV")

    assert failed.status == 500
    printed = capsys.readouterr().out.splitlines()
    assert any("ValueError" in line for line in printed)
    assert_clean(printed, signed_in)


def assert_clean(lines: list[str], tenant: SignedIn) -> None:
    """None of the canaries, nor the tenant's own secrets, stands in a line; and there are lines."""
    assert lines
    secrets = [tenant.token, tenant.csrf_token, tenant.email, tenant.password, tenant.api.caller]
    for line in lines:
        plain = line.replace("\\/", "/")
        assert not [one for one in [*CANARIES, *secrets] if one in plain or json.dumps(one) in plain], line
