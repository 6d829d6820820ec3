"""What strangers, and who got into somebody's account, try with requests about people's data."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from chalicelib.domain.anomalies import RULES, Anomaly
from chalicelib.jobs.endings import keep_tenants
from chalicelib.jobs.exports import work_exports
from chalicelib.jobs.privacy import keep_privacy_requests
from chalicelib.local.gateway import Gateway
from chalicelib.store.privacy import DynamoPrivacy
from tests.fakes.api_client import ApiClient
from tests.fakes.clock import FakeClock
from tests.fakes.queues import AtOnce, Away
from tests.fakes.services import InMemoryMailer
from tests.integration.conftest import NOW, EngineServices, SignedIn, fresh_caller
from tests.integration.counter import Counter, line, pkr
from tests.integration.gatewaying import Till
from tests.integration.privacy_desk import REQUESTS, Desk, complete, shown, taken_in
from tests.integration.shop import Item, created, if_match, ok
from tests.integration.staffing import Company

CONFIRMATIONS = "/v1/privacy-request-confirmations"


@pytest.fixture
def desk(services: EngineServices, signed_in: SignedIn) -> Iterator[Desk]:
    """A tenant whose files and erasures are made when they are asked for."""
    vars(services)["export_queue"] = AtOnce(services, work_exports)
    yield Desk(signed_in, services)
    del vars(services)["export_queue"]


def stranger(gateway: Gateway) -> ApiClient:
    """Somebody at another network address than anybody before."""
    return ApiClient(gateway, caller=fresh_caller())


def test_a_mailbox_gets_three_mails_a_day_of_each_isp_however_it_is_written(
    gateway: Gateway, signed_in: SignedIn, other_tenant: SignedIn, mailbox: InMemoryMailer
) -> None:
    for subdomain in (signed_in.subdomain, other_tenant.subdomain):
        ways = ("vic.tim@mail.example", "Victim+1@mail.example", "v.ictim+news@MAIL.example")
        for written in ways * 2:
            body = {"subdomain": subdomain, "kind": "access", "email": written}
            assert stranger(gateway).post(REQUESTS, json=body).status == 202

    assert len([one for one in mailbox.sent if one.subject == "Confirm your request"]) == 6


def test_whom_staff_take_a_stranger_for_is_told_where_they_are_known(
    desk: Desk, gateway: Gateway, mailbox: InMemoryMailer
) -> None:
    ayesha, thief = "ayesha@mail.example", "thief@mail.example"
    person = desk.subscriber(name="Ayesha Khan", email=ayesha)
    body = {
        "subdomain": desk.tenant.subdomain,
        "kind": "correction",
        "email": thief,
        "text": "my new address",
    }
    assert stranger(gateway).post(REQUESTS, json=body).status == 202
    code = next(one for one in mailbox.last_to(thief).text.split() if one.startswith("pcf_"))
    assert stranger(gateway).post(CONFIRMATIONS, json={"token": code}).status == 204
    (request,) = ok(desk.tenant.api.get(REQUESTS))["items"]
    assert [one.to for one in mailbox.sent if one.to == ayesha] == []

    seen = {"seen": "a card that looked like hers", "subscriber_id": person["subscriber_id"]}
    ok(desk.tenant.api.post(f"{REQUESTS}/{request['privacy_request_id']}/identity", json=seen))
    assert "It was received" in mailbox.last_to(ayesha).text

    ok(complete(desk, request, changes={"email": thief}))
    for to in (ayesha, thief):
        assert "corrected" in mailbox.last_to(to).text


def asked_by_a_stranger(desk: Desk, gateway: Gateway, mailbox: InMemoryMailer, kind: str) -> Item:
    """A request of an address that nobody has, confirmed by its code."""
    where = f"{kind}@elsewhere.example"
    body = {"subdomain": desk.tenant.subdomain, "kind": kind, "email": where, "text": "as I said"}
    assert stranger(gateway).post(REQUESTS, json=body).status == 202
    code = next(one for one in mailbox.last_to(where).text.split() if one.startswith("pcf_"))
    assert stranger(gateway).post(CONFIRMATIONS, json={"token": code}).status == 204
    found: list[Item] = ok(desk.tenant.api.get(REQUESTS))["items"]
    (request,) = (one for one in found if one["kind"] == kind)
    return request


def test_a_stranger_is_taken_for_a_colleague_by_who_may_do_no_less(
    desk: Desk, gateway: Gateway, mailbox: InMemoryMailer
) -> None:
    company = Company(desk.tenant, desk.services, stranger(gateway))
    bilal, rights = company.join("billing"), {"name": "Officer", "permissions": ["privacy:write"]}
    officer = stranger(gateway).bearer(created(desk.tenant.api.post("/v1/api-keys", json=rights))["token"])
    request = asked_by_a_stranger(desk, gateway, mailbox, "access")
    path, seen = f"{REQUESTS}/{request['privacy_request_id']}/identity", {"seen": "his card, at the office"}
    claim = {**seen, "staff_id": bilal.staff_id}
    both = {**claim, "subscriber_id": desk.subscriber()["subscriber_id"]}
    assert desk.tenant.api.post(path, json=both).problem == (422, "invalid_value", "staff_id")
    assert officer.post(path, json=claim).problem == (403, "rights_exceeded", None)
    assert shown(desk, request)["state"] == "identity_asked"

    ok(desk.tenant.api.post(path, json=claim))

    now = shown(desk, request)
    assert (now["state"], now["subject_id"], now["seen"]) == ("received", bilal.staff_id, seen["seen"])
    assert "It was received" in mailbox.last_to(bilal.email).text
    entries = f"/v1/audit?object_id={request['privacy_request_id']}&action=privacy.identity_confirmed"
    (entry,) = ok(desk.tenant.api.get(entries))["items"]
    assert entry["details"] == {"kind": "access", "subject_id": bilal.staff_id}
    ok(complete(desk, request))
    assert "The file is made" in mailbox.last_to(bilal.email).text


def test_nobody_is_taken_for_who_is_nobody_any_more(
    desk: Desk, gateway: Gateway, mailbox: InMemoryMailer
) -> None:
    company = Company(desk.tenant, desk.services, stranger(gateway))
    bilal, person = company.join("billing"), desk.subscriber(name="Ayesha Khan")
    left = created(bilal.api.post("/v1/me/privacy-requests", json={"kind": "deletion"}))
    ok(desk.tenant.api.post(f"/v1/staff/{bilal.staff_id}/disable", json={}))
    for gone in (left, taken_in(desk, person, "deletion")):
        ok(complete(desk, gone))
    request = asked_by_a_stranger(desk, gateway, mailbox, "correction")
    path = f"{REQUESTS}/{request['privacy_request_id']}/identity"

    for who, code in (
        ({"subscriber_id": person["subscriber_id"]}, "subscriber_erased"),
        ({"staff_id": bilal.staff_id}, "person_erased"),
    ):
        assert desk.tenant.api.post(path, json={"seen": "a card", **who}).problem == (409, code, None)


@pytest.mark.parametrize("archived", [False, True])
def test_nobody_is_erased_whose_money_comes_at_that_moment(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, *, archived: bool
) -> None:
    counter = Counter(desk)
    if archived:
        ok(desk.tenant.api.post(f"/v1/subscribers/{counter.subscriber['subscriber_id']}/archive"))
    request = taken_in(desk, counter.subscriber, "deletion")

    def held(_: DynamoPrivacy) -> bool:
        """What is asked between reading the account and erasing its subscriber."""
        counter.pay(10_000)
        return False

    with monkeypatch.context() as between:
        between.setattr(DynamoPrivacy, "held", held)
        assert complete(desk, request).problem == (412, "stale_version", None)

    assert shown(desk, request)["state"] == "received"
    assert complete(desk, request).problem == (409, "subscriber_has_credit", None)


def test_nobody_comes_back_to_an_erased_account(desk: Desk) -> None:
    """A restore would erase them again, with service and credit."""
    person = desk.subscriber(name="Ayesha Khan")
    ok(complete(desk, taken_in(desk, person, "deletion")))

    path = f"/v1/subscribers/{person['subscriber_id']}"
    back = desk.tenant.api.post(f"{path}/unarchive")
    named = desk.tenant.api.patch(
        path, json={"name": "Ayesha"}, headers=if_match(ok(desk.tenant.api.get(path)))
    )
    request = taken_in(desk, person, "correction", changes={"name": "Ayesha"})
    corrected = complete(desk, request)

    for refused in (back, named, corrected):
        assert refused.problem == (409, "subscriber_erased", None)
    assert ok(desk.tenant.api.get(path))["name"] == ""


def test_no_parked_money_becomes_credit_of_who_is_nobody(desk: Desk, gateway: Gateway) -> None:
    till = Till.open(desk, stranger(gateway))
    _, collection = till.invoice_and_collection()
    assert till.send(till.told(collection, amount=49_999)).json == {"received": "parked"}
    (waiting,) = till.parked()
    person = desk.subscriber(name="Ayesha Khan")
    ok(complete(desk, taken_in(desk, person, "deletion")))
    path = f"/v1/parked-notices/{waiting['notice_id']}/assignment"
    body, key = {"subscriber_id": person["subscriber_id"]}, {"Idempotency-Key": "assign-0001"}

    refused = desk.tenant.api.post(path, json=body, headers=key)

    assert refused.problem == (409, "subscriber_erased", "subscriber_id")
    assert till.parked() == [waiting]


def test_many_requests_of_strangers_are_one_reminder(
    desk: Desk, gateway: Gateway, mailbox: InMemoryMailer, clock: FakeClock
) -> None:
    for number in range(3):
        email = f"stranger{number}@mail.example"
        body = {"subdomain": desk.tenant.subdomain, "kind": "access", "email": email}
        assert stranger(gateway).post(REQUESTS, json=body).status == 202
        code = next(one for one in mailbox.last_to(email).text.split() if one.startswith("pcf_"))
        assert stranger(gateway).post(CONFIRMATIONS, json={"token": code}).status == 204
    waiting = ok(desk.tenant.api.get(f"{REQUESTS}?waiting=true"))["items"]
    mailbox.sent.clear()

    clock.set(NOW + timedelta(days=16))
    for _ in range(2):
        keep_privacy_requests(desk.services, {})

    (reminder,) = [one for one in mailbox.sent if one.to == desk.tenant.email]
    assert [one["privacy_request_id"] in reminder.text for one in waiting] == [True] * 3


def test_one_address_does_not_use_up_what_an_isp_may_have_asked(
    gateway: Gateway, signed_in: SignedIn, clock: FakeClock
) -> None:
    asking, asked = stranger(gateway), []
    for hour in range(3):
        clock.set(NOW + timedelta(hours=hour))
        for number in range(10):
            email = f"a{hour}{number}@mail.example"
            body = {"subdomain": signed_in.subdomain, "kind": "access", "email": email}
            asked.append(asking.post(REQUESTS, json=body).status)

    assert asked == [202] * 20 + [429] * 10


def test_an_erasure_that_a_legal_hold_overtakes_waits_until_it_is_lifted(
    desk: Desk, clock: FakeClock
) -> None:
    person, tenant_id = desk.subscriber(name="Ayesha Khan"), desk.tenant.tenant_id
    request, services = taken_in(desk, person, "deletion"), vars(desk.services)
    at_once, services["export_queue"] = services["export_queue"], Away()
    ok(complete(desk, request))
    services["export_queue"] = at_once
    order = {"tenant_id": tenant_id, "category": "everything", "reason": "a lawsuit"}
    held = keep_tenants(desk.services, {"detail": {"hold": order}})

    clock.advance(timedelta(hours=1))
    keep_privacy_requests(desk.services, {})

    assert shown(desk, request)["state"] == "in_work"
    found = f"/v1/subscribers/{person['subscriber_id']}"
    assert ok(desk.tenant.api.get(found))["name"] == "Ayesha Khan"
    other = taken_in(desk, desk.subscriber(name="Zainab"), "deletion")
    assert complete(desk, other).problem == (409, "legal_hold", None)

    keep_tenants(desk.services, {"detail": {"lift": {"tenant_id": tenant_id, **held}}})
    keep_privacy_requests(desk.services, {})

    assert shown(desk, request)["state"] == "done"
    assert ok(desk.tenant.api.get(found))["name"] == ""


def test_who_may_not_write_off_erases_no_debtor(desk: Desk, gateway: Gateway) -> None:
    counter, rights = Counter(desk), {"name": "Officer", "permissions": ["privacy:write"]}
    counter.invoice(line(30_000))
    request = taken_in(desk, counter.subscriber, "deletion")
    officer = stranger(gateway).bearer(created(desk.tenant.api.post("/v1/api-keys", json=rights))["token"])
    path, body = f"{REQUESTS}/{request['privacy_request_id']}/completion", {"words": "a friend"}

    refused = officer.post(path, json={**body, "despite_debt": True})

    assert refused.problem == (403, "permission_denied", "despite_debt")
    assert officer.post(path, json=body).problem == (409, "subscriber_owes", "despite_debt")
    assert shown(desk, request)["state"] == "received"


def test_whose_copy_was_taken_is_affected_by_a_breach(desk: Desk, gateway: Gateway) -> None:
    person, rights = desk.subscriber(name="Ayesha Khan"), {"name": "Stolen", "permissions": ["privacy:write"]}
    request = taken_in(desk, person, "access")
    ok(complete(desk, request))
    key = created(desk.tenant.api.post("/v1/api-keys", json=rights))
    thief = stranger(gateway).bearer(key["token"])
    ok(thief.get(f"{REQUESTS}/{request['privacy_request_id']}/download"))
    window = {"noticed_at": NOW, "began_at": NOW - timedelta(hours=1), "ended_at": NOW + timedelta(minutes=5)}
    body = {
        **{name: f"{at:%Y-%m-%dT%H:%M:%SZ}" for name, at in window.items()},
        "what": "a key was in a repository",
        "categories": ["names and contact details"],
        "misused": [key["api_key"]["key_id"]],
    }

    breach = created(desk.tenant.api.post("/v1/breaches", json=body))

    affected = ok(desk.tenant.api.get(f"/v1/breaches/{breach['breach_id']}/affected"))["items"]
    assert [(one["person_id"], one["times"]) for one in affected] == [(person["subscriber_id"], 1)]


def test_owners_are_told_of_many_erasures(desk: Desk, mailbox: InMemoryMailer) -> None:
    """What cannot be undone: whoever got into an account might erase the customers."""
    most = RULES[Anomaly.ERASURES].most
    for number in range(most + 1):
        told = [one for one in mailbox.sent if "subscribers were erased" in one.text]
        assert told == [], number
        ok(complete(desk, taken_in(desk, desk.subscriber(name="Ayesha Khan"), "deletion")))

    (mail,) = [one for one in mailbox.sent if "subscribers were erased" in one.text]
    assert mail.to == desk.tenant.email


def test_nobody_is_erased_who_is_at_a_gateways_page(desk: Desk, gateway: Gateway) -> None:
    counter = Counter(desk)
    collection = Till.open(desk, stranger(gateway), counter).begin(amount=pkr(10_000))
    request = taken_in(desk, counter.subscriber, "deletion")

    assert complete(desk, request).problem == (409, "money_under_way", None)

    ok(desk.tenant.api.post(f"/v1/collections/{collection['collection_id']}/cancellation"))
    ok(complete(desk, request))


@pytest.mark.parametrize("what", ["copy", "audit log"])
def test_owners_are_told_of_files_that_go_to_a_new_network(
    desk: Desk, gateway: Gateway, mailbox: InMemoryMailer, what: str
) -> None:
    request = taken_in(desk, desk.subscriber(name="Ayesha Khan"), "access")
    ok(complete(desk, request))
    copy = f"{REQUESTS}/{request['privacy_request_id']}/download"
    path = copy if what == "copy" else "/v1/audit?format=csv"
    networks = [stranger(gateway).bearer(desk.tenant.token) for _ in range(2)]
    told = []
    for api in (networks[0], networks[0], networks[1]):
        assert api.get(path).status == 200
        assert api.get("/v1/audit").status == 200  # looking is nothing out of the ordinary
        told.append(sum("network not seen before" in one.text for one in mailbox.sent))

    assert told == [0, 0, 1]
