"""Break-glass over HTTP: platform support enters an ISP, does what it may, and is seen."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from chalicelib.api.files import FileOut
from chalicelib.domain.permissions import SUPPORT_READS, SUPPORT_WRITES
from chalicelib.ports.services import QueueUnavailable
from tests.integration.conftest import EngineServices, SignedIn
from tests.integration.counter import Counter, line
from tests.integration.portal_user import Front
from tests.integration.raw import raw_items
from tests.integration.shop import Shop, created, if_match, ok, subscriber_body
from tests.integration.staffing import Company, Person
from tests.integration.supporting import REASON, Desk, Inside, desk_of
from tests.integration.test_audit_log import NATIONAL_ID
from tests.integration.test_foreign_ids_everywhere import ABSENT, ENDPOINTS

OUT = (401, "not_signed_in", None)


@pytest.fixture
def desk(services: EngineServices, signed_in: SignedIn) -> Desk:
    return desk_of(services, signed_in)


@pytest.fixture
def isp(desk: Desk) -> SignedIn:
    return desk.isp()


@pytest.fixture
def person(desk: Desk) -> Person:
    return desk.person()


@pytest.fixture
def inside(desk: Desk, isp: SignedIn, person: Person) -> Inside:
    return desk.enter(isp, person.api)


# -- entering, and being seen ----------------------------------------------------------------


def test_support_acts_within_the_isp_and_its_owner_is_told_at_once(
    desk: Desk, isp: SignedIn, person: Person, inside: Inside
) -> None:
    assert ok(inside.api.get("/v1/tenant"))["subdomain"] == isp.subdomain
    assert ok(person.api.get("/v1/tenant"))["subdomain"] == desk.company.tenant.subdomain

    mail = desk.services.mailer.last_to(isp.email)
    assert mail.subject == "Platform support entered your company"
    for told in ("Bilal Ahmed", REASON, "2041-05-15 07:00 UTC", inside.access_id):
        assert told in mail.text, mail.text
    [access] = desk.accesses(isp)
    assert access == inside.access
    assert (access["name"], access["reason"], access["write"]) == ("Bilal Ahmed", REASON, False)
    assert (access["until"], access["ended_at"]) == ("2041-05-15T07:00:00Z", None)
    [entry] = ok(person.api.get("/v1/support-entries"))["items"]
    assert entry == access


def test_entering_is_audited_on_both_sides(desk: Desk, isp: SignedIn, person: Person, inside: Inside) -> None:
    assert desk.actions(isp) == [(inside.actor, "support.entered", inside.access_id)]
    assert desk.actions(desk.company.tenant) == [(person.staff_id, "support.entered", inside.access_id)]

    [entry] = ok(isp.api.get("/v1/audit?action=support.entered"))["items"]
    assert entry["personal"] == {"name": "Bilal Ahmed", "reason": REASON}
    assert entry["details"] == {
        "subdomain": isp.subdomain,
        "write": False,
        "until": "2041-05-15T07:00:00+00:00",
    }


def test_tokens_names_and_reasons_are_not_to_be_read_in_the_tables(
    desk: Desk, isp: SignedIn, inside: Inside
) -> None:
    operator = desk.company.tenant.tenant_id
    tables = [*raw_items(desk.services, isp.tenant_id), *raw_items(desk.services, operator)]

    assert inside.access_id in str(tables)
    for secret in (inside.token, REASON, "Bilal"):
        assert secret not in str(tables)


def test_owners_admins_and_auditors_of_the_isp_see_accesses_and_others_do_not(
    desk: Desk, isp: SignedIn, inside: Inside
) -> None:
    company = Company(isp, desk.services, desk.visitor)

    for role, status in (("admin", 200), ("auditor", 200), ("billing", 403), ("support", 403)):
        colleague = company.join(role).api
        assert colleague.get("/v1/support-accesses").status == status, role
        ending = colleague.delete(f"/v1/support-accesses/{inside.access_id}")
        assert ending.status == (204 if role == "admin" else 403), role


def test_accesses_are_listed_newest_first_page_by_page(desk: Desk, isp: SignedIn, person: Person) -> None:
    made = []
    for _ in range(3):
        desk.clock.advance(timedelta(seconds=1))
        made.append(desk.enter(isp, person.api).access_id)

    first = ok(isp.api.get("/v1/support-accesses?limit=2"))
    rest = ok(isp.api.get(f"/v1/support-accesses?limit=2&cursor={first['next_cursor']}"))

    assert [one["access_id"] for one in first["items"] + rest["items"]] == made[::-1]
    assert rest["next_cursor"] is None


# -- what it may, and what is written down of it ---------------------------------------------


@pytest.mark.parametrize("rights", ["read", "write"])
def test_support_may_what_is_named_and_nothing_else(
    desk: Desk, isp: SignedIn, person: Person, rights: str
) -> None:
    inside = desk.enter(isp, person.api, write=rights == "write")
    allowed = SUPPORT_READS | (SUPPORT_WRITES if rights == "write" else frozenset())
    tried = [one for one in ENDPOINTS if not one.public and one.permission not in allowed]
    before = {str(item) for item in raw_items(desk.services, isp.tenant_id)}

    for one in tried:
        reply = inside.api.request(one.method, one.path.format_map(ABSENT), json={})
        assert reply.problem == (403, "permission_denied", None), (one.operation_id, reply.text)

    assert len(tried) > 50
    assert {str(item) for item in raw_items(desk.services, isp.tenant_id)} == before
    named = " ".join(one.permission for one in tried)
    for kind in ("exports:", "imports:", "keys:", "staff:write", "payments:write", "invoices:write", "self"):
        assert kind in named


def test_everything_that_support_reads_is_audited(desk: Desk, isp: SignedIn, inside: Inside) -> None:
    someone = Shop(isp, desk.services).subscriber()["subscriber_id"]

    assert inside.api.get(f"/v1/subscribers/{someone}").status == 200
    desk.clock.advance(timedelta(seconds=1))
    assert inside.api.post("/v1/subscriber-searches", json={"text": "Ayesha"}).status == 200
    desk.clock.advance(timedelta(seconds=1))
    assert inside.api.get("/v1/invoices/inv_none").status == 404

    assert desk.actions(isp, of="support.read") == [
        (inside.actor, "support.read", someone),
        (inside.actor, "support.read", isp.tenant_id),
        (inside.actor, "support.read", isp.tenant_id),
    ]
    listed = ok(isp.api.get(f"/v1/audit?actor_id={inside.actor}&action=support.read"))["items"]
    assert [one["details"]["operation"] for one in listed] == [
        "get_invoice",
        "search_subscribers",
        "get_subscriber",
    ]
    assert "Ayesha" not in str(listed)


def test_each_operation_that_support_may_read_is_audited(desk: Desk, isp: SignedIn, inside: Inside) -> None:
    reads = [one for one in ENDPOINTS if one.permission in SUPPORT_READS and one.answer is not FileOut]

    for one in reads:
        desk.clock.advance(timedelta(seconds=1))
        reply = inside.api.request(one.method, one.path.format_map(ABSENT), json={} if one.body else None)
        assert reply.status != 403, (one.operation_id, reply.text)
        if reply.status == 422 and reply.code in {"missing_field", "unknown_field", "invalid_type"}:
            continue  # refused before there is anything to be read
        newest = desk.audited(isp)[-1]
        assert (newest.actor_id, newest.action) == (inside.actor, "support.read"), one.operation_id

    assert len(reads) > 40


def test_what_cannot_be_written_down_is_not_shown(
    desk: Desk, isp: SignedIn, inside: Inside, monkeypatch: pytest.MonkeyPatch
) -> None:
    someone = Shop(isp, desk.services).subscriber()

    def refused(_: object) -> None:
        raise QueueUnavailable("no")

    monkeypatch.setattr(desk.services.database, "commit", refused)
    reply = inside.api.get(f"/v1/subscribers/{someone['subscriber_id']}")

    assert reply.status == 503
    assert someone["code"] not in reply.text


def test_changes_name_the_person_platform_support_and_the_access(
    desk: Desk, isp: SignedIn, person: Person
) -> None:
    someone = Shop(isp, desk.services).subscriber()
    path = f"/v1/subscribers/{someone['subscriber_id']}"
    change: dict[str, Any] = {"json": {"note": "line reset"}, "headers": if_match(someone)}
    reading, writing = desk.enter(isp, person.api), desk.enter(isp, person.api, write=True)

    assert reading.api.patch(path, **change).problem == (403, "permission_denied", None)
    ok(writing.api.patch(path, **change))

    assert "and change subscribers" in desk.services.mailer.last_to(isp.email).text
    assert desk.actions(isp, of="subscriber.changed") == [
        (writing.actor, "subscriber.changed", someone["subscriber_id"])
    ]
    assert (writing.actor, "support.change_asked", someone["subscriber_id"]) in desk.actions(isp)


def test_national_and_tax_ids_are_masked(desk: Desk, isp: SignedIn, person: Person) -> None:
    shop = Shop(isp, desk.services)
    someone = shop.subscriber(national_id=NATIONAL_ID, tax_id="1234567-8")
    path = f"/v1/subscribers/{someone['subscriber_id']}"
    lines = {"lines": [{"description": "Visit", "unit_price": {"amount": 5_000, "currency": "PKR"}}]}
    invoice = created(isp.api.post(f"{path}/invoices", json=lines, headers={"Idempotency-Key": "one"}))
    inside = desk.enter(isp, person.api, write=True)
    key = {"Idempotency-Key": "two"}

    seen = ok(inside.api.get(path))
    made = inside.api.post("/v1/subscribers", json=subscriber_body(national_id=NATIONAL_ID), headers=key)
    answers = [made, inside.api.get(path), inside.api.get(f"/v1/invoices/{invoice['invoice_id']}")]
    answers += [inside.api.get(f"{path}/invoices"), inside.api.get("/v1/audit")]

    assert seen["national_id"].endswith(NATIONAL_ID[-4:])
    assert seen["name"] == someone["name"]
    for answer in answers:
        assert answer.status < 300, answer.text
        assert NATIONAL_ID not in answer.text
        assert "1234567-8" not in answer.text
    assert ok(isp.api.get(path))["national_id"] == NATIONAL_ID
    shown = [actor for actor, _, _ in desk.actions(isp, of="subscriber.identity_shown")]
    assert inside.actor not in shown


def test_support_is_given_nothing_as_a_file(desk: Desk, isp: SignedIn, inside: Inside) -> None:
    counter = Counter(Shop(isp, desk.services))
    invoice, receipt = counter.invoice(line(50_000)), counter.pay(50_000)
    for path in (
        "/v1/audit?format=csv",
        "/v1/audit?format=jsonl",
        f"/v1/documents/{receipt['document_id']}/pdf",
        f"/v1/invoices/{invoice['invoice_id']}/pdf",
    ):
        assert inside.api.get(path).problem == (403, "permission_denied", None)


def test_support_is_led_to_no_papers_either(desk: Desk, isp: SignedIn, person: Person) -> None:
    counter = Counter(Shop(isp, desk.services))
    invoice, receipt = counter.invoice(line(500)), counter.pay(500)
    inside = desk.enter(isp, person.api)
    papers = (f"/v1/invoices/{invoice['invoice_id']}/pdf", f"/v1/documents/{receipt['document_id']}/pdf")

    for path in papers:
        assert ok(isp.api.get(path))["url"]
        assert inside.api.get(path).problem == (403, "permission_denied", None)


def test_support_gets_into_no_subscribers_portal(desk: Desk, isp: SignedIn, person: Person) -> None:
    front = Front(Shop(isp, desk.services), desk.services, desk.visitor)
    someone = front.person()
    path = f"/v1/subscribers/{someone['subscriber_id']}"
    inside = desk.enter(isp, person.api, write=True)
    mails = len(desk.services.mailer.sent)

    for field, value in (("email", "mine@operator.example"), ("phone", "0300-7654321"), ("email", "")):
        moved = inside.api.patch(path, json={field: value, "note": "x"}, headers=if_match(someone))
        assert moved.problem == (403, "permission_denied", field)
    for channel in ("mail", "sms"):
        sent = inside.api.post(f"{path}/portal-activations", json={"channel": channel})
        assert sent.problem == (403, "permission_denied", None)

    assert len(desk.services.mailer.sent) == mails
    assert ok(isp.api.get(path)) == someone
    ok(inside.api.patch(path, json={"note": "line reset"}, headers=if_match(someone)))


def test_two_accesses_at_once_are_apart_in_a_warm_process(desk: Desk, isp: SignedIn, person: Person) -> None:
    other = desk.isp()
    here, there = desk.enter(isp, person.api), desk.enter(other, person.api)
    mine = {one.tenant_id: Shop(one, desk.services).subscriber()["subscriber_id"] for one in (isp, other)}

    for _ in range(2):
        for inside, home, away in ((here, isp, other), (there, other, isp)):
            assert ok(inside.api.get("/v1/tenant"))["subdomain"] == home.subdomain
            assert ok(inside.api.get(f"/v1/subscribers/{mine[home.tenant_id]}"))
            assert inside.api.get(f"/v1/subscribers/{mine[away.tenant_id]}").status == 404
    desk_sees = ok(person.api.get("/v1/subscribers"))["items"]
    ok_ended = isp.api.delete(f"/v1/support-accesses/{here.access_id}")

    assert not {one["subscriber_id"] for one in desk_sees} & set(mine.values())
    assert ok_ended.status == 204
    assert here.api.get("/v1/tenant").problem == OUT
    assert there.api.get("/v1/tenant").status == 200
    assert {isp.tenant_id, other.tenant_id} <= set(desk.services.wall.sessions.values())
    assert desk.services.wall.refused == []
