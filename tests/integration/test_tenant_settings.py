"""A tenant's settings and taxes over HTTP, on the engine."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from typing import Any

import pytest

from chalicelib.domain.staff import EVERYTHING, Principal, Role, Scope
from chalicelib.ports.identity import Session
from chalicelib.store.audit import AuditItem
from tests.fakes.api_client import ApiClient
from tests.integration.conftest import EngineServices, SignedIn, sign_up_and_in


def if_match(version: int) -> dict[str, str]:
    return {"If-Match": f'"{version}"'}


def tax_group(*starts: str, **changes: object) -> dict[str, Any]:
    components = [
        {"code": "sales_tax", "name": "Sales tax", "rate_millionths": 195_000},
        {"code": "ait", "name": "Income tax", "rate_millionths": 150_000, "base": "net_plus_previous"},
    ]
    rows = [{"starts_on": start, "components": components} for start in starts or ("2026-07-01",)]
    return {"name": "Internet service", "rows": rows} | changes


def test_settings_are_read_with_their_version(signed_in: SignedIn) -> None:
    read = signed_in.api.get("/v1/tenant")

    assert (read.status, read.headers["ETag"]) == (200, f'"{read.json["version"]}"')
    assert read.json["billing_hour"] == 2
    assert read.json["tax_groups"] == []


def test_settings_change_for_whoever_read_the_current_version(
    signed_in: SignedIn, services: EngineServices
) -> None:
    version = signed_in.api.get("/v1/tenant").json["version"]
    change = {"company": "Karachi Net", "billing_hour": 4, "payment_days": 10, "time_zone": "Asia/Dubai"}

    changed = signed_in.api.patch("/v1/tenant", json=change, headers=if_match(version))

    assert changed.status == 200
    assert changed.headers["ETag"] == f'"{version + 1}"'
    assert {key: changed.json[key] for key in change} == change
    assert signed_in.api.get("/v1/tenant").json == changed.json
    found = services.tenants.find(subdomain=signed_in.subdomain)
    assert found is not None
    assert (found.company, found.billing_hour) == ("Karachi Net", 4)


def test_a_stale_version_changes_nothing(signed_in: SignedIn) -> None:
    before = signed_in.api.get("/v1/tenant").json
    signed_in.api.patch("/v1/tenant", json={"billing_hour": 5}, headers=if_match(before["version"]))

    stale = signed_in.api.patch("/v1/tenant", json={"billing_hour": 6}, headers=if_match(before["version"]))

    assert stale.problem == (412, "stale_version", "If-Match")
    assert signed_in.api.get("/v1/tenant").json["billing_hour"] == 5


def test_of_changes_at_once_to_one_version_one_is_made(signed_in: SignedIn) -> None:
    version = signed_in.api.get("/v1/tenant").json["version"]

    def change(hour: int) -> int:
        return signed_in.api.patch(
            "/v1/tenant", json={"billing_hour": hour}, headers=if_match(version)
        ).status

    with ThreadPoolExecutor(8) as pool:
        statuses = sorted(pool.map(change, range(8)))

    assert statuses == [200] + [412] * 7
    assert signed_in.api.get("/v1/tenant").json["version"] == version + 1


@pytest.mark.parametrize(
    ("header", "problem"),
    [
        (None, (428, "precondition_required", "If-Match")),
        ("3", (400, "invalid_header", "If-Match")),
        ("*", (400, "invalid_header", "If-Match")),
        ('W/"3"', (400, "invalid_header", "If-Match")),
        ('"0"', (400, "invalid_header", "If-Match")),
        ('"3", "4"', (400, "invalid_header", "If-Match")),
        (f'"{"9" * 400}"', (400, "invalid_header", "If-Match")),
        ('"٣"', (400, "invalid_header", "If-Match")),
        ('"999"', (412, "stale_version", "If-Match")),
    ],
)
def test_a_change_needs_a_well_formed_version(
    signed_in: SignedIn, header: str | None, problem: tuple[int, str, str]
) -> None:
    headers = {} if header is None else {"If-Match": header}

    assert signed_in.api.patch("/v1/tenant", json={"billing_hour": 3}, headers=headers).problem == problem


@pytest.mark.parametrize(
    ("change", "code", "param"),
    [
        ({}, "invalid_value", None),
        ({"billing_hour": None}, "invalid_type", "billing_hour"),
        ({"billing_hour": 24}, "invalid_value", "billing_hour"),
        ({"billing_hour": "4"}, "invalid_type", "billing_hour"),
        ({"payment_days": -1}, "invalid_value", "payment_days"),
        ({"round_to": 1}, "invalid_value", "round_to"),
        ({"round_to": -100}, "invalid_value", "round_to"),
        ({"round_to": 100_001}, "invalid_value", "round_to"),
        ({"consolidated": 1}, "invalid_type", "consolidated"),
        ({"number_formats": {"INV": "INV-{seq}"}}, "invalid_number_format", "number_formats.INV"),
        ({"number_formats": {"CRN": "INV-{fy}-{seq}"}}, "invalid_number_format", "number_formats.CRN"),
        ({"number_formats": {"XYZ": "X-{fy}-{seq}"}}, "unknown_field", "number_formats.XYZ"),
        ({"time_zone": "Nowhere/Land"}, "unknown_time_zone", "time_zone"),
        ({"currency": "USD"}, "unknown_field", "currency"),
        ({"subdomain": "other"}, "unknown_field", "subdomain"),
        ({"version": 9}, "unknown_field", "version"),
    ],
)
def test_a_malformed_change_is_refused_and_changes_nothing(
    signed_in: SignedIn, change: dict[str, object], code: str, param: str | None
) -> None:
    before = signed_in.api.get("/v1/tenant").json

    refused = signed_in.api.patch("/v1/tenant", json=change, headers=if_match(before["version"]))

    assert refused.problem == (422, code, param)
    assert signed_in.api.get("/v1/tenant").json == before


def test_a_tax_group_is_added_replaced_and_in_force_by_date(signed_in: SignedIn) -> None:
    url = "/v1/tenant/tax-groups/internet"
    first = signed_in.api.put(url, json=tax_group("2026-07-01"), headers=if_match(2))
    second = signed_in.api.put(url, json=tax_group("2026-07-01", "2027-07-01"), headers=if_match(3))

    assert (first.status, second.status) == (200, 200)
    [group] = second.json["tax_groups"]
    assert (group["code"], len(group["rows"])) == ("internet", 2)
    assert group["rows"][0]["components"][1]["base"] == "net_plus_previous"
    stored = signed_in.store.profile().tax_groups[0]
    assert [one.code for one in stored.components_on(on=date(2026, 11, 1))] == ["sales_tax", "ait"]


@pytest.mark.parametrize(
    ("code", "body", "refusal", "param"),
    [
        ("internet", tax_group("2027-01-01", "2026-01-01"), "invalid_tax_group", "rows.1.starts_on"),
        ("internet", tax_group("2026-01-01", "2026-01-01"), "invalid_tax_group", "rows.1.starts_on"),
        ("internet", tax_group("2026-02-30"), "invalid_value", "rows.0.starts_on"),
        ("internet", tax_group(rows=[]), "invalid_value", "rows"),
        (
            "internet",
            tax_group(*(str(date(2026, 1, 1) + timedelta(days=n)) for n in range(201))),
            "invalid_value",
            "rows",
        ),
        (
            "internet",
            tax_group(rows=[{"starts_on": "2026-01-01", "components": [], "jurisdiction": "pk-sd"}]),
            "invalid_tax_group",
            "rows.0.jurisdiction",
        ),
        ("internet", tax_group(inclusive="yes"), "invalid_type", "inclusive"),
        ("Bad%20Code", tax_group(), "invalid_tax_group", "code"),
        ("x" * 41, tax_group(), "invalid_tax_group", "code"),
    ],
)
def test_a_malformed_tax_group_is_refused(
    signed_in: SignedIn, code: str, body: dict[str, Any], refusal: str, param: str
) -> None:
    url = f"/v1/tenant/tax-groups/{code}"

    assert signed_in.api.put(url, json=body, headers=if_match(2)).problem == (422, refusal, param)


@pytest.mark.parametrize(
    ("component", "code", "param"),
    [
        ({"rate_millionths": 2_000_001}, "invalid_value", "rows.0.components.0.rate_millionths"),
        ({"rate_millionths": -1}, "invalid_value", "rows.0.components.0.rate_millionths"),
        ({"rate_millionths": 19.5}, "invalid_type", "rows.0.components.0.rate_millionths"),
        ({"base": "gross"}, "invalid_value", "rows.0.components.0.base"),
        ({"code": "Sales Tax"}, "invalid_tax_group", "rows.0.components.0.code"),
        ({"code": "ait"}, "invalid_tax_group", "rows.0.components"),
    ],
)
def test_a_malformed_tax_is_refused(
    signed_in: SignedIn, component: dict[str, object], code: str, param: str
) -> None:
    body = tax_group()
    body["rows"][0]["components"][0] |= component

    refused = signed_in.api.put("/v1/tenant/tax-groups/internet", json=body, headers=if_match(2))

    assert refused.problem == (422, code, param)


def test_a_tenant_has_a_limited_number_of_tax_groups(signed_in: SignedIn) -> None:
    for number in range(20):
        url = f"/v1/tenant/tax-groups/group-{number}"
        assert signed_in.api.put(url, json=tax_group(), headers=if_match(2 + number)).status == 200

    refused = signed_in.api.put("/v1/tenant/tax-groups/one-more", json=tax_group(), headers=if_match(22))

    assert refused.problem == (422, "invalid_value", "code")


def test_every_change_is_in_the_audit_log(signed_in: SignedIn, services: EngineServices) -> None:
    signed_in.api.patch("/v1/tenant", json={"company": "Secret Net"}, headers=if_match(2))

    month = services.clock.now().strftime("%Y-%m")
    entries = {one.action: one for one in AuditItem.query(f"{signed_in.tenant_id}#AUD#{month}")}

    assert set(entries) == {"tenant.signed_up", "tenant.verified", "tenant.changed"}
    assert all(entry.request_id for entry in entries.values())
    assert b"Secret Net" not in entries["tenant.changed"].personal


def test_who_may_only_read_changes_nothing(
    api: ApiClient, services: EngineServices, signed_in: SignedIn
) -> None:
    auditor = session_as(services, signed_in, Role.AUDITOR)

    refused = api.bearer(auditor).patch("/v1/tenant", json={"billing_hour": 9}, headers=if_match(2))

    assert refused.problem == (403, "permission_denied", None)
    assert api.bearer(auditor).get("/v1/tenant").json["billing_hour"] == 2


def session_as(services: EngineServices, tenant: SignedIn, role: Role, scope: Scope = EVERYTHING) -> str:
    """A session of the owner's with another role, as if such a person had signed in."""
    tokens, sessions, now = services.identity.tokens, services.sessions, services.clock.now()
    owner, token = tenant.store.staff.find_by_email(email=tenant.email), tokens.new(prefix="ses")
    assert owner is not None
    session = Session(
        session_id=services.ids.new(prefix="sss"),
        token_hash=tokens.hash(token=token),
        principal=Principal(tenant.tenant_id, owner.staff_id, role, scope=scope),
        csrf_hash="",
        created_at=now,
        idle_expires_at=now + timedelta(hours=12),
        expires_at=now + timedelta(days=7),
    )
    known = sessions.of_person(tenant_id=tenant.tenant_id, staff_id=owner.staff_id)
    tenant.store.commit(*sessions.start(session=session, known=known))
    return token


def test_a_tenant_sees_only_its_own_settings(
    api: ApiClient, services: EngineServices, signed_in: SignedIn
) -> None:
    other = sign_up_and_in(api, services, company="Other Net")

    assert other.api.get("/v1/tenant").json["company"] == "Other Net"
    assert signed_in.api.get("/v1/tenant").json["company"] == "Lahore Net"
