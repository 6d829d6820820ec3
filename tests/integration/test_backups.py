"""Backups and restores on the engine: what comes back is what there was, and who was erased stays erased."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from itertools import count
from typing import Any

import pytest

from chalicelib.domain.backups import DRILLS, InvalidBackupName, Table
from chalicelib.jobs import backups as job
from chalicelib.jobs.backups import backup_files, backup_work, keep_backups, tables_in_use
from chalicelib.jobs.exports import work_exports
from chalicelib.jobs.restores import (
    InvalidRestoreOrder,
    RestoreUnsound,
    TablesAbsent,
    drill_restores,
    restored_names,
)
from chalicelib.local.gateway import Gateway
from chalicelib.ports.backups import FileThere, Scanned
from chalicelib.store.backup_source import DynamoBackupSource
from chalicelib.usecases.backup_restore import TablesThere
from chalicelib.usecases.backups import Pauses, newest_backup
from tests.fakes.api_client import ApiClient
from tests.fakes.clock import FakeClock
from tests.fakes.queues import AtOnce
from tests.integration.conftest import EngineServices, SignedIn
from tests.integration.counter import Counter, line
from tests.integration.endings import bills_name, little
from tests.integration.privacy_desk import Desk, complete, life_of, taken_in
from tests.integration.shop import Item, Shop, created, ok
from tests.integration.staffing import CHOSEN, Company

AT_ONCE = Pauses(quiet=timedelta(0), lag=timedelta(0), poll=timedelta(0))
WEEKS = count(1)


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """On the engine a transaction is told whole and at once: nothing has to be waited for."""
    monkeypatch.setattr(job, "PAUSES", AT_ONCE)


@pytest.fixture
def keeper(services: EngineServices, clock: FakeClock) -> Iterator[EngineServices]:
    """The services as the functions of backups have them, by their own roles; each time in a later week."""
    clock.advance(timedelta(weeks=next(WEEKS)))
    settings = replace(services.settings, tenant_role_arn="")
    yield EngineServices(settings=settings, clock=clock, environment=services.environment)
    services.database.bind()


@pytest.fixture
def desk(services: EngineServices, signed_in: SignedIn) -> Iterator[Desk]:
    """A tenant whose erasures are made when they are asked for."""
    vars(services)["export_queue"] = AtOnce(services, work_exports)
    yield Desk(signed_in, services)
    del vars(services)["export_queue"]


@pytest.fixture
def counter(tenant: SignedIn, services: EngineServices) -> Counter:
    """A subscriber with an invoice that is partly paid."""
    counter = Counter(Shop(tenant, services))
    counter.invoice(line(5_000), line(700))
    counter.pay(2_000)
    return counter


def backed_up(keeper: EngineServices) -> str:
    keep_backups(keeper, {})
    name = newest_backup(files=backup_files(keeper))
    assert name is not None
    return name


def by_key(items: list[Any]) -> dict[tuple[str, str], Any]:
    return {(item["pk"]["S"], item["sk"]["S"]): item for item in items}


class Meanwhile:
    """The tables in pages of a few items; between two of them somebody works."""

    def __init__(self, source: DynamoBackupSource, work: Callable[[], object], turns: int) -> None:
        self._source = source
        self._work = work
        self._turns = turns
        self.now, self.drain = source.now, source.drain

    def scan(self, *, table: Table, after: Mapping[str, str] | None) -> Scanned:
        """A page, and then some work."""
        page = self._source.scan(table=table, after=after)
        if table is Table.TENANTS and self._turns:
            self._turns -= 1
            self._work()
        return page


def test_books_that_are_written_to_meanwhile_come_back_whole_and_a_drill_leaves_nothing(
    keeper: EngineServices, counter: Counter, other_tenant: SignedIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = DynamoBackupSource(
        client=keeper.client("dynamodb"),
        streams=keeper.client("dynamodbstreams"),
        tables=tables_in_use(keeper.settings),
        items_per_page=8,
    )

    def sell() -> None:
        counter.invoice(line(1_000))
        counter.pay(300)

    work = replace(backup_work(keeper), source=Meanwhile(source, sell, turns=4), part_bytes=1)
    monkeypatch.setattr(job, "backup_work", lambda _: work)
    backup = backed_up(keeper)
    before = set(keeper.client("dynamodb").list_tables()["TableNames"])

    report = drill_restores(keeper, {})

    assert report["sound"], report
    assert (report["tenants"], report["documents"]) == (2, 2 * (1 + 4))
    assert (report["differing"], report["unreadable"], report["keys_destroyed"]) == ([], [], [])
    assert report["not_made"] == [f"alarms of {table.value}: none names the table" for table in Table]
    assert set(keeper.client("dynamodb").list_tables()["TableNames"]) == before
    [kept] = backup_files(keeper).names(prefix=f"{DRILLS}{backup}/")
    assert json.loads(backup_files(keeper).read(key=kept))["sound"] is True
    assert drill_restores(keeper, {}) == {"drilled": backup}  # each backup once
    assert keeper.wall.refused == []
    assert {"policy-backup_keeper.json", "policy-restore_driller.json"} <= keeper.wall.jobs


def test_who_was_erased_or_purged_since_does_not_come_back_and_all_else_does(
    keeper: EngineServices, desk: Desk, other_tenant: SignedIn, api: ApiClient
) -> None:
    desk.sign_in_again()
    company = Company(desk.tenant, desk.services, api)
    invitation = created(company.invite("billing"))["invitation"]
    left = created(company.accept(company.code(invitation["email"]), name="Bilal Ahmad"))["staff"]
    word, other, db = f"gone{secrets.token_hex(4)}", f"stays{secrets.token_hex(4)}", keeper.client("dynamodb")
    person, stays = life_of(desk, word), life_of(desk, other)
    names = restored_names(keeper, backup=backed_up(keeper), name="trial")
    in_use = by_key(db.scan(TableName=keeper.settings.tenants_table)["Items"])
    ok(complete(desk, taken_in(desk, person, "deletion")))
    asking = company.sign_in(invitation["email"], CHOSEN)
    request = created(asking.post("/v1/me/privacy-requests", json={"kind": "deletion", "text": "I leave"}))
    ok(company.owner.post(f"/v1/staff/{left['staff_id']}/disable", json={}))
    ok(complete(desk, request))
    other_tenant.store.life.shredding.destroy(wanted=lambda name: name in {"op#0001", "index#0001"})
    alarms = keeper.client("cloudwatch")
    alarms.put_metric_alarm(**alarm_of(keeper.settings.tenants_table))

    report = drill_restores(keeper, {"detail": {"restore": "trial"}})

    rows = by_key(db.scan(TableName=names[Table.TENANTS])["Items"])
    assert (report["sound"], report["unreadable"], report["differing"]) == (True, [], [])
    assert report["keys_destroyed"] == [other_tenant.tenant_id]
    assert (report["erasures"], report["erasures_left"], report["books_differing"]) == (2, [], [])
    assert "Bilal" not in record(desk, rows, left)
    listed = json.dumps(db.scan(TableName=names[Table.PLATFORM])["Items"], default=str)
    assert other_tenant.tenant_id not in listed
    assert not any(pk.startswith(other_tenant.tenant_id) for pk, _ in rows)
    [alarm] = alarms.describe_alarms(AlarmNames=[f"{names[Table.TENANTS]}-WriteThrottleEvents"])[
        "MetricAlarms"
    ]
    assert alarm["Dimensions"] == [{"Name": "TableName", "Value": names[Table.TENANTS]}]
    alarms.delete_alarms(AlarmNames=["tenants-throttled", alarm["AlarmName"]])
    assert word not in contact(desk, rows, person)
    assert other in contact(desk, rows, stays)
    mine = {key: item for key, item in in_use.items() if key[0].startswith(f"{desk.tenant.tenant_id}#A#")}
    untouched = {key: item for key, item in mine.items() if person["subscriber_id"][4:] not in key[0]}
    assert untouched.items() <= rows.items()
    with pytest.raises(TablesThere):
        drill_restores(keeper, {"detail": {"restore": "trial"}})
    checked = drill_restores(keeper, {"detail": {"check": "trial"}})  # as after the database's own restore
    assert (checked["sound"], checked["erasures"]) == (True, 2)
    for table, name in names.items():
        furnished(db, name, expiry="ttl" if table is Table.TENANTS else None)


def test_a_restore_of_which_somebody_lost_their_keys_is_not_sound(
    keeper: EngineServices, other_tenant: SignedIn
) -> None:
    backup = backed_up(keeper)
    keeper.keyring.destroy(tenant_id=other_tenant.tenant_id)

    with pytest.raises(RestoreUnsound) as told:
        drill_restores(keeper, {})

    assert told.value.report["unreadable"] == [other_tenant.tenant_id]
    assert drill_restores(keeper, {}) == {"drilled": backup}


def alarm_of(table: str) -> dict[str, Any]:
    return {
        "AlarmName": "tenants-throttled",
        "Namespace": "AWS/DynamoDB",
        "MetricName": "WriteThrottleEvents",
        "Dimensions": [{"Name": "TableName", "Value": table}],
        "Statistic": "Sum",
        "Period": 300,
        "EvaluationPeriods": 1,
        "Threshold": 0,
        "ComparisonOperator": "GreaterThanThreshold",
    }


def contact(desk: Desk, rows: Mapping[tuple[str, str], Any], person: Item) -> str:
    """What a restored table has of a person, opened."""
    key = f"{desk.tenant.tenant_id}#A#{person['subscriber_id'][4:]}", "ACCOUNT#PERSON"
    place = "tenants|" + "|".join(key) + "|contact"
    return desk.tenant.store.keys.open(family="op", place=place, sealed=rows[key]["d"]["B"]).decode()


def record(desk: Desk, rows: Mapping[tuple[str, str], Any], member: Item) -> str:
    """What a restored table has of who works there, opened."""
    key = f"{desk.tenant.tenant_id}#STAFF", member["staff_id"]
    place = "tenants|" + "|".join(key) + "|person"
    return desk.tenant.store.keys.open(family="op", place=place, sealed=rows[key]["person"]["B"]).decode()


def furnished(db: Any, name: str, *, expiry: str | None) -> None:
    """Assert that a table has what the one in use has beside items; then delete it."""
    described = db.describe_table(TableName=name)["Table"]
    recovery = db.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
    assert described["StreamSpecification"]["StreamViewType"] == "NEW_AND_OLD_IMAGES"
    assert recovery["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED"
    assert described["DeletionProtectionEnabled"] is True
    expires = db.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
    assert expires.get("AttributeName") == expiry
    db.update_table(TableName=name, DeletionProtectionEnabled=False)
    db.delete_table(TableName=name)


def test_a_file_is_read_as_it_was_first_written(keeper: EngineServices) -> None:
    files, bucket = backup_files(keeper), keeper.settings.backups_bucket
    key = f"parts/{secrets.token_hex(8)}/00000001"
    files.add(key=key, body=b"first")
    with pytest.raises(FileThere):
        files.add(key=key, body=b"second")

    keeper.s3.put_object(Bucket=bucket, Key=key, Body=b"put over it", ChecksumAlgorithm="SHA256")
    keeper.s3.delete_object(Bucket=bucket, Key=key)

    assert (files.read(key=key), files.read(key=key, size=2)) == (b"first", b"fi")
    assert list(files.names(prefix=key)) == [key]


def test_an_order_that_cannot_be_read_is_refused(keeper: EngineServices) -> None:
    unreadable: tuple[dict[str, object], ...] = (
        {"restore": "drill-x"},
        {"restore": "UPPER"},
        {"restore": "a", "backup": "../x"},
        {"drill": "2041-W01"},
        {"check": "a", "backup": "2041-W01-1"},
        {"x": 1},
    )
    for detail in unreadable:
        with pytest.raises((InvalidRestoreOrder, InvalidBackupName)):
            drill_restores(keeper, {"detail": detail})


def test_a_check_is_refused_without_tables_and_unsound_where_keys_are_lost(
    keeper: EngineServices, services: EngineServices, signed_in: SignedIn, other_tenant: SignedIn
) -> None:
    with pytest.raises(TablesAbsent, match=r"not there.*trial-tenants"):
        drill_restores(keeper, {"detail": {"check": "trial"}})
    backed_up(keeper)
    with suppress(RestoreUnsound):  # where a test before this one lost keys
        drill_restores(keeper, {"detail": {"restore": "trial"}})
    services.database.bind()
    signed_in.store.life.shredding.destroy(wanted=lambda name: name.startswith("op#"))
    keeper.keyring.destroy(tenant_id=other_tenant.tenant_id)

    with pytest.raises(RestoreUnsound) as told:
        drill_restores(keeper, {"detail": {"check": "trial"}})

    report = told.value.report
    mine, theirs = signed_in.tenant_id, other_tenant.tenant_id  # others are of tests before this one
    assert mine in set(report["shredded"]) - set(report["without_keys"])
    assert theirs in set(report["without_keys"]) - set(report["shredded"])
    db = keeper.client("dynamodb")
    kept = json.dumps(db.scan(TableName=keeper.settings.keys_table)["Items"], default=str)
    assert f"{theirs}#KEYS" not in kept  # nor were new ones made
    for table, name in restored_names(keeper, backup="", name="trial").items():
        furnished(db, name, expiry="ttl" if table is Table.TENANTS else None)


# The last one: its backups are of weeks that tests after it would take for the newest.
def test_the_kept_books_of_who_was_purged_are_in_the_next_weeks_backup(
    keeper: EngineServices, services: EngineServices, gateway: Gateway, clock: FakeClock
) -> None:
    services.database.bind()
    ending = little(gateway, services)
    ending.cancel()
    backed_up(keeper)
    ending.purge()
    assert bills_name(ending, year=2041) | bills_name(ending, year=2042) == {"Ali Raza"}
    clock.advance(timedelta(weeks=1))
    keeper.database.bind()
    names = restored_names(keeper, backup=backed_up(keeper), name="trial")
    db, mine = keeper.client("dynamodb"), f"{ending.tenant_id}#"

    with suppress(RestoreUnsound):  # where a test before this one lost keys
        drill_restores(keeper, {"detail": {"restore": "trial"}})

    tables = (keeper.settings.tenants_table, names[Table.TENANTS])
    kept, back = (
        {
            key: item
            for key, item in by_key(db.scan(TableName=one)["Items"]).items()
            if key[0].startswith(mine)
        }
        for one in tables
    )
    assert {pk.split("#")[1] for pk, _ in kept} >= {"A", "AUD", "GL", "REG"}
    assert back == kept
    for table, name in names.items():
        furnished(db, name, expiry="ttl" if table is Table.TENANTS else None)
