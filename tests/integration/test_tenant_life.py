"""The life cycle of a company: cancelled, recovered, purged; and what the schedule does about it."""

from __future__ import annotations

import json
import secrets
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from hashlib import sha256
from typing import Any

import pytest

from chalicelib.api.openapi import document
from chalicelib.api.recovery import ALLOWED
from chalicelib.jobs.keys import keep_keys
from chalicelib.jobs.tenants import PassIncomplete
from chalicelib.local.gateway import Gateway
from chalicelib.store.erasure import NO_CODE
from tests.examples import FACTOR
from tests.fakes.api_client import ApiClient
from tests.fakes.clock import FakeClock
from tests.fixtures_engine import EngineHandle
from tests.integration.conftest import EngineServices
from tests.integration.endings import (
    DAY,
    HOUR,
    Ending,
    Killed,
    actions,
    bill,
    bills_name,
    chain_of,
    journals_held_by,
    killed_at,
    little,
    objects_of,
    opened,
    restored,
    rows_about,
    visitor,
)
from tests.integration.exporting import Exporter
from tests.integration.furnishing import Isp, furnished
from tests.integration.gatewaying import Till
from tests.integration.portal_user import Front
from tests.integration.shop import Item, created, ok
from tests.integration.staffing import CHOSEN, Company
from tests.integration.test_foreign_ids_everywhere import ENDPOINTS, body_of, required_query
from tests.integration.test_scopes import filled
from tests.integration.test_signing_up import sign_up

GUARDED = [one for one in ENDPOINTS if not one.public and not one.of_portal]
REFUSED = [one for one in GUARDED if one.method != "GET" and one.operation_id not in ALLOWED]
LOOKING = [one for one in GUARDED if one.method == "GET"]
EVERY = 1 if FACTOR > 1 else 15  # every one without HTTP in tests/unit/api/test_recovery.py
IN_RECOVERY = (403, "tenant_in_recovery", None)
# What stays of a company: invoices, documents, what is owed, their books, and the audit log.
BOOKS = {"A", "BILLING", "FUNDS", "GL", "HOV", "REG", "RUN", "RUNS", "SER", "STL", "VCB", "XPS"}
STAYS = {*BOOKS, "AUD", "BREACH", "CHAIN", "ENTERED", "PRV", "SUPPORT", "T"}
GONE = {"op#0001", "index#0001", "notice#0001"}


@pytest.fixture
def isp(gateway: Gateway, services: EngineServices) -> Isp:
    """A company with one of everything."""
    return furnished(gateway, services)


@pytest.fixture
def small(gateway: Gateway, services: EngineServices) -> Ending:
    """A company with a subscriber, who has an invoice."""
    return little(gateway, services)


def sections(items: list[Item]) -> set[str]:
    """The kinds of partitions of items."""
    return {item["pk"]["S"].split("#")[1] for item in items}


# -- years -------------------------------------------------------------------------------------


def test_eight_years_of_companies(gateway: Gateway, services: EngineServices, clock: FakeClock) -> None:
    """One goes on, one comes back, one is purged, one is held: bills are read for seven fiscal years."""
    active, back, purged, held = (
        little(gateway, services, note=f"canary{secrets.token_hex(4)}") for _ in range(4)
    )
    for one in (back, purged, held):
        one.cancel()
    held.order(hold={"tenant_id": held.tenant_id, "category": "everything", "reason": "a lawsuit"})
    ok(back.shop.tenant.api.post("/v1/tenant/recovery"))
    purged.keep(HOUR)
    backups = {one.tenant_id: one.shop.items() for one in (purged, held)}
    purged.purge()
    assert set(opened(services, purged.tenant_id, backups[purged.tenant_id])) == {"audit", "bill-2041"}
    assert [one.state for one in (active, back, purged, held)] == ["active", "active", "purged", "recovery"]

    clock.set(datetime(2041, 8, 1, tzinfo=UTC))
    active.shop.sign_in_again()
    bill(active)

    for day in (date(2042, 7, 2), date(2048, 6, 30), date(2048, 7, 2)):
        clock.set(datetime.combine(day, time(12), tzinfo=UTC))
        keep_keys(services, {})
        purged.keep()
        through = day < date(2048, 7, 1)  # then the eighth fiscal year after that of the bills begins
        for one in (active, back, purged):
            assert one.keys()["bill-2041#0001"] == through, day
        assert purged.state == ("purged" if through else "shredded")
        assert held.state == "recovery"
        if through:
            assert bills_name(purged) == {"Ali Raza"}

    assert (bills_name(active), bills_name(active, year=2042)) == ({None}, {"Ali Raza"})
    assert not any(there for there in purged.keys().values())
    assert sections(purged.shop.items()) == {"T"}
    assert [json.loads(one["certificate"])["of"] for one in purged.certificates()] == ["purge", "shredding"]
    assert held.keys()["bill-2041#0001"]
    texts = opened(services, held.tenant_id, backups[held.tenant_id])
    assert any(b"canary" in one for one in texts["op"])


# -- recovery ----------------------------------------------------------------------------------


def test_in_recovery_owners_look_and_export_and_nobody_else_gets_in(isp: Isp, gateway: Gateway) -> None:
    services = isp.shop.services
    assert isinstance(services, EngineServices)
    ending, described = Ending(isp.shop, services), document(ENDPOINTS)
    company = Company(isp.shop.tenant, services, visitor(gateway))
    company.invited = 10
    helper = company.join("admin")
    key = created(
        isp.shop.tenant.api.post("/v1/api-keys", json={"name": "X", "permissions": ["subscribers:read"]})
    )
    program = visitor(gateway).bearer(key["token"])
    front = Front(isp.shop, services, visitor(gateway))
    subscriber = front.signed_in(front.activated())
    ok(program.get("/v1/subscribers"))
    before = isp.stored()

    shown = ending.cancel()

    assert (shown["state"], shown["ending"]["days_left"]) == ("recovery", 30)
    assert helper.api.get("/v1/me").status == 401
    assert company.try_to_sign_in(helper.email, CHOSEN).problem == IN_RECOVERY
    assert program.get("/v1/subscribers").status == 401
    assert subscriber.get("/v1/portal/me").code == "portal_off"
    assert front.log_in("nobody").status == 401
    ending.keep(timedelta(minutes=2))  # and nothing is left that the schedule's sweep would find

    owner = company.sign_in(isp.shop.tenant.email)
    for one in REFUSED[::EVERY]:
        reply = ask(isp, owner, one, body_of(one, described, isp))
        assert reply.problem == IN_RECOVERY, (one.operation_id, reply.text)
    for one in LOOKING[::EVERY]:
        reply = ask(isp, owner, one, None)
        assert reply.status < 500, (one.operation_id, reply.text)
        assert reply.code not in {"tenant_in_recovery", "permission_denied"} if reply.status >= 400 else True
    moved = {key[0].split("#")[1] for key, item in isp.stored().items() if item != before.get(key)}
    assert moved <= {"AUD", "T", "SUPPORT", "ENTERED"}, "refused, yet changed"

    isp.shop.tenant = mine = replace_api(isp.shop.tenant, owner)
    archive, _ = Exporter(services, mine).run()
    assert archive["state"] == "succeeded"
    back = ok(owner.post("/v1/tenant/recovery"))

    assert (back["state"], back["ending"]) == ("active", None)
    ok(program.get("/v1/subscribers"))  # the key is the same
    ok(subscriber.get("/v1/portal/me"))  # and so is the session
    company.sign_in(helper.email, CHOSEN)
    created(owner.post("/v1/subscribers", json={"code": "C-NEW"}))  # the owner's session does all again
    assert ending.mails("is back") == [mine.email]
    assert ending.mails("is deleted") == [mine.email]
    ending.keep(40 * DAY)
    assert ending.state == "active"


def ask(isp: Isp, api: ApiClient, one: Any, body: Any) -> Any:
    headers = {"If-Match": '"999999"'}
    headers |= {"Idempotency-Key": secrets.token_hex(8)} if one.idempotent else {}
    target = filled(one, isp.ids_for(one)) + required_query(one)
    return api.request(one.method, target, json=body, headers=headers)


def replace_api(tenant: Any, api: ApiClient) -> Any:
    return replace(tenant, api=replace(api, portal=tenant.api.portal))


def test_a_cancellation_is_the_owners_alone_and_may_be_withdrawn(small: Ending, gateway: Gateway) -> None:
    company = Company(small.shop.tenant, small.services, visitor(gateway))
    admin, owner = company.join("admin").api, small.shop.tenant.api
    for method, path in (("POST", "cancellation"), ("DELETE", "cancellation"), ("POST", "recovery")):
        reply = admin.request(method, f"/v1/tenant/{path}", json=None)
        assert reply.problem == (403, "permission_denied", None)
    assert small.ask(confirm="another").problem == (422, "not_confirmed", "confirm")
    assert small.ask(password="not this one").problem == (422, "wrong_password", "password")
    assert owner.delete("/v1/tenant/cancellation").code == "not_cancelled"
    assert owner.post("/v1/tenant/recovery").code == "not_cancelled"

    shown = small.cancel(when="end_of_month")

    assert (shown["state"], shown["ending"]["ends_at"]) == ("active", "2041-05-31T19:00:00Z")
    assert small.ask().code == "cancelled_already"
    standing = ok(owner.get("/v1/tenant/standing"))
    assert (standing["standing"], standing["ending"]["days_left"]) == ("cancelled", None)
    ok(admin.get("/v1/me"))
    assert ok(owner.delete("/v1/tenant/cancellation")) == {"state": "active", "ending": None}
    small.cancel(when="end_of_month")
    small.keep(16 * DAY)
    assert small.state == "active"
    small.keep(DAY)
    assert (small.state, len(small.mails("in 30 days"))) == ("recovery", 1)
    assert {"tenant.cancelled", "tenant.cancellation_withdrawn"} <= actions(small, "2041-05")
    assert "tenant.recovery_began" in actions(small, "2041-06")


def test_owners_are_told_four_times_and_a_notice_that_failed_is_given_later(small: Ending) -> None:
    small.cancel()
    small.services.mailer.broken = True
    with pytest.raises(PassIncomplete):
        small.keep(HOUR)
    small.services.mailer.broken = False
    for hours in (1, 380, 4, 1, 166, 2, 140, 5, 1):
        small.keep(hours * HOUR)

    for words in ("in 30 days", "in 14 days", "in 7 days", "tomorrow"):
        assert small.mails(words) == [small.shop.tenant.email], words
    (text,) = [mail.text for mail in small.services.mailer.sent if "tomorrow" in mail.subject]
    assert "2041-06-14 11:00 (Asia/Karachi)" in text
    assert "POST /v1/tenant/recovery" in text


# -- purge -------------------------------------------------------------------------------------


def test_after_a_purge_nothing_is_left_but_what_the_law_keeps(
    isp: Isp, engine: EngineHandle, gateway: Gateway
) -> None:
    services, tenant = isp.shop.services, isp.shop.tenant
    assert isinstance(services, EngineServices)
    ending, files = Ending(isp.shop, services), services.settings.files_bucket
    prefixes = [f"{kind}/{tenant.tenant_id}/" for kind in ("imports", "exports", "vouchers", "documents")]
    Exporter(services, tenant).run()
    body, headers = {"allowed_origins": ["https://x.example"]}, {"If-Match": '"2"'}
    ok(tenant.api.patch("/v1/tenant", json=body, headers=headers))
    assert len(objects_of(engine, files, prefixes)) == 4
    ending.cancel()
    ending.keep(HOUR)
    backup = isp.shop.items()
    assert set(opened(services, tenant.tenant_id, backup)) == {"op", "audit", "bill-2041"}

    ending.purge()

    items = isp.shop.items()
    assert (ending.state, sections(items)) == ("purged", STAYS)
    accounts = [item for item in items if "#A#" in item["pk"]["S"]]
    assert {item["sk"]["S"].split("#")[0] for item in accounts} == {"ACCOUNT", "INV", "DOC", "MOV", "RCV"}
    (account,) = [item for item in accounts if item["sk"]["S"] == "ACCOUNT"]
    assert (account["c"]["S"], account["s"]["S"], "who" in account) == (NO_CODE, "[]", False)
    assert not [item for item in items if {"personal", "told"} & set(item)]
    (profile,) = [json.loads(item["data"]["S"]) for item in items if item["sk"]["S"] == "PROFILE"]
    assert (profile["company"], profile["allowed_origins"], profile["tax_groups"]) == ("", [], [])
    gone = {name for name, there in ending.keys().items() if not there}
    assert gone == GONE
    assert objects_of(engine, files, prefixes) == []
    about = rows_about(engine, [tenant.tenant_id, tenant.subdomain, tenant.email], at=services.clock.now())
    # The certificate, the purge, the place in the list, and the subdomain for 90 days more.
    assert {row.partition("#")[0] for row in about} == {
        f"PlatformTable {kind}" for kind in ("CERTIFICATES", "PURGE", "TENANTS", "SUBDOMAIN")
    }
    # Nor does a copy of before give away more, whoever has it and every key that is left.
    assert set(opened(services, tenant.tenant_id, backup)) == {"audit", "bill-2041"}
    assert_certified(ending, engine, gone - {"notice#0001"})
    company = Company(tenant, services, visitor(gateway))
    assert company.try_to_sign_in(tenant.email).code == "wrong_credentials"
    assert tenant.api.get("/v1/me").status == 401
    assert (bills_name(ending), journals_held_by(ending)) == ({"Ali Raza"}, {"fnd"})
    assert chain_of(ending).faults == 0
    assert sign_up(visitor(gateway), tenant.subdomain).code == "subdomain_taken"
    restored(engine, services, backup)
    for _ in range(2):
        ending.keep(HOUR)
    assert (ending.state, sections(isp.shop.items()) - STAYS) == ("purged", {"BIX", "VERIFIED"})
    assert len(ending.certificates()) == 1
    ending.keep(90 * DAY)
    assert sign_up(visitor(gateway), tenant.subdomain).status == 201
    ending.keep(DAY)


def assert_certified(ending: Ending, engine: EngineHandle, gone: set[str]) -> None:
    """There is one certificate, which is true, and it is in the mail and in the bucket that keeps it."""
    (certificate,) = ending.certificates()
    told = json.loads(certificate["certificate"])
    assert {name: told["there_was"][name] for name in ("subscribers", "staff", "files")} == {
        "subscribers": 1,
        "staff": 2,
        "files": 4,
    }
    assert {one["name"] for one in told["keys_destroyed"]} == gone
    assert told["kept"][0]["until"].startswith("the end of fiscal year 2048")
    assert certificate["sha256"] == sha256(certificate["certificate"].encode()).hexdigest()
    tenant, services = ending.shop.tenant, ending.services
    [mail] = [one for one in services.mailer.sent if one.subject == "Your company's data is deleted"]
    assert (mail.to, certificate["sha256"] in mail.text) == (tenant.email, True)
    prefix = f"certificates/{tenant.tenant_id}/"
    [locked] = objects_of(engine, services.settings.anchors_bucket, [prefix])
    assert json.loads(locked) == {
        "certificate": certificate["certificate"],
        "hmac_sha256": certificate["hmac_sha256"],
    }
    keys = services.keyring.of(tenant_id=tenant.tenant_id)
    message = certificate["certificate"].encode()
    assert keys.authenticate(family="audit", message=message) == certificate["hmac_sha256"]


def test_a_purge_that_is_killed_anywhere_comes_to_the_same_end(
    small: Ending, clock: FakeClock, engine: EngineHandle, gateway: Gateway
) -> None:
    """Each pass dies at a later call of the database, before it is sent or after it was done in turns."""
    Till.open(small.shop, visitor(gateway)).invoice_and_collection()
    small.cancel()
    small.keep(29 * DAY)
    before = {(one["pk"]["S"], one["sk"]["S"]) for one in small.shop.items()}
    clock.advance(DAY)
    call, passes = 1, 0
    while small.state != "purged":
        with killed_at(small.services, call=call, sent=passes % 2 == 1) as made:
            try:
                small.keep(HOUR)
            except Killed:
                call += 1 if FACTOR > 1 else 19
                passes += 1
        assert len(made) <= call, "a pass goes on until it is killed"
    small.keep(HOUR)
    left = {(one["pk"]["S"], one["sk"]["S"]) for one in small.shop.items()}
    kept = {one for one in before if one[0].split("#")[1] in STAYS and stays(one)}
    assert kept == {one for one in left if one in before}
    assert {one[0].split("#")[1] for one in left - before} <= {"AUD", "CHAIN"}
    assert {name for name, there in small.keys().items() if not there} == GONE
    (certificate,) = small.certificates()
    told = json.loads(certificate["certificate"])
    assert (told["there_was"]["subscribers"], told["there_was"]["staff"]) == (2, 1)
    assert (bills_name(small), chain_of(small).faults) == ({"Ali Raza"}, 0)
    assert passes > 8
    assert "CALLBACK#" not in str(rows_about(engine, [small.tenant_id], at=clock.now()))
    # Who dies between the mail and its mark mails once more; nobody is left without.
    assert set(small.mails("data is deleted")) == {small.shop.tenant.email}


def stays(key: tuple[str, str]) -> bool:
    """Whether an item of a subscriber, or of the company's own, is kept."""
    gone = key[1] == "ACCOUNT#PERSON" or key[1].startswith("COL")
    return not gone and (key[1] == "PROFILE" or not key[0].endswith("#T"))
