"""Imports end to end on the engine: good files, bad files, and files that come twice."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from chalicelib.domain.money import Money
from tests.fakes.api_client import ApiClient
from tests.fakes.clock import FakeClock
from tests.integration.conftest import EngineServices, SignedIn, sign_up_and_in
from tests.integration.importing import (
    HEADER,
    Importer,
    add_package,
    all_subscribers,
    mapping,
    people,
)
from tests.integration.test_exports import bill
from tests.sample import BLANK_WITH_SERVICE, BLANK_WITHOUT, PATH, needs_sample, telco_mapping

GOOD = "C-1,Ali Raza,0300-1234567,Home 10 MB,1500.50"


@pytest.fixture
def importer(services: EngineServices, signed_in: SignedIn) -> Importer:
    """A fresh tenant with one package."""
    add_package(signed_in, "Home 10 MB", 200_000)
    return Importer(services, signed_in)


@pytest.fixture
def start(services: EngineServices, signed_in: SignedIn) -> date:
    """A month from today."""
    return signed_in.store.profile().local_date(at=services.clock.now()) + timedelta(days=30)


@needs_sample
def test_the_telco_sample_imports_to_the_figures_that_it_has(
    api: ApiClient, services: EngineServices
) -> None:
    tenant = sign_up_and_in(api, services, currency="USD", country="US", time_zone="America/New_York")
    fiber = add_package(tenant, "Fiber optic", 8_000, "USD")
    dsl = add_package(tenant, "DSL", 5_000, "USD")
    start = tenant.store.profile().local_date(at=services.clock.now())
    importer = Importer(services, tenant)
    telco = telco_mapping(starts_on=start.isoformat())
    telco["columns"]["note"] = "TotalCharges"  # blank in 11 rows

    done = importer.run(PATH.read_bytes(), telco)

    size = PATH.stat().st_size
    assert done["state"] == "succeeded", done
    assert done["progress"] == {
        "rows_read": 7_043,
        "created": 5_517,
        "existing": 0,
        "skipped": {"no internet service": 1_526},
        "failed": {},
        "skipped_total": 1_526,
        "failed_total": 0,
        "bytes_done": size,
        "bytes_total": size,
    }
    report = importer.report(done["import_id"])
    assert len(report) == 1_526
    assert {(row["outcome"], row["message"]) for row in report} == {("skipped", "no internet service")}
    created = {one.code: one for one in all_subscribers(tenant)}
    assert {code for code, one in created.items() if not one.contact.note} == BLANK_WITH_SERVICE
    assert created["7590-VHVEG"].contact.note == "29.85"
    assert {row["subscriber_code"] for row in report} >= BLANK_WITHOUT
    assert not BLANK_WITHOUT & set(created)
    sold = [sub for one in created.values() for sub in one.account.subscriptions]
    assert str(Money(sum(sub.price_override or 0 for sub in sold), "USD")) == "423949.75 USD"
    assert [sum(sub.package_id == one for sub in sold) for one in (fiber, dsl)] == [3_096, 2_421]
    assert {sub.starts_on for sub in sold} == {start}

    again = importer.run(PATH.read_bytes(), telco)

    assert again["progress"]["created"] == 0
    assert again["progress"]["existing"] == 5_517
    assert len(all_subscribers(tenant)) == 5_517


def test_a_row_becomes_a_subscriber_who_can_be_found_and_billed(importer: Importer, start: date) -> None:
    done = importer.run(people(GOOD), mapping(start))

    assert (done["state"], done["progress"]["created"]) == ("succeeded", 1)
    found = importer.tenant.api.post("/v1/subscriber-searches", json={"text": "03001234567"}).json["items"]
    assert [(one["code"], one["name"], one["status"]) for one in found] == [("C-1", "Ali Raza", "active")]
    [sub] = all_subscribers(importer.tenant)[0].account.subscriptions
    assert (sub.price_override, sub.starts_on, sub.anchor_day) == (150_050, start, start.day)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param("\n", "\n", id="lf"),
        pytest.param("\n", "\r\n", id="crlf"),
        pytest.param(",", ";", id="semicolons"),
        pytest.param(",", "\t", id="tabs"),
    ],
)
def test_files_are_read_however_they_were_saved(old: str, new: str, importer: Importer, start: date) -> None:
    text = people("C-1,José,0300-1234567,Home 10 MB,1500").decode().replace(old, new)

    for encoding in ("utf-8", "utf-8-sig", "utf-16", "cp1252"):
        done = importer.run(text.encode(encoding), mapping(start))
        assert done["progress"]["created"] + done["progress"]["existing"] == 1, (encoding, done)
    assert [one.contact.name for one in all_subscribers(importer.tenant)] == ["José"]


def test_the_preview_says_what_the_file_is(importer: Importer) -> None:
    data = f"{HEADER}\nC-1,José,0300-1234567,Home 10 MB,1500\n".replace(",", ";").encode("cp1252")
    import_id = importer.upload(data)

    shown = importer.tenant.api.get(f"/v1/imports/{import_id}/preview")

    assert shown.status == 200, shown.text
    assert shown.json["encoding"] == "cp1252"
    assert shown.json["delimiter"] == ";"
    assert shown.json["header"] == HEADER.split(",")
    assert shown.json["rows"] == [
        {"row": 2, "cells": ["C-1", "José", "0300-1234567", "Home 10 MB", "1500"], "problem": None}
    ]
    assert shown.json["suggested_columns"] == {
        "code": "id",
        "name": "name",
        "phone": "phone",
        "package": "plan",
        "price": "fee",
    }


def test_bad_rows_are_reported_and_stop_no_good_one(importer: Importer, start: date) -> None:
    data = people(
        GOOD,
        "C-2,=cmd|' /C calc'!A0,0300-1234567,Home 10 MB,1500",
        "C-3,Sara,0300-1234568,No such plan,-5",
        "c-1,Once more,0300-1234569,Home 10 MB,1",
        "C-4,Too,0300-1234567,Home 10 MB,1500,wide",
        'C-5,"never closed,0300-1234567,Home 10 MB,1500',
        "C-6,Zara,4111 1111 1111 1111,Home 10 MB,99999999999",
        "",
        "C-7,Hina,0300-1234570,home  10 mb,0",
    )

    done = importer.run(data, mapping(start))

    assert done["progress"]["created"] == 2
    assert done["progress"]["rows_read"] == 8
    assert done["progress"]["failed"] == {
        "formula_cell": 1,
        "unknown_package": 1,
        "duplicate_in_file": 1,
        "wrong_column_count": 1,
        "malformed_quotes": 1,
        "card_number_refused": 1,
    }
    report = [
        (row["row"], row["column"], row["code"], row["subscriber_code"])
        for row in importer.report(done["import_id"])
    ]
    assert report == [
        ("3", "name", "formula_cell", "C-2"),
        ("4", "plan", "unknown_package", "C-3"),
        ("4", "fee", "negative_price", "C-3"),
        ("5", "", "duplicate_in_file", "c-1"),
        ("6", "", "wrong_column_count", ""),
        ("7", "", "malformed_quotes", ""),
        ("8", "phone", "card_number_refused", "C-6"),
        ("8", "fee", "invalid_price", "C-6"),
    ]
    assert [one.code for one in all_subscribers(importer.tenant)] == ["C-1", "C-7"]


def test_the_same_file_twice_creates_nothing_twice(importer: Importer, start: date) -> None:
    data = people(*(f"C-{n},Name {n},0300-{n:07d},Home 10 MB,{n}" for n in range(120)))
    first = importer.run(data, mapping(start))
    before = all_subscribers(importer.tenant)

    again = importer.run(data, mapping(start))

    assert first["progress"]["created"] == 120
    assert (again["progress"]["created"], again["progress"]["existing"]) == (0, 120)
    assert {(row["outcome"], row["code"]) for row in importer.report(again["import_id"])} == {
        ("existing", "exists")
    }
    assert all_subscribers(importer.tenant) == before


def test_the_mapping_shows_what_becomes_of_the_first_rows(importer: Importer, start: date) -> None:
    import_id = importer.upload(people(GOOD, "C-2,=1,0300-1234567,Home 10 MB,1", "C-3,,,none,"))
    skip = [{"column": "plan", "values": ["None"], "reason": "no internet"}]

    mapped = importer.map(import_id, mapping(start, skip_when=skip))

    assert mapped.status == 200, mapped.text
    assert mapped.json["state"] == "ready"
    assert mapped.json["sample"] == [
        {"row": 2, "outcome": "created", "reports": []},
        {
            "row": 3,
            "outcome": "failed",
            "reports": [
                {
                    "column": "name",
                    "code": "formula_cell",
                    "message": "the cell begins like a spreadsheet formula (= + - @)",
                }
            ],
        },
        {
            "row": 4,
            "outcome": "skipped",
            "reports": [{"column": "plan", "code": "skipped", "message": "no internet"}],
        },
    ]


def test_starting_twice_does_no_harm(importer: Importer, start: date) -> None:
    import_id = importer.upload(people(GOOD))
    importer.map(import_id, mapping(start))

    assert [importer.start(import_id).status for _ in range(3)] == [202, 202, 202]
    for _ in range(3):
        assert importer.work(import_id) == {"batchItemFailures": []}
    assert importer.start(import_id).json["state"] == "succeeded"
    assert importer.show(import_id)["progress"]["created"] == 1


def test_imports_are_listed_newest_first(importer: Importer) -> None:
    ids = []
    for _ in range(3):
        ids.append(importer.upload(people(GOOD)))
        clock = importer.services.clock
        assert isinstance(clock, FakeClock)
        clock.advance(timedelta(seconds=1))

    first = importer.tenant.api.get("/v1/imports?limit=2").json
    rest = importer.tenant.api.get(f"/v1/imports?limit=2&cursor={first['next_cursor']}").json

    assert [one["import_id"] for one in first["items"] + rest["items"]] == ids[::-1]
    assert rest["next_cursor"] is None


def test_asking_twice_with_one_key_makes_one_import(importer: Importer) -> None:
    body = {"file_name": "x.csv", "size_bytes": 10}
    api = importer.tenant.api.with_headers(Idempotency_Key="one")

    first, second = api.post("/v1/imports", json=body), api.post("/v1/imports", json=body)

    assert first.json == second.json
    assert len(importer.tenant.api.get("/v1/imports").json["items"]) == 1
    assert api.post("/v1/imports", json={**body, "size_bytes": 11}).status == 422


def test_who_starts_on_a_day_that_was_billed_is_billed_by_the_next_run(
    importer: Importer, services: EngineServices
) -> None:
    """A batch of them checks once, in its own transaction, that no run starts meanwhile."""
    clock, tenant = services.clock, importer.tenant
    assert isinstance(clock, FakeClock)
    bill(services, tenant, clock.now() + timedelta(days=1))
    billed_day = tenant.store.runs.list(limit=1, after=None).items[0].on

    done = importer.run(
        people(*(f"C-{n},Name {n},0300-{n:07d},Home 10 MB,100" for n in range(70))), mapping(billed_day)
    )
    assert done["progress"]["created"] == 70
    run = bill(services, tenant, clock.now() + timedelta(days=2))

    assert (run.invoices, run.total) == (70, 70 * 10_000)
