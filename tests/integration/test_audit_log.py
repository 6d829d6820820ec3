"""The audit log over HTTP: what entries tell, to whom; filters and cursors; files of it."""

from __future__ import annotations

import csv
import io
import json
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.domain.staff import Role
from tests.fakes.clock import FakeClock
from tests.integration.auditing import Auditor
from tests.integration.conftest import EngineServices, SignedIn
from tests.integration.counter import Counter, pkr
from tests.integration.importing import Importer
from tests.integration.shop import Item, Shop, created, if_match, ok, package_body
from tests.integration.test_round_trips import RoundTrips
from tests.integration.test_tenant_settings import session_as, tax_group

NATIONAL_ID = "35202-1234567-1"


@pytest.fixture
def shop(signed_in: SignedIn, services: EngineServices) -> Shop:
    return Shop(signed_in, services)


def listed(shop: Shop, **query: object) -> list[Item]:
    """Every entry that the filters let through, page by page."""
    found: list[Item] = []
    asked = "&".join(f"{name}={value}" for name, value in query.items())
    cursor = ""
    while True:
        page = ok(shop.tenant.api.get(f"/v1/audit?{asked}{cursor}"))
        found += page["items"]
        if page["next_cursor"] is None:
            return found
        cursor = f"&cursor={page['next_cursor']}"


def told(shop: Shop, action: str) -> Item:
    """The one entry of an action."""
    (entry,) = listed(shop, action=action)
    return entry


# -- what is told ----------------------------------------------------------------------------


def test_an_entry_tells_who_from_where_what_and_when(shop: Shop, services: EngineServices) -> None:
    me = ok(shop.tenant.api.get("/v1/me"))
    reply = shop.tenant.api.patch("/v1/tenant", json={"company": "Multan Net"}, headers={"If-Match": '"2"'})
    entry = told(shop, "tenant.changed")

    assert (entry["actor_id"], entry["object_id"]) == (me["staff"]["staff_id"], shop.tenant.tenant_id)
    assert entry["address"] == shop.tenant.api.caller
    assert entry["request_id"] == reply.headers["X-Request-Id"]
    assert entry["at"][:19] == entry["written_at"][:19] == services.clock.now().isoformat()[:19]
    assert (entry["readable"], entry["erased"], entry["details"]) == (True, False, {})
    assert entry["personal"] == {"company": ["Lahore Net", "Multan Net"]}


def test_addresses_and_persons_lie_sealed(shop: Shop, services: EngineServices) -> None:
    person = shop.subscriber(name="Ayesha Khan")
    path = f"/v1/subscribers/{person['subscriber_id']}"
    ok(shop.tenant.api.patch(path, json={"name": "Bilal Aslam"}, headers=if_match(person)))
    raw = json.dumps(Auditor(shop.tenant, services).raw(), default=str)

    assert shop.tenant.api.caller not in raw
    assert "Ayesha" not in raw
    assert "Bilal" not in raw


def test_a_changed_subscriber_is_told_before_and_after(shop: Shop) -> None:
    person = shop.subscriber(name="Ayesha Khan", national_id=NATIONAL_ID, area="Gulberg")
    path = f"/v1/subscribers/{person['subscriber_id']}"
    change = {"name": "Ayesha Aslam", "national_id": "35202-7654321-9", "area": "Model Town"}
    ok(shop.tenant.api.patch(path, json=change, headers=if_match(person)))
    entry = told(shop, "subscriber.changed")

    assert entry["details"] == {"changed": ["area", "name", "national_id"]}
    assert entry["personal"] == {
        "area": ["Gulberg", "Model Town"],
        "name": ["Ayesha Khan", "Ayesha Aslam"],
        "national_id": ["***********67-1", "***********21-9"],
    }


def test_words_about_people_are_personal_for_they_go_with_them(shop: Shop) -> None:
    counter, word = Counter(shop), "Ayesha took it back"
    paid = counter.pay(5_000)
    created(counter.send(f"/v1/documents/{paid['document_id']}/reversal", {"reason": word}))
    waived = [{"fee": "activation", "reason": "Ayesha is my aunt"}]
    package = shop.package(activation_fee=pkr(100))
    shop.subscribe(counter.subscriber, package, waive_fees=waived)

    reversed_, sold = told(shop, "payment.reversed"), told(shop, "subscription.created")
    assert (reversed_["personal"], "reason" in reversed_["details"]) == ({"reason": word}, False)
    assert sold["personal"] == {"waived": {"activation": "Ayesha is my aunt"}}
    assert (sold["details"]["package_id"], "waived" in sold["details"]) == (package["package_id"], False)


def test_names_that_may_be_peoples_are_personal(shop: Shop) -> None:
    api, names = shop.tenant.api, ("code", "name")
    person = shop.subscriber(code="ayesha.khan")
    made = created(api.post("/v1/api-keys", json={"name": "Ayesha's till", "permissions": ["audit:read"]}))
    created(api.post("/v1/funds", json={"name": "Ayesha's drawer", "channel": "cash"}))
    assert api.delete(f"/v1/api-keys/{made['api_key']['key_id']}").status == 204

    entries = [
        told(shop, action)
        for action in ("subscriber.created", "api_key.made", "api_key.revoked", "fund.opened")
    ]
    assert [one["personal"] for one in entries] == [
        {"code": person["code"]},
        *({"name": name} for name in ("Ayesha's till", "Ayesha's till", "Ayesha's drawer")),
    ]
    assert not any(name in one["details"] for one in entries for name in names)


def test_changes_of_packages_subscriptions_and_taxes_are_told(shop: Shop) -> None:
    api = shop.tenant.api
    package = created(api.post("/v1/packages", json=package_body(name="Home 20")))
    path = f"/v1/packages/{package['package_id']}"
    ok(api.patch(path, json={"name": "Home 30"}, headers=if_match(package)))
    subscription = shop.subscribe(shop.subscriber(), package)
    shop.change(subscription, state="suspended")
    ok(api.put("/v1/tenant/tax-groups/vat", json=tax_group(), headers={"If-Match": '"2"'}))

    assert told(shop, "package.changed")["details"]["name"] == ["Home 20", "Home 30"]
    assert told(shop, "subscription.changed")["details"]["state"] == ["active", "suspended"]
    before, after = told(shop, "tenant.tax_group_put")["details"]["tax_group"]
    assert (before, after["code"]) == (None, "vat")


def test_a_national_id_that_is_shown_is_written_down(shop: Shop, services: EngineServices) -> None:
    shown, other = shop.subscriber(national_id=NATIONAL_ID), shop.subscriber(name="Ali")
    trips = RoundTrips(services)
    for person in (shown, other):
        ok(shop.tenant.api.get(f"/v1/subscribers/{person['subscriber_id']}"))
    with trips.counted() as operations:
        ok(shop.tenant.api.get(f"/v1/subscribers/{other['subscriber_id']}"))
    entry = told(shop, "subscriber.identity_shown")

    assert (entry["object_id"], entry["details"]) == (shown["subscriber_id"], {"fields": ["national_id"]})
    assert len(operations) == 2


def test_an_answer_that_is_repeated_shows_it_too(shop: Shop) -> None:
    api, key = shop.tenant.api, {"Idempotency-Key": "once"}
    body = {"code": "A-1", "national_id": NATIONAL_ID, "tax_id": "1234567-8"}
    made = created(api.post("/v1/subscribers", json=body, headers=key))
    assert listed(shop, action="subscriber.identity_shown") == []

    again = api.post("/v1/subscribers", json=body, headers=key)

    assert (again.headers["Idempotent-Replayed"], again.json["national_id"]) == ("true", NATIONAL_ID)
    entry = told(shop, "subscriber.identity_shown")
    assert (entry["object_id"], entry["details"]) == (
        made["subscriber_id"],
        {"fields": ["national_id", "tax_id"], "replayed": True},
    )
    assert entry["request_id"] == again.headers["X-Request-Id"]


def test_a_repeated_answer_that_shows_none_is_not_written_down(shop: Shop) -> None:
    api, key = shop.tenant.api, {"Idempotency-Key": "once"}
    for _ in range(2):
        created(api.post("/v1/subscribers", json={"code": "A-1", "name": "Ali"}, headers=key))

    assert listed(shop, action="subscriber.identity_shown") == []


def test_a_preview_of_an_import_is_written_down(shop: Shop, services: EngineServices) -> None:
    file = f"customer id,CNIC\nA-1,{NATIONAL_ID}\nA-2,\n".encode()
    import_id = Importer(services, shop.tenant).upload(file)

    preview = ok(shop.tenant.api.get(f"/v1/imports/{import_id}/preview"))

    assert NATIONAL_ID in str(preview["rows"])
    entry = told(shop, "import.previewed")
    assert (entry["object_id"], entry["details"]) == (import_id, {"fields": ["national_id"], "rows": 2})
    assert NATIONAL_ID not in str(entry)


def test_archiving_what_is_archived_shows_it_too(shop: Shop) -> None:
    person = shop.subscriber(national_id=NATIONAL_ID)
    for _ in range(2):
        ok(shop.tenant.api.post(f"/v1/subscribers/{person['subscriber_id']}/archive"))

    assert len(listed(shop, action="subscriber.archived")) == 1
    assert len(listed(shop, action="subscriber.identity_shown")) == 1


# -- who may look ----------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/v1/audit", "/v1/audit/verification"])
@pytest.mark.parametrize(
    ("role", "status"),
    [(Role.OWNER, 200), (Role.ADMIN, 200), (Role.AUDITOR, 200), (Role.BILLING, 403), (Role.SUPPORT, 403)],
)
def test_owners_admins_and_auditors_may_look(
    shop: Shop, services: EngineServices, path: str, role: Role, status: int
) -> None:
    reply = shop.tenant.api.bearer(session_as(services, shop.tenant, role)).get(path)

    assert reply.status == status
    if status == 403:
        assert reply.problem == (403, "permission_denied", None)


def test_another_tenant_sees_nothing(shop: Shop, other_tenant: SignedIn, services: EngineServices) -> None:
    person = shop.subscriber()
    page = ok(shop.tenant.api.get("/v1/audit?limit=1"))
    theirs = other_tenant.api
    verified = ok(theirs.get("/v1/audit/verification"))

    assert ok(theirs.get(f"/v1/audit?object_id={person['subscriber_id']}"))["items"] == []
    assert {one["object_id"] for one in ok(theirs.get("/v1/audit"))["items"]} == {other_tenant.tenant_id}
    assert theirs.get(f"/v1/audit?limit=1&cursor={page['next_cursor']}").code == "invalid_cursor"
    assert verified["entries"] == 0


# -- filters and cursors ---------------------------------------------------------------------


def test_filters_by_object_person_and_action(shop: Shop, clock: FakeClock) -> None:
    one, other = shop.subscriber(), shop.subscriber()
    clock.advance(timedelta(seconds=1))
    ok(shop.tenant.api.post(f"/v1/subscribers/{one['subscriber_id']}/archive"))
    me = ok(shop.tenant.api.get("/v1/me"))["staff"]["staff_id"]

    def actions(**query: object) -> list[str]:
        return [entry["action"] for entry in listed(shop, **query)]

    assert actions(object_id=one["subscriber_id"]) == ["subscriber.archived", "subscriber.created"]
    assert actions(object_id=other["subscriber_id"]) == ["subscriber.created"]
    assert actions(action="subscriber.created", actor_id=me) == ["subscriber.created"] * 2
    assert actions(actor_id="stf_nobody") == []
    assert actions(object_id=one["subscriber_id"], action="subscriber.archived") == ["subscriber.archived"]


def test_pages_go_through_months_in_either_order(shop: Shop, services: EngineServices) -> None:
    auditor = Auditor(shop.tenant, services)
    for _ in range(3):
        auditor.write(2)
        auditor.clock.advance(timedelta(days=40))
        shop.sign_in_again()
        auditor.tenant = shop.tenant
    newest = [entry["entry_id"] for entry in listed(shop, limit=2)]
    oldest = [entry["entry_id"] for entry in listed(shop, limit=3, oldest_first="true")]

    assert newest == sorted(newest, reverse=True)
    assert oldest == newest[::-1]
    assert len(set(newest)) == 8 == len(newest)


def test_a_period_is_half_open(shop: Shop, services: EngineServices) -> None:
    auditor = Auditor(shop.tenant, services)
    begun = auditor.clock.now()
    auditor.write(3)

    def seconds(since: int, before: int) -> int:
        period = [f"{begun + timedelta(seconds=one):%Y-%m-%dT%H:%M:%SZ}" for one in (since, before)]
        return len(listed(shop, **{"from": period[0], "to": period[1]}))

    assert [seconds(0, 4), seconds(1, 3), seconds(3, 4), seconds(3, 3), seconds(4, 9)] == [5, 2, 1, 0, 0]


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ("from=yesterday", "from"),
        ("to=2026-11-01T00:00:00", "to"),
        ("limit=0", "limit"),
        ("object_id=", "object_id"),
        ("format=xml", "format"),
        ("actor=x", "actor"),
    ],
)
def test_what_is_no_filter_is_refused(shop: Shop, query: str, param: str) -> None:
    reply = shop.tenant.api.get(f"/v1/audit?{query}")

    assert (reply.status, reply.json["param"]) == (422, param)


@pytest.mark.parametrize("year", ["0001", "9999"])
def test_any_time_is_a_time(shop: Shop, year: str) -> None:
    begins, ends = f"{year}-01-01T00:00:00Z", f"{year}-12-31T00:00:00Z"

    assert len(listed(shop, to=ends)) == (2 if year == "9999" else 0)
    assert len(listed(shop, **{"from": begins})) == (2 if year == "0001" else 0)


def test_what_was_altered_is_listed_as_unreadable(shop: Shop, services: EngineServices) -> None:
    auditor = Auditor(shop.tenant, services)
    auditor.write(1)
    *_, entry = auditor.raw()
    auditor.put({**entry, "details": {"B": "AAAA"}})

    assert [one["readable"] for one in listed(shop)] == [False, True, True]


# -- files -----------------------------------------------------------------------------------


def test_a_period_as_a_file_has_the_same_entries_and_is_audited(shop: Shop, clock: FakeClock) -> None:
    shop.subscriber(name="=cmd")
    as_json = [entry["entry_id"] for entry in listed(shop, oldest_first="true")]
    clock.advance(timedelta(seconds=1))
    as_lines = shop.tenant.api.get("/v1/audit?format=jsonl&oldest_first=true&limit=200")
    first = shop.tenant.api.get("/v1/audit?format=csv&oldest_first=true&limit=2")
    cursor = first.headers["X-Next-Cursor"]
    second = shop.tenant.api.get(f"/v1/audit?format=csv&oldest_first=true&limit=2&cursor={cursor}")
    rows: list[Any] = [*csv.DictReader(io.StringIO(first.text)), *csv.DictReader(io.StringIO(second.text))]
    exported = listed(shop, action="audit.exported")

    assert [json.loads(line)["entry_id"] for line in as_lines.text.splitlines()][: len(as_json)] == as_json
    assert [row["entry_id"] for row in rows][: len(as_json)] == as_json
    assert [first.headers["Content-Type"], as_lines.headers["Content-Type"]] == [
        "text/csv; charset=utf-8",
        "application/jsonl",
    ]
    assert len(exported) == 2
