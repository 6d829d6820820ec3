"""Who works for an ISP is corrected by request, and erased once they left, whatever ends the work midway."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest
from pyotp import TOTP

from chalicelib.domain.consent_texts import current_text
from chalicelib.jobs.exports import work_exports
from chalicelib.ports.privacy import Erased
from chalicelib.store import keys
from chalicelib.store.staff import BY_EMAIL, StaffItem
from chalicelib.usecases.erasure import ErasuresLeft, repeat_erasures
from chalicelib.usecases.staff_erasure import erase_staff
from tests.fakes.api_client import ApiClient, Reply
from tests.fakes.queues import AtOnce
from tests.fakes.services import InMemoryMailer
from tests.integration.conftest import EngineServices, SignedIn
from tests.integration.crashing import Crash, Crashed, CrashingServices
from tests.integration.field import Field, receipt
from tests.integration.privacy_desk import REQUESTS, Desk, complete, shown
from tests.integration.shop import Item, Shop, created, ok
from tests.integration.staffing import CHOSEN, Company, Person

OWN = "/v1/me/privacy-requests"
REQUEST = "prq_01JD0000000000000000000000"


@dataclass
class Office:
    """A company whose people use their rights."""

    desk: Desk
    company: Company

    def join(self, role: str, name: str) -> Person:
        """Somebody of that name works here."""
        invitation = created(self.company.invite(role))["invitation"]
        joined = created(self.company.accept(self.company.code(invitation["email"]), name=name))
        email = invitation["email"]
        return Person(joined["staff"]["staff_id"], email, self.company.sign_in(email, CHOSEN))

    def lived_in(self, person: Person) -> ApiClient:
        """Leave something in every place where something of somebody can be; return their program."""
        api = person.api
        made = created(api.post("/v1/api-keys", json={"name": "Books", "permissions": ["subscribers:read"]}))
        seen = {"version": "2026-11-26"}
        assert api.post("/v1/policies/privacy/dismissals", json=seen).status == 204
        ok(api.put("/v1/me/consent", json={"agreed": ["analytics"], "text": current_text().version}))
        begun = created(api.post("/v1/me/second-factor", json={"password": CHOSEN}))
        code = TOTP(begun["secret"]).at(self.desk.services.clock.now())
        ok(api.post("/v1/me/second-factor/confirmation", json={"code": code}))
        return api.bearer(made["token"])

    def leave(self, person: Person) -> Item:
        """Somebody asks to be deleted, and then leaves."""
        request = created(person.api.post(OWN, json={"kind": "deletion", "text": "I leave"}))
        ok(self.company.owner.post(f"/v1/staff/{person.staff_id}/disable", json={}))
        return request

    def of(self, person: Person) -> list[str]:
        """The keys of the tenant's items that are of a person, beside the record and entries of the log."""
        ids = (person.staff_id, self.desk.tenant.store.staff.digest(email=person.email))
        found = [f"{item['pk']['S']} {item['sk']['S']}" for item in self.desk.items()]
        return sorted(one.partition("#")[2] for one in found if any(it in one for it in ids))


@pytest.fixture
def office(services: EngineServices, signed_in: SignedIn, api: ApiClient) -> Iterator[Office]:
    vars(services)["export_queue"] = AtOnce(services, work_exports)
    yield Office(Desk(signed_in, services), Company(signed_in, services, api))
    del vars(services)["export_queue"]


def entries(office: Office, person: Person) -> list[Item]:
    found: list[Item] = ok(office.company.owner.get(f"/v1/audit?object_id={person.staff_id}"))["items"]
    return found


def test_a_name_is_corrected_with_before_and_after_and_an_address_is_not(office: Office) -> None:
    person = office.join("billing", "Bilal Ahmad")
    wanted = {"name": "Bilal Ahmed", "email": "b@elsewhere.example"}
    request = created(person.api.post(OWN, json={"kind": "correction", "changes": wanted}))
    desk = office.desk
    assert complete(desk, request).problem == (422, "not_corrected_here", "changes.email")

    ok(complete(desk, request, changes={"name": "Bilal Ahmed"}, words="the address: be invited anew"))

    member = office.company.member(person.staff_id)
    assert (member["name"], member["email"]) == ("Bilal Ahmed", person.email)
    (entry,) = [one for one in entries(office, person) if one["action"] == "staff.changed"]
    assert entry["personal"] == {"name": ["Bilal Ahmad", "Bilal Ahmed"]}
    assert entry["details"] == {"changed": ["name"], "request": request["privacy_request_id"]}
    assert shown(desk, request)["state"] == "done"
    # What names no fields is answered in words, as before.
    words = created(person.api.post(OWN, json={"kind": "correction", "text": "the spelling"}))
    assert complete(desk, words).problem == (422, "invalid_value", "words")
    ok(complete(desk, words, words="it is spelled so in the contract"))


def test_who_left_is_nobody_afterwards_and_what_stays_is_said(
    office: Office, mailbox: InMemoryMailer
) -> None:
    word = f"gone{secrets.token_hex(4)}"
    person, other = office.join("admin", f"{word}name"), office.join("admin", "Sana Malik")
    program = office.lived_in(person)
    office.lived_in(other)
    correction = created(person.api.post(OWN, json={"kind": "correction", "changes": {"name": f"{word}new"}}))
    ok(complete(office.desk, correction))
    of_other = office.of(other)
    request = office.leave(person)
    assert len(office.of(person)) > 5

    answered = ok(complete(office.desk, request))
    now = shown(office.desk, request)

    assert (answered["state"], now["state"]) == ("in_work", "done")
    assert [one.partition(" ")[0] for one in office.of(person)] == ["PRVOF", "PRVOF", "STAFF"]
    assert office.of(other) == of_other
    member = office.company.member(person.staff_id)
    assert (member["name"], member["email"], member["erased"]) == ("", "", True)
    about = entries(office, person)
    assert {one["action"] for one in about} >= {
        "staff.joined",
        "staff.changed",
        "staff.disabled",
        "staff.erased",
    }
    by_them = ok(office.company.owner.get(f"/v1/audit?actor_id={person.staff_id}"))["items"]
    assert by_them
    assert {one["address"] for one in by_them} == {None}
    assert word not in repr([about, by_them, now, ok(office.company.owner.get(REQUESTS))])
    assert program.get("/v1/subscribers").status == 401
    known = office.desk.services.sessions.of_person(
        tenant_id=office.desk.tenant.tenant_id, staff_id=person.staff_id
    )
    assert (known.listed, known.devices, known.begun) == ((), (), 0)
    assert (now["address"], now["text"], now["stays_until"]) == ("", "", "2048-07-01")
    assert "law asks who did them" in now["stays"]
    assert "until 2048-07-01" in mailbox.last_to(person.email).text
    assert person.email not in repr(now)


def test_nobody_is_let_in_again_and_the_address_may_be_invited(office: Office) -> None:
    person = office.join("billing", "Bilal Ahmed")
    ok(complete(office.desk, office.leave(person)))
    path, owner = f"/v1/staff/{person.staff_id}", office.company.owner

    assert owner.post(f"{path}/enable", json={}).problem == (409, "person_erased", None)
    assert office.company.change(person.staff_id, name="Bilal").problem == (409, "person_erased", None)
    assert office.company.try_to_sign_in(person.email, CHOSEN).status == 401

    again = created(owner.post("/v1/invitations", json={"email": person.email, "role": "billing"}))
    created(office.company.accept(office.company.code(again["invitation"]["email"])))
    assert office.company.try_to_sign_in(person.email, CHOSEN).status == 201


def test_who_works_here_or_holds_cash_or_is_the_only_owner_is_not_erased(
    office: Office, services: EngineServices
) -> None:
    field = Field.of(Shop(office.desk.tenant, services), office.company)
    collector = field.collector
    request = created(collector.api.post(OWN, json={"kind": "deletion"}))
    assert complete(office.desk, request).problem == (409, "still_employed", None)
    taken = receipt(field.customer(owes=5_000).subscriber["subscriber_id"], 5_000)
    ok(collector.api.post("/v1/field-receipts", json={"receipts": [taken]}))
    assert field.held() == 5_000
    ok(office.company.owner.post(f"/v1/staff/{collector.staff_id}/disable", json={}))
    assert complete(office.desk, request).problem == (409, "holds_cash", None)
    mine = created(office.company.owner.post(OWN, json={"kind": "deletion"}))
    assert complete(office.desk, mine).problem == (409, "last_owner", None)

    admin = office.join("admin", "Sana Malik")
    refused: Reply = admin.api.post(f"{REQUESTS}/{mine['privacy_request_id']}/completion", json={})

    assert refused.problem == (403, "rights_exceeded", None)


def test_a_copy_of_who_may_do_more_is_theirs_alone_to_get(office: Office) -> None:
    mine = created(office.company.owner.post(OWN, json={"kind": "access"}))
    path = f"{REQUESTS}/{mine['privacy_request_id']}/download"
    admin = office.join("admin", "Sana Malik")
    theirs = created(admin.api.post(OWN, json={"kind": "access"}))

    refused: Reply = admin.api.get(path)

    assert refused.problem == (403, "rights_exceeded", None)
    ok(office.company.owner.get(path))
    ok(office.company.owner.get(f"{REQUESTS}/{theirs['privacy_request_id']}/download"))
    ok(admin.api.get(f"{REQUESTS}/{theirs['privacy_request_id']}/download"))


def test_an_erasure_that_ends_anywhere_is_finished_and_is_repeated_after_a_restore(
    office: Office, services: EngineServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chalicelib.usecases.erasing.WRITES_PER_COMMIT", 1)
    word, at = f"gone{secrets.token_hex(4)}", services.clock.now()
    person = office.join("admin", f"{word}name")
    office.lived_in(person)
    store = office.desk.tenant.store
    by_email = keys.blind(store.tenant_id, "staff", store.staff.digest(email=person.email))
    rows = [
        StaffItem.get(keys.staff(store.tenant_id), person.staff_id),
        StaffItem.get(by_email, BY_EMAIL),
    ]
    begun = Erased(person.staff_id, REQUEST, at)
    store.commit(store.privacy.note_erasure(erased=begun))

    crash = Crash(at=1, after=False)
    ending = CrashingServices(
        settings=services.settings, clock=services.clock, environment=services.environment, crash=crash
    )
    ends = 0
    while True:
        # Each commit in turn: before the database makes it, then after.
        crash.at, crash.after = crash.commits + 1, not crash.after
        theirs = ending.stores.of(tenant_id=store.tenant_id)
        (erased,) = theirs.privacy.erasures()
        try:
            erase_staff(store=theirs, sessions=ending.sessions, erased=erased, at=at)
        except Crashed:
            ends += 1
            continue
        break

    assert ends > 10
    assert [one.partition(" ")[0] for one in office.of(person)] == ["STAFF"]
    assert [one.done_at for one in store.privacy.erasures()] == [at]
    # A restore brings them back, and as the only owner: the ledger is in another table.
    for item in rows:
        item.role = "owner"
        item.save()
    owner = store.staff.find_by_email(email=office.desk.tenant.email)
    assert owner is not None
    store.commit(*store.staff.change(before=owner, after=replace(owner, disabled=True)))
    with pytest.raises(ErasuresLeft):
        repeat_erasures(store=store, sessions=services.sessions, at=at)
    assert store.staff.get(staff_id=person.staff_id).name == f"{word}name"
    gone = store.staff.get(staff_id=owner.staff_id)
    store.commit(*store.staff.change(before=gone, after=replace(gone, disabled=False)))
    assert repeat_erasures(store=store, sessions=services.sessions, at=at) == 1
    assert store.staff.get(staff_id=person.staff_id).erased
    assert store.staff.find_by_email(email=person.email) is None
