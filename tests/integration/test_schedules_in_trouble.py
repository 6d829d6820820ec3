"""Schedules of the issue's promises when something is away: mail, passes, one company's records, or time."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property

import pytest

from chalicelib.domain.breaches import REMINDED_AT_HOURS
from chalicelib.domain.errors import Busy
from chalicelib.domain.lifecycle import NotCancelled
from chalicelib.jobs import privacy
from chalicelib.jobs.endings import InvalidEndingOrder
from chalicelib.jobs.policies import tell_of_policies
from chalicelib.jobs.privacy import keep_privacy_requests
from chalicelib.jobs.tenants import PassIncomplete
from chalicelib.local.gateway import Gateway
from chalicelib.store.acting import acting_for
from chalicelib.store.base import Database
from chalicelib.usecases.retention import take_away
from tests.fakes.clock import FakeClock
from tests.fakes.services import InMemoryMailer
from tests.fixtures_engine import EngineHandle
from tests.integration.auditing import Auditor
from tests.integration.conftest import NOW, EngineServices, SignedIn
from tests.integration.endings import DAY, HOUR, bills_name, chain_of, little
from tests.integration.policing import announced, policy
from tests.integration.privacy_desk import Desk, taken_in
from tests.integration.shop import Item, created, ok

YEAR = timedelta(days=365)


class OvertakenDatabase(Database):
    """A connection that is overtaken by another pass before its first deletion."""

    before: Callable[[], object]

    def commit(self, writes):  # type: ignore[no-untyped-def]
        """Let the other pass go first, once."""
        if any(one.kind == "delete" for one in writes):
            overtake, self.before = self.before, lambda: None
            overtake()
        super().commit(writes)


@dataclass(frozen=True)
class OvertakenServices(EngineServices):
    """Services of a pass that is overtaken."""

    before: Callable[[], object] = lambda: None

    @cached_property
    def database(self) -> Database:
        """The connection."""
        made = OvertakenDatabase(settings=self.settings, credentials=self.acting_credentials)
        made.before = self.before
        return made


def test_nobody_is_purged_untold_where_the_schedule_was_away_for_forty_days(
    gateway: Gateway, services: EngineServices
) -> None:
    ending = little(gateway, services)
    ending.cancel()

    ending.keep(40 * DAY)

    assert (ending.state, ending.mails("tomorrow")) == ("recovery", [ending.shop.tenant.email])
    assert "tenant.purge_postponed" in str(ending.shop.items("AUD#2041-06"))
    ending.keep(DAY - HOUR)
    assert ending.state == "recovery"
    ending.keep(HOUR)
    assert ending.state == "purging"
    assert len(ending.mails("tomorrow")) == 1


def test_an_owner_comes_back_in_the_day_that_was_added(gateway: Gateway, services: EngineServices) -> None:
    ending = little(gateway, services)
    ending.cancel()
    ending.keep(40 * DAY)
    ending.shop.sign_in_again()

    shown = ok(ending.shop.tenant.api.get("/v1/tenant/standing"))
    back = ok(ending.shop.tenant.api.post("/v1/tenant/recovery"))

    assert (shown["ending"]["days_left"], back["state"], ending.state) == (1, "active", "active")


def test_an_order_about_a_company_that_is_not_there_says_so(
    gateway: Gateway, services: EngineServices
) -> None:
    ending = little(gateway, services)

    assert ending.order(tenant_id=ending.tenant_id)["ending"] == 0
    with pytest.raises(InvalidEndingOrder):
        ending.order(tenant_id="ten_01ARZ3NDEKTSV4RRFFQ69G5FAV")


def breached(desk: Desk, clock: FakeClock) -> None:
    """Take down a breach that is noticed now."""
    now, begun = (f"{at:%Y-%m-%dT%H:%M:%SZ}" for at in (clock.now(), clock.now() - HOUR))
    when = {"noticed_at": now, "began_at": begun, "ended_at": now}
    breach = {**when, "what": "a laptop was stolen", "categories": ["names and contact details"]}
    created(desk.tenant.api.post("/v1/breaches", json=breach))


def test_reminders_that_the_mail_service_did_not_take_are_given_by_the_next_hour(
    signed_in: SignedIn, services: EngineServices, clock: FakeClock, mailbox: InMemoryMailer
) -> None:
    desk = Desk(signed_in, services)
    taken_in(desk, desk.subscriber(name="Zainab"), "correction", changes={"name": "Zainab Aslam"})
    clock.advance(17 * DAY)
    desk.sign_in_again()
    breached(desk, clock)
    clock.advance(timedelta(hours=73 - max(REMINDED_AT_HOURS)))

    mailbox.broken = True
    keep_privacy_requests(services, {})
    mailbox.broken = False
    for _ in range(2):
        clock.advance(HOUR)
        keep_privacy_requests(services, {})

    subjects = [mail.subject for mail in mailbox.sent if mail.to == signed_in.email]
    assert sum("privacy request" in one for one in subjects) == 1
    assert subjects.count("Tell the authority of a breach") == 1


def test_a_breach_is_reminded_of_where_a_request_cannot_be_read_and_where_time_is_short(
    signed_in: SignedIn,
    services: EngineServices,
    engine: EngineHandle,
    clock: FakeClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    desk = Desk(signed_in, services)
    taken_in(desk, desk.subscriber(name="Zainab"), "access")
    (request,) = (one for one in desk.items("PRV") if "received_at" in one)
    engine.client("dynamodb").update_item(
        TableName=services.settings.tenants_table,
        Key={name: request[name] for name in ("pk", "sk")},
        UpdateExpression="REMOVE received_at",
    )
    breached(desk, clock)
    clock.advance(timedelta(hours=50))

    with monkeypatch.context() as hurried:
        hurried.setattr(privacy, "PASS_SECONDS_MAX", -1)
        with pytest.raises(PassIncomplete, match="time ran out"):
            keep_privacy_requests(services, {})
    assert "Tell the authority of a breach" not in {one.subject for one in services.mailer.sent}
    with pytest.raises(PassIncomplete, match=signed_in.tenant_id):
        keep_privacy_requests(services, {})

    assert services.mailer.last_to(signed_in.email).subject == "Tell the authority of a breach"


def test_staff_of_others_are_told_where_a_record_of_one_company_is_broken(
    signed_in: SignedIn, other_tenant: SignedIn, services: EngineServices, engine: EngineHandle
) -> None:
    (member,) = Desk(signed_in, services).items("STAFF")
    key = {name: member[name] for name in ("pk", "sk")}
    table = services.settings.tenants_table
    engine.client("dynamodb").update_item(TableName=table, Key=key, UpdateExpression="REMOVE created_at")

    with announced(services, policy(on="2026-11-26"), policy(on=f"{(NOW + DAY).date()}")):
        for _ in range(2):
            with pytest.raises(PassIncomplete, match=signed_in.tenant_id):
                tell_of_policies(services, {})

    assert [one.to for one in services.mailer.sent if "new version" in one.subject].count(
        other_tenant.email
    ) == 1


def test_two_passes_that_found_the_same_count_it_once(signed_in: SignedIn, services: EngineServices) -> None:
    """The second pass does all of it while the first is about to take it away."""
    api, late = signed_in.api, NOW + YEAR + DAY
    created(api.post("/v1/imports", json={"file_name": "a.csv", "size_bytes": 10}))

    def take(by: EngineServices) -> bool:
        retention = by.retention(tenant_id=signed_in.tenant_id)
        return take_away(
            retention=retention, tenant=signed_in.store.profile(), at=late, out_of_time=lambda: False
        )

    first = OvertakenServices(
        settings=services.settings,
        clock=services.clock,
        environment=services.environment,
        before=lambda: take(services),
    )
    with suppress(Busy):
        take(first)
    reports = ok(api.get("/v1/retention/reports"))["items"]

    assert sum(one["counts"].get("jobs", 0) for one in reports) == 1


def test_a_month_of_a_million_audit_entries_is_gone_through_by_several_passes(
    gateway: Gateway, services: EngineServices
) -> None:
    ending = little(gateway, services)
    Auditor(ending.shop.tenant, services).write(3)
    store = services.stores.of(tenant_id=ending.tenant_id)

    def addresses() -> int:
        with acting_for(None):
            return sum("access" in one for one in ending.shop.items("AUD#"))

    had = addresses()

    def passed() -> bool:
        before = addresses()
        return store.life.erasure.erase_records(
            tenant=store.profile(), out_of_time=lambda: addresses() < before
        )

    assert not passed()
    assert 0 < addresses() < had
    for _ in range(had):
        passed()
    assert (addresses(), passed()) == (0, True)


def test_what_the_operator_orders_is_in_the_log_which_no_restored_table_takes_back(
    gateway: Gateway, services: EngineServices, capsys: pytest.CaptureFixture[str]
) -> None:
    ending = little(gateway, services)
    mine = {"tenant_id": ending.tenant_id}
    capsys.readouterr()

    held = ending.order(hold={**mine, "category": "everything", "reason": "Court order 12/2041"})
    ending.order(lift={**mine, "hold_id": held["hold_id"]})

    out = capsys.readouterr().out
    lines = [json.loads(line) for line in out.splitlines() if line.startswith("{")]
    told = [
        (one["message"], one["tenant_id"], one.get("category")) for one in lines if "hold" in one["message"]
    ]
    assert told == [
        ("hold set", ending.tenant_id, "everything"),
        ("hold lifted", ending.tenant_id, None),
    ]
    assert "Court order" not in out


# -- a wrong purge -----------------------------------------------------------------------------


def test_an_operator_gives_more_time_before_a_purge(gateway: Gateway, services: EngineServices) -> None:
    ending = little(gateway, services)
    asked = {"tenant_id": ending.tenant_id, "days": 7, "reason": "The owner is in hospital, ticket 9"}
    with pytest.raises(NotCancelled):
        ending.order(postpone=asked)
    ending.cancel()
    ending.keep(29 * DAY)

    told = ending.order(postpone=asked)
    for _ in range(6):
        ending.keep(DAY)

    assert told == {"purge_at": "2041-06-20T06:00:00+00:00"}
    assert (ending.state, len(ending.mails("tomorrow"))) == ("recovery", 2)
    ending.keep(DAY)
    assert ending.state == "purging"
    with pytest.raises(NotCancelled):
        ending.order(postpone=asked)


def test_a_wrong_purge_is_undone_of_restored_tables_as_operations_say(
    gateway: Gateway, services: EngineServices, engine: EngineHandle
) -> None:
    ending = little(gateway, services)
    ending.cancel()
    ending.keep(29 * DAY)
    tables, client = services.settings, engine.client("dynamodb")
    mine = {":mine": {"S": f"{ending.tenant_id}#"}, ":chain": {"S": f"{ending.tenant_id}#CHAIN"}}

    def of_the_company(table: str) -> list[Item]:
        found = client.get_paginator("scan").paginate(
            TableName=table,
            FilterExpression="begins_with(pk, :mine) and pk <> :chain",
            ExpressionAttributeValues=mine,
        )
        return [item for page in found for item in page["Items"]]

    before = {table: of_the_company(table) for table in (tables.tenants_table, tables.keys_table)}
    lock = {"pk": {"S": f"SUBDOMAIN#{ending.shop.tenant.subdomain}"}, "sk": {"S": "SUBDOMAIN"}}
    for after in (DAY, HOUR, HOUR):
        ending.keep(after)
    assert ending.state == "purged"

    for table, items in before.items():
        for item in items:
            client.put_item(TableName=table, Item=item)
    client.update_item(
        TableName=tables.platform_table,
        Key=lock,
        UpdateExpression="SET #state = :recovery REMOVE held_until",
        ExpressionAttributeNames={"#state": "state"},
        ExpressionAttributeValues={":recovery": {"S": "recovery"}},
    )
    for pk, sk in (
        (f"PURGE#{ending.tenant_id}", "PURGE"),
        ("CERTIFICATES", f"{ending.tenant_id}#purge"),
    ):
        client.delete_item(TableName=tables.platform_table, Key={"pk": {"S": pk}, "sk": {"S": sk}})
    ending.order(postpone={"tenant_id": ending.tenant_id, "days": 7, "reason": "purged by mistake"})
    ending.shop.sign_in_again()
    back = ok(ending.shop.tenant.api.post("/v1/tenant/recovery"))
    ending.shop.sign_in_again()

    assert (back["state"], bills_name(ending)) == ("active", {"Ali Raza"})
    (subscriber,) = ok(ending.shop.tenant.api.get("/v1/subscribers"))["items"]
    assert subscriber["name"] == "Ali Raza"
    ending.keep(HOUR)
    Auditor(ending.shop.tenant, services).seal()
    assert (ending.state, chain_of(ending).faults) == ("active", 0)
