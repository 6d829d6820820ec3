"""Privacy requests end to end: asked for, answered with a file, a correction or an erasure, and shown."""

from __future__ import annotations

import json
import re
import secrets
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.domain.data_map import Purpose
from chalicelib.jobs.exports import work_exports
from chalicelib.jobs.privacy import keep_privacy_requests
from chalicelib.ports.privacy import Erased
from chalicelib.store.tenant import DynamoTenantStore
from chalicelib.usecases import privacy_requests
from chalicelib.usecases.erasure import erase, repeat_erasures
from tests.fakes.api_client import ApiClient
from tests.fakes.clock import FakeClock
from tests.fakes.queues import AtOnce, Away
from tests.fakes.services import InMemoryMailer
from tests.integration.conftest import NOW, EngineServices, SignedIn
from tests.integration.counter import Counter, line
from tests.integration.portal_user import portal_session_as
from tests.integration.privacy_desk import (
    REQUESTS,
    Desk,
    complete,
    described,
    entries_of,
    life_of,
    planted,
    portal_of,
    shown,
    taken_in,
    unzipped,
)
from tests.integration.shop import Item, created, ok
from tests.integration.supporting import desk_of

SECURITY = Purpose.SECURITY.value
NEW = "aslam@mail.example"
# What vendors and rules of fees wrote about somebody.
BY_OTHERS = ("fee", "vendor", "parked", "why", "refused")
# What is planted, and stays because it is in documents of the books.
KEPT_WORDS = ("name", "other", "tax", "invoice", "cheque", "receipt")


@pytest.fixture
def desk(services: EngineServices, signed_in: SignedIn) -> Iterator[Desk]:
    """A tenant whose files and erasures are made when they are asked for."""
    vars(services)["export_queue"] = AtOnce(services, work_exports)
    yield Desk(signed_in, services)
    del vars(services)["export_queue"]


def everything_stored(desk: Desk) -> str:
    """The tenant's items, everything opened that the platform can open: what a search would find."""
    store = desk.services.stores.of(tenant_id=desk.tenant.tenant_id)
    since = store.profile().created_at - timedelta(days=1)
    texts = [repr(list(store.audit.entries(since=since, fits=lambda *_: True)))]
    for one in ok(desk.tenant.api.get("/v1/subscribers?archived=true"))["items"]:
        texts.append(json.dumps(one))
        account_id = one["subscriber_id"]
        texts.append(repr(list(store.subject_data.items(account_id=account_id))))
        texts.append(repr(store.privacy.of_subject(subject_id=account_id)))
    for item in desk.items("IDEM#"):
        place = f"tenants|{item['pk']['S']}|{item['sk']['S']}|answer"
        sealed = b64decode(item["answer"]["B"])
        texts.append(store.keys.open(family="op", place=place, sealed=sealed).decode())
    return "".join(texts)


def test_a_subscriber_gets_everything_about_them_and_nothing_about_others(
    desk: Desk, mailbox: InMemoryMailer
) -> None:
    word, other = f"mine{secrets.token_hex(4)}", f"other{secrets.token_hex(4)}"
    person, stranger = life_of(desk, word), life_of(desk, other)
    portal, own = portal_of(desk, person), "/v1/portal/privacy-requests"

    request = created(portal.post(own, json={"kind": "access", "text": f"{word}asks"}))
    (listed,) = ok(portal.get(own))["items"]
    download = f"{own}/{request['privacy_request_id']}/download"
    files = unzipped(ok(portal.get(download))["url"])

    assert (listed["state"], listed["proof"], listed["due_on"]) == ("done", "session", "2041-06-14")
    told = {name: person[name] for name in planted(word)}
    for name in ("your-data.html", "person.jsonl", "stored_items.jsonl"):
        assert [field for field, value in told.items() if value not in files[name]] == [], name
    everything = "".join(files.values())
    for canary in ("invoice", "cheque", "receipt", "asks", "street 7", *BY_OTHERS):
        assert f"{word}{canary}" in everything, canary
        assert f"{word}{canary}" in files["your-data.html"], canary
    owner = desk.tenant.store.staff.find_by_email(email=desk.tenant.email)
    assert owner is not None
    for foreign in (other, stranger["subscriber_id"], owner.staff_id, desk.tenant.email):
        assert foreign not in everything
    assert json.loads(files["sessions.jsonl"])["session_id"].startswith("sss_")
    assert described(files) == {name.removesuffix(".jsonl") for name in files if name.endswith(".jsonl")}
    assert "Simple Email Service" in files["recipients.jsonl"]
    foreign_download = portal_of(desk, stranger).get(download)
    assert foreign_download.problem == (404, "not_found", "privacy_request_id")
    told_by_mail = [mail.text for mail in mailbox.sent if mail.to == person["email"]]
    assert len(told_by_mail) == 2
    assert all(request["privacy_request_id"] in text for text in told_by_mail)


def test_somebody_who_works_there_gets_their_own_copy(desk: Desk) -> None:
    word = f"them{secrets.token_hex(4)}"
    person = life_of(desk, word)
    api = desk.tenant.api
    ok(api.put("/v1/retention/access_log", json={"days": 90}, headers={"If-Match": '"1"'}))

    request = created(api.post("/v1/me/privacy-requests", json={"kind": "export"}))
    path = f"/v1/me/privacy-requests/{request['privacy_request_id']}/download"
    files = unzipped(ok(api.get(path))["url"])

    everything = "".join(files.values())
    assert desk.tenant.email in files["person.jsonl"]
    assert {"person", "stored_items", "consents"} <= described(files)
    (asked,) = (one for one in entries_of(files) if one["action"] == "privacy.requested")
    assert asked["about"] == request["privacy_request_id"]
    assert '"action": "subscriber.created", "by": "you"' in files["audit_entries.jsonl"]
    assert '"90 days after the access"' in files["processing.jsonl"], "as it is kept by this company"
    assert api.caller.partition("::")[0] in files["audit_entries.jsonl"]
    assert word not in everything
    assert person["subscriber_id"] not in everything


def test_an_erasure_leaves_what_law_asks_for_and_says_so(desk: Desk, mailbox: InMemoryMailer) -> None:
    word, other = f"gone{secrets.token_hex(4)}", f"stays{secrets.token_hex(4)}"
    person, stays = life_of(desk, word), life_of(desk, other)
    token = portal_session_as(desk.services, desk.tenant, person["subscriber_id"], NOW)
    portal = replace(desk.tenant.api, portal=lambda: token)
    ok(portal.get("/v1/portal/me"))
    created(portal.post("/v1/portal/privacy-requests", json={"kind": "objection", "purposes": [SECURITY]}))
    copy = taken_in(desk, person, "access")
    ok(complete(desk, copy))
    before = everything_stored(desk)
    assert before.count(word) > 15
    request = taken_in(desk, person, "deletion", text=f"{word}please")

    answered = ok(complete(desk, request))
    left = everything_stored(desk)
    now = shown(desk, request)

    assert (answered["state"], now["state"], now["overdue"]) == ("in_work", "done", False)
    assert set(re.findall(rf"{word}\w+", left)) == {f"{word}{one}" for one in KEPT_WORDS}
    assert left.count(other) == before.count(other)
    assert ok(desk.tenant.api.post("/v1/subscriber-searches", json={"text": person["email"]}))["items"] == []
    assert portal.get("/v1/portal/me").status == 401
    by_them = ok(desk.tenant.api.get(f"/v1/audit?actor_id={person['subscriber_id']}"))["items"]
    assert {one["address"] for one in by_them} == {None}
    earlier = f"{REQUESTS}/{copy['privacy_request_id']}/download"
    assert desk.tenant.api.get(earlier).problem == (410, "file_expired", None)
    assert {one["until"] for one in now["kept"]} == {"2048-07-01"}
    assert {one["number"][:3] for one in now["kept"]} == {"INV", "RCP"}
    assert "Tax and accounting law" in now["kept_because"]
    assert (now["text"], now["seen"], now["address"]) == ("", "", "")
    for words in ("2 documents of the books", "customer number, balance", "payments online"):
        assert words in mailbox.last_to(person["email"]).text
    assert person["email"] not in json.dumps(now)
    invoice = ok(desk.tenant.api.get(f"/v1/subscribers/{person['subscriber_id']}/invoices"))["items"][0]
    assert invoice["recipient"]["name"] == person["name"]
    assert shown_person(desk, stays)["name"] == stays["name"]
    evidence = ok(desk.tenant.api.get(f"{REQUESTS}/{request['privacy_request_id']}/evidence"))
    actions = {one["action"] for one in evidence["entries"]}
    assert actions >= {"privacy.requested", "privacy.answered", "privacy.completed"}
    assert word not in json.dumps(evidence)
    assert evidence["complete"]


def shown_person(desk: Desk, person: Item) -> Item:
    return ok(desk.tenant.api.get(f"/v1/subscribers/{person['subscriber_id']}"))


class Killed(Exception):
    """The process ended here."""


def test_an_erasure_that_is_killed_at_any_point_ends_the_same(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    word = f"gone{secrets.token_hex(4)}"
    person = life_of(desk, word)
    services, at = desk.services, desk.services.clock.now()
    store = services.stores.of(tenant_id=desk.tenant.tenant_id)
    erased = Erased(person["subscriber_id"], "prq_01JD0000000000000000000000", at)
    store.commit(store.privacy.note_erasure(erased=erased))
    kills, real = 0, DynamoTenantStore.commit
    monkeypatch.setattr("chalicelib.usecases.erasing.WRITES_PER_COMMIT", 1)

    def killed_after(commits: int) -> Iterator[None]:
        yield from (None for _ in range(commits))
        raise Killed

    while True:
        left = killed_after(1)

        def commit(self: DynamoTenantStore, *writes: Any, steps: Iterator[None] = left) -> None:
            next(steps)
            real(self, *writes)

        monkeypatch.setattr(DynamoTenantStore, "commit", commit)
        try:
            erase(store=services.stores.of(tenant_id=store.tenant_id), erased=erased, at=at)
        except Killed:
            kills += 1
            continue
        break
    monkeypatch.setattr(DynamoTenantStore, "commit", real)

    assert kills >= 3
    assert set(re.findall(rf"{word}\w+", everything_stored(desk))) == {f"{word}{one}" for one in KEPT_WORDS}
    assert [one.done_at for one in store.privacy.erasures()] == [at]
    # A restore brings the person back: the ledger is in another table, and is done again.
    restored = store.subscribers.get(subscriber_id=person["subscriber_id"])
    back = replace(restored, contact=replace(restored.contact, name=f"{word}name"))
    store.commit(*store.subscribers.change_profile(before=restored, after=back))
    assert repeat_erasures(store=store, sessions=services.sessions, at=at) == 1
    assert shown_person(desk, person)["name"] == ""


def test_who_has_service_or_credit_or_debt_is_not_erased(desk: Desk) -> None:
    counter = Counter(desk)
    request = taken_in(desk, counter.subscriber, "deletion")
    sold = desk.subscribe(counter.subscriber, desk.package())
    assert complete(desk, request).problem == (409, "subscriber_in_service", None)
    desk.change(sold, state="terminated")
    counter.pay(10_000)
    assert complete(desk, request).problem == (409, "subscriber_has_credit", None)
    counter.invoice(line(30_000))
    assert complete(desk, request).problem == (409, "subscriber_owes", "despite_debt")
    assert complete(desk, request, despite_debt=True).problem == (422, "invalid_value", "words")

    ok(complete(desk, request, despite_debt=True, words="the debt is too small to be asked for"))

    assert shown(desk, request)["state"] == "done"
    assert shown_person(desk, counter.subscriber)["name"] == ""


def test_a_correction_has_before_and_after_and_is_told(desk: Desk, mailbox: InMemoryMailer) -> None:
    person = desk.subscriber(name="Ayesha Khan", email="ayesha@mail.example")
    request = taken_in(desk, person, "correction", changes={"name": "Ayesha Aslam", "email": NEW})

    ok(complete(desk, request))

    assert shown_person(desk, person)["name"] == "Ayesha Aslam"
    path = f"/v1/audit?object_id={person['subscriber_id']}&action=subscriber.changed"
    (entry,) = ok(desk.tenant.api.get(path))["items"]
    mails = ["ayesha@mail.example", NEW]
    assert entry["personal"] == {"name": ["Ayesha Khan", "Ayesha Aslam"], "email": mails}
    assert entry["details"]["request"] == request["privacy_request_id"]
    assert "corrected" in mailbox.last_to("ayesha@mail.example").text  # where it was hers before
    assert complete(desk, request).problem == (409, "privacy_request_closed", None)


def test_a_person_has_one_open_request_of_a_kind_also_where_two_come_at_one_instant(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    person, other = desk.subscriber(name="Ayesha Khan"), desk.subscriber(name="Bilal")
    words = {"kind": "correction", "text": "it is spelled otherwise"}
    portal, own = portal_of(desk, person), "/v1/portal/privacy-requests"
    first = created(portal.post(own, json=words))
    assert portal.post(own, json=words).problem == (409, "privacy_request_open", None)

    # As both of two read it before either was written.
    monkeypatch.setattr(privacy_requests, "check_room", lambda **_: None)

    assert portal.post(own, json=words).problem == (409, "privacy_request_open", None)
    created(portal.post(own, json={"kind": "deletion"}))
    created(portal_of(desk, other).post(own, json=words))
    ok(portal.post(f"{own}/{first['privacy_request_id']}/withdrawal"))
    created(portal.post(own, json=words))


def test_from_outside_an_address_is_proven_and_nobody_learns_who_there_is(
    desk: Desk, api: ApiClient, mailbox: InMemoryMailer
) -> None:
    desk.subscriber(name="Zainab", email="zainab@mail.example")
    body = {"subdomain": desk.tenant.subdomain, "kind": "access", "text": "what do you know"}
    known = api.post(REQUESTS, json={**body, "email": "zainab@mail.example"})
    unknown = api.post(REQUESTS, json={**body, "email": "nobody@mail.example"})
    nowhere = api.post(REQUESTS, json={**body, "email": "a@mail.example", "subdomain": "no-such-isp"})
    aimless = api.post(REQUESTS, json={**body, "kind": "objection", "email": "zainab@mail.example"})
    assert aimless.problem == (422, "invalid_value", "purposes")  # and no code for it
    assert [one.text for one in (known, unknown, nowhere)] == ['{"accepted":true}'] * 3
    mails = [mailbox.last_to(f"{who}@mail.example").text for who in ("zainab", "nobody")]
    assert len({re.sub(r"pcf_\S+", "", one) for one in mails}) == 1
    assert ok(desk.tenant.api.get(REQUESTS))["items"] == []

    for mail in mails:
        code = next(one for one in mail.split() if one.startswith("pcf_"))
        assert api.post("/v1/privacy-request-confirmations", json={"token": code}).status == 204
        again = api.post("/v1/privacy-request-confirmations", json={"token": code})
        assert again.problem == (422, "token_not_valid", "token")

    found = ok(desk.tenant.api.get(REQUESTS))["items"]
    stranger, zainab = sorted(found, key=lambda one: str(one["state"]))
    assert (zainab["state"], zainab["proof"], zainab["channel"]) == ("received", "code", "mail")
    assert (stranger["state"], stranger["proof"], stranger["subject_id"]) == ("identity_asked", "none", None)
    assert complete(desk, stranger).problem == (409, "identity_not_proven", None)
    seen = f"{REQUESTS}/{stranger['privacy_request_id']}/identity"
    ok(desk.tenant.api.post(seen, json={"seen": "a letter with a signature"}))
    ok(complete(desk, stranger, words="we hold nothing about you"))
    assert "we hold nothing" in mailbox.last_to("nobody@mail.example").text


def test_what_is_asked_of_the_platform_itself_goes_to_its_operator_and_to_no_isp(
    desk: Desk, services: EngineServices, other_tenant: SignedIn
) -> None:
    desk.subscriber(name="Zainab", email="zainab@mail.example")
    body = {"kind": "access", "email": "zainab@mail.example", "text": "of the public pages"}
    nobodys = desk_of(services, replace(other_tenant, subdomain="")).visitor
    assert nobodys.post(REQUESTS, json=body).problem == (422, "invalid_value", "subdomain")
    platform = desk_of(services, other_tenant)
    operator = platform.company.owner

    assert platform.visitor.post(REQUESTS, json=body).status == 202
    mail = platform.services.mailer.last_to("zainab@mail.example").text
    code = next(one for one in mail.split() if one.startswith("pcf_"))
    confirmed = platform.visitor.post("/v1/privacy-request-confirmations", json={"token": code})

    assert confirmed.status == 204
    [found] = ok(operator.get(REQUESTS))["items"]
    assert (found["state"], found["subject_id"], found["channel"]) == ("identity_asked", None, "mail")
    assert ok(desk.tenant.api.get(REQUESTS))["items"] == []


def test_the_clock_is_seen_moved_once_and_reminded_of(
    desk: Desk, mailbox: InMemoryMailer, clock: FakeClock
) -> None:
    person = desk.subscriber(name="Zainab", email="zainab@mail.example")
    request = taken_in(desk, person, "deletion")
    later = taken_in(desk, person, "correction", changes={"name": "Zainab Aslam"})
    path = f"{REQUESTS}/{later['privacy_request_id']}/extension"
    too_late = desk.tenant.api.post(path, json={"until": "2041-08-16", "reason": "much to do"})
    assert too_late.problem == (422, "invalid_extension", "until")
    ok(desk.tenant.api.post(path, json={"until": "2041-08-15", "reason": "much to do"}))
    assert "much to do" in mailbox.last_to("zainab@mail.example").text
    for day, subjects in ((15, 0), (16, 1), (17, 1), (28, 2), (31, 3)):
        clock.set(NOW + timedelta(days=day))
        keep_privacy_requests(desk.services, {})
        to_staff = [mail.subject for mail in mailbox.sent if mail.to == desk.tenant.email]
        assert sum("privacy request" in one for one in to_staff) == subjects, day
    desk.sign_in_again()

    first, second = ok(desk.tenant.api.get(f"{REQUESTS}?waiting=true"))["items"]

    assert (first["privacy_request_id"], first["days_left"], first["overdue"]) == (
        request["privacy_request_id"],
        -1,
        True,
    )
    assert (second["due_on"], second["extended"], second["overdue"]) == ("2041-08-15", True, False)


def test_what_got_lost_is_begun_again_within_the_hour(
    desk: Desk, mailbox: InMemoryMailer, clock: FakeClock
) -> None:
    person = desk.subscriber(name="Zainab", email="zainab@mail.example")
    request = taken_in(desk, person, "access")
    services = vars(desk.services)
    at_once, services["export_queue"] = services["export_queue"], Away()
    mailbox.broken = True
    ok(complete(desk, request))
    services["export_queue"], mailbox.broken = at_once, False
    clock.advance(timedelta(hours=1))

    keep_privacy_requests(desk.services, {})

    assert shown(desk, request)["state"] == "done"
    assert "The file is made" in mailbox.last_to("zainab@mail.example").text
    ok(desk.tenant.api.get(f"{REQUESTS}/{request['privacy_request_id']}/download"))
