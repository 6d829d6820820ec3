"""What is past its time goes, and is counted; what is not stays; and no pass that is killed loses its way."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from chalicelib.domain.data_map import Purpose
from chalicelib.jobs import retention as job
from chalicelib.jobs.exports import work_exports
from chalicelib.jobs.retention import keep_retention
from chalicelib.jobs.tenants import PassIncomplete
from chalicelib.store import retention as stored
from chalicelib.usecases.audit_verification import verify_piece
from chalicelib.usecases.retention import take_away
from tests.fakes.api_client import ApiClient
from tests.fakes.clock import FakeClock
from tests.fakes.queues import AtOnce
from tests.integration.auditing import Auditor
from tests.integration.capped import cap, go_to, record, sold, wake
from tests.integration.conftest import EngineServices, SignedIn, sign_up_and_in
from tests.integration.privacy_desk import Desk, complete, shown, taken_in
from tests.integration.shop import Item, Shop, created, ok

NOON = datetime(2026, 12, 1, 7, 0, tzinfo=UTC)
YEAR = timedelta(days=365)


@pytest.fixture
def shop(clock: FakeClock, api: ApiClient, services: EngineServices) -> Shop:
    clock.set(NOON)
    return Shop(sign_up_and_in(api, services), services)


def passed(shop: Shop, at: datetime, steps: int = 1_000) -> bool:
    """A pass at an instant that may make so many steps; whether it saw to everything."""
    left = iter(range(steps))
    return take_away(
        retention=shop.services.retention(tenant_id=shop.tenant.tenant_id),
        tenant=shop.tenant.store.profile(),
        at=at,
        out_of_time=lambda: next(left, None) is None,
    )


def counts(shop: Shop) -> dict[str, dict[str, int]]:
    return {one["on"]: one["counts"] for one in ok(shop.tenant.api.get("/v1/retention/reports"))["items"]}


def addresses(shop: Shop) -> int:
    return sum("access" in item for item in shop.items("AUD#"))


def test_addresses_of_old_entries_go_and_the_chain_stays_whole(
    shop: Shop, services: EngineServices, clock: FakeClock
) -> None:
    auditor = Auditor(shop.tenant, services)
    auditor.write(3)
    auditor.seal()
    entries = len(shop.items("AUD#"))
    assert addresses(shop) >= 3
    young = NOON + YEAR

    assert passed(shop, young - timedelta(minutes=5))
    assert addresses(shop) >= 3, "what is not a year old stays"
    gone = addresses(shop)
    assert passed(shop, young + timedelta(days=1))

    assert (addresses(shop), len(shop.items("AUD#"))) == (0, entries)
    assert counts(shop) == {"2027-12-02": {"access_log": gone}}
    verified = verify_piece(
        store=auditor.store,
        anchors=shop.services.anchors,
        start=None,
        entries_max=1_000,
        at=clock.now(),
    )
    assert (verified.flaws, verified.entries) == ((), entries)
    assert passed(shop, young + timedelta(days=2))
    assert len(counts(shop)) == 1, "nothing is taken away twice"


def test_an_entry_shows_its_address_until_it_is_taken_away(shop: Shop) -> None:
    def shown() -> list[str]:
        found = ok(shop.tenant.api.get("/v1/audit"))["items"]
        return [one["address"] for one in found if one["action"] == "package.created"]

    shop.package()
    assert all(shown())

    assert passed(shop, NOON + YEAR + timedelta(days=1))

    assert set(shown()) == {None} or set(shown()) == {""}


def test_what_was_used_long_ago_goes_and_what_is_younger_stays(shop: Shop, clock: FakeClock) -> None:
    line = sold(shop, cap=cap())
    ok(record(shop, line, "december", 10))
    go_to(shop, clock, date(2027, 1, 10))
    ok(record(shop, line, "january", 20))

    def used() -> list[str]:
        return sorted(item["sk"]["S"] for item in shop.items("A#") if item["sk"]["S"].startswith("US"))

    assert len(used()) == 4
    assert passed(shop, datetime(2028, 1, 2, 7, 0, tzinfo=UTC))

    assert used() == ["USE#001#20270101", "USR#001#january"]
    assert counts(shop)["2028-01-02"]["traffic"] == 2
    assert passed(shop, datetime(2028, 1, 30, 7, 0, tzinfo=UTC)), "the accounts are walked once a month"


def test_jobs_of_old_go_and_those_at_work_stay(shop: Shop) -> None:
    api = shop.tenant.api
    waiting = created(api.post("/v1/imports", json={"file_name": "a.csv", "size_bytes": 10}))
    assert api.post("/v1/exports", json={}).status == 202

    assert passed(shop, NOON + YEAR - timedelta(days=1))
    assert len(shop.items("JOB#")) >= 2
    assert passed(shop, NOON + YEAR + timedelta(days=1))

    left = [item["sk"]["S"] for item in shop.items("JOB#")]
    assert waiting["import_id"] not in left
    assert [one for one in left if one.startswith("exp_")], "the export is queued still"


def test_what_was_said_in_privacy_requests_of_old_goes_and_what_an_erasure_kept_stays(
    shop: Shop, services: EngineServices
) -> None:
    vars(services)["export_queue"] = AtOnce(services, work_exports)
    desk = Desk(shop.tenant, services)
    told = {"email": "ayesha@mail.example", "name": "Ayesha"}
    person, gone = shop.subscriber(**told), shop.subscriber(**{**told, "email": "gone@mail.example"})
    text = {"text": "what I wrote"}
    closed = taken_in(desk, person, "objection", purposes=[Purpose.SECURITY.value], **text)
    waiting = taken_in(desk, person, "deletion", **text)
    ok(complete(desk, closed))
    erased = taken_in(desk, gone, "deletion", **text)
    ok(complete(desk, erased))
    del vars(services)["export_queue"]
    before = [shown(desk, one) for one in (closed, erased)]

    assert passed(shop, NOON + 3 * YEAR - timedelta(days=1))
    assert [shown(desk, one) for one in (closed, erased)] == before
    assert passed(shop, NOON + 3 * YEAR + timedelta(days=1))

    now = shown(desk, closed)
    assert (now["text"], now["seen"], now["told"], now["history"]) == ("", "", [], [])
    assert (now["state"], now["closed_at"]) == ("refused", before[0]["closed_at"])
    assert shown(desk, erased) == before[1]
    assert shown(desk, waiting)["text"] == "what I wrote"
    assert [one.get("requests") for one in counts(shop).values() if "requests" in one] == [1]


def test_a_pass_that_is_ended_anywhere_is_finished_by_the_next(
    shop: Shop, services: EngineServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stored, "TAKEN_MAX", 1)
    Auditor(shop.tenant, services).write(3)
    had = addresses(shop)
    later = NOON + YEAR + timedelta(days=1)

    passes = 0
    while not passed(shop, later, steps=3):
        passes += 1

    assert passes >= had // 3
    assert addresses(shop) == 0
    assert sum(one["access_log"] for one in counts(shop).values()) == had


def test_time_is_looked_at_between_months_in_which_there_is_nothing_to_take(shop: Shop) -> None:
    later = NOON + 2 * YEAR

    passes = 1
    while not passed(shop, later, steps=4):
        passes += 1

    assert (passes > 2, addresses(shop)) == (True, 0)


def test_the_schedule_sees_to_every_tenant_and_tells_of_those_that_it_could_not(
    shop: Shop, services: EngineServices, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    Auditor(shop.tenant, services).write(1)
    clock.set(NOON + YEAR + timedelta(days=1))

    with monkeypatch.context() as hurried:
        hurried.setattr(job, "PASS_SECONDS_MAX", -1)
        with pytest.raises(PassIncomplete):
            keep_retention(shop.services, {})
    assert addresses(shop) > 0
    keep_retention(shop.services, {})

    assert addresses(shop) == 0


def test_a_company_keeps_less_and_never_more(
    shop: Shop, services: EngineServices, other_tenant: SignedIn
) -> None:
    api = shop.tenant.api
    before = ok(api.get("/v1/retention"))
    rules = {one["rule"]: one for one in before["items"]}
    assert (rules["access_log"]["days"], rules["books"]["fiscal_years"]) == (365, 7)

    def put(rule: str, days: int | None, version: int) -> Item:
        reply = api.put(f"/v1/retention/{rule}", json={"days": days}, headers={"If-Match": f'"{version}"'})
        return {"status": reply.status, **reply.json}

    after = put("access_log", 60, before["version"])
    assert (after["status"], after["version"]) == (200, before["version"] + 1)
    assert put("access_log", 400, after["version"])["code"] == "retention_too_long"
    assert put("access_log", 5, after["version"])["param"] == "days"
    assert put("books", 30, after["version"])["code"] == "unknown_retention_rule"
    assert put("access_log", 90, before["version"])["code"] == "stale_version"
    theirs = ok(other_tenant.api.get("/v1/retention"))
    assert {one["rule"]: one["days"] for one in theirs["items"]}["access_log"] == 365

    Auditor(shop.tenant, services).write(1)
    assert passed(shop, NOON + timedelta(days=61))
    assert addresses(shop) == 0
    assert put("access_log", None, after["version"])["items"][3]["days"] == 365


def test_a_kept_answer_is_not_shown_any_more_once_it_expired(shop: Shop, clock: FakeClock) -> None:
    subscriber = created(shop.tenant.api.post("/v1/subscribers", json={"code": "A-1"}))
    path = f"/v1/subscribers/{subscriber['subscriber_id']}/payments"
    body = {"amount": {"amount": 500, "currency": "PKR"}, "channel": "cash"}

    def pay() -> str:
        reply = shop.tenant.api.post(path, json=body, headers={"Idempotency-Key": "one"})
        return str(created(reply)["document_id"])

    first = pay()
    assert pay() == first
    expiring = [item for item in shop.items("IDEM#") if item["sk"]["S"].endswith("#one")]
    assert [int(item["ttl"]["N"]) for item in expiring] == [
        int((clock.now() + timedelta(days=90)).timestamp())
    ]
    wake(shop, clock, (clock.now() + timedelta(days=89)).date())
    assert pay() == first

    wake(shop, clock, (clock.now() + timedelta(days=1)).date())

    assert pay() != first
