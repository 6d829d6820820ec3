"""Imports that are refused: each with a clear answer, and nothing changed."""

from __future__ import annotations

import urllib.error
from datetime import date, timedelta
from urllib.parse import unquote

import pytest

from chalicelib.domain.csv_inspect import FILE_BYTES_MAX
from chalicelib.usecases import import_work
from tests.integration.conftest import EngineServices, SignedIn
from tests.integration.importing import (
    COLUMNS,
    HEADER,
    Importer,
    add_package,
    all_subscribers,
    http_put,
    mapping,
    people,
)

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


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"\n", "empty_file"),
        (b" \r\n ", "empty_file"),
        (f"{HEADER}\n".encode(), "no_rows"),
        (b"PK\x03\x04" + b"\0" * 100, "not_csv"),
        (bytes(range(256)) * 10, "not_csv"),
        (b"<!doctype html><html></html>", "not_csv"),
        (b'"id,name\nC-1,x\n', "bad_header"),
    ],
)
def test_what_is_no_csv_file_is_refused_at_the_preview(data: bytes, code: str, importer: Importer) -> None:
    import_id = importer.upload(data)

    assert importer.tenant.api.get(f"/v1/imports/{import_id}/preview").problem == (422, code, None)
    assert importer.map(import_id, {"columns": {"code": "id"}}).problem == (422, code, None)
    assert importer.start(import_id).problem == (409, "not_mapped", None)


@pytest.mark.parametrize(
    ("change", "code", "param"),
    [
        ({"columns": {"name": "name"}}, "missing_field", "columns.code"),
        ({"columns": {"code": "nope"}, "defaults": {}}, "unknown_column", "columns.code"),
        ({"columns": {"code": "id", "router": "x"}}, "unknown_field", "columns.router"),
        ({"columns": {**COLUMNS}, "defaults": {}}, "missing_column", "columns.start_date"),
        ({"defaults": {"start_date": "2019-01-01"}}, "start_out_of_range", "defaults.start_date"),
        ({"defaults": {"start_date": "soon"}}, "invalid_value", "defaults.start_date"),
        ({"date_format": "any"}, "invalid_value", "date_format"),
        (
            {"columns": {"code": "id"}, "defaults": {"package": "Nope"}},
            "missing_column",
            "columns.start_date",
        ),
        (
            {"skip_when": [{"column": "x", "values": ["y"], "reason": "z"}]},
            "unknown_column",
            "skip_when.0.column",
        ),
        (
            {"skip_when": [{"column": "plan", "values": [], "reason": "z"}]},
            "invalid_value",
            "skip_when.0.values",
        ),
    ],
)
def test_a_mapping_that_does_not_fit_is_refused(
    change: dict[str, object], code: str, param: str, importer: Importer, start: date
) -> None:
    import_id = importer.upload(people(GOOD))

    assert importer.map(import_id, mapping(start, **change)).problem == (422, code, param)
    assert importer.show(import_id)["state"] == "awaiting_upload"


@pytest.mark.parametrize(
    ("defaults", "code", "param"),
    [
        ({"package": "Nope"}, "invalid_value", "defaults.package"),
        ({"price": {"amount": 5, "currency": "USD"}}, "currency_mismatch", "defaults.price.currency"),
        ({"package": "Home 10 MB", "anchor_day": 32}, "invalid_value", "defaults.anchor_day"),
    ],
)
def test_defaults_that_no_row_could_use_are_refused(
    defaults: dict[str, object], code: str, param: str, importer: Importer, start: date
) -> None:
    import_id = importer.upload(people(GOOD))
    given = {"defaults": {"start_date": start.isoformat(), **defaults}}

    assert importer.map(import_id, {"columns": {"code": "id"}, **given}).problem == (422, code, param)


def test_a_file_that_has_not_arrived_is_asked_for(importer: Importer) -> None:
    asked = importer.tenant.api.post("/v1/imports", json={"file_name": "x.csv", "size_bytes": 10})
    import_id = asked.json["import_id"]

    assert importer.tenant.api.get(f"/v1/imports/{import_id}/preview").problem == (
        409,
        "file_not_uploaded",
        None,
    )
    assert importer.start(import_id).problem == (409, "not_mapped", None)
    assert importer.tenant.api.get(f"/v1/imports/{import_id}/errors").problem == (
        409,
        "import_not_finished",
        None,
    )


def test_a_file_over_the_limit_is_refused_before_it_is_sent(importer: Importer) -> None:
    body = {"file_name": "x.csv", "size_bytes": FILE_BYTES_MAX + 1}

    assert importer.tenant.api.post("/v1/imports", json=body).problem == (422, "file_too_large", "size_bytes")


@pytest.mark.parametrize("name", ["customers.xlsx", "customers.csv.zip", "customers", "csv", "../a.csv/"])
def test_a_file_that_is_called_otherwise_is_refused_before_it_is_sent(importer: Importer, name: str) -> None:
    asked = importer.tenant.api.post("/v1/imports", json={"file_name": name, "size_bytes": 10})

    assert asked.problem == (422, "not_csv", "file_name")


@pytest.mark.parametrize("name", ["customers.csv", "Kunden März.CSV", "a.tsv", "a.b.txt"])
def test_a_name_is_a_label_and_part_of_no_address(importer: Importer, name: str) -> None:
    asked = importer.tenant.api.post("/v1/imports", json={"file_name": name, "size_bytes": 10})

    assert (asked.status, asked.json["file_name"]) == (201, name)
    assert name not in unquote(asked.json["upload"]["url"])
    assert asked.json["import_id"] in asked.json["upload"]["url"]


def test_the_upload_takes_the_size_that_was_asked_for_and_no_other(importer: Importer) -> None:
    asked = importer.tenant.api.post("/v1/imports", json={"file_name": "x.csv", "size_bytes": 10})
    upload = asked.json["upload"]

    with pytest.raises(urllib.error.HTTPError) as refused:
        http_put(upload["url"], b"x" * 11, upload["headers"])
    refused.value.close()
    assert refused.value.code == 403


def test_a_started_import_changes_no_more(importer: Importer, start: date) -> None:
    import_id = importer.upload(people(GOOD))
    importer.map(import_id, mapping(start))
    importer.start(import_id)

    assert importer.map(import_id, mapping(start)).problem == (409, "import_started", None)


def test_another_file_under_the_same_address_is_noticed(importer: Importer, start: date) -> None:
    asked = importer.tenant.api.post(
        "/v1/imports", json={"file_name": "x.csv", "size_bytes": len(people(GOOD))}
    )
    import_id, upload = asked.json["import_id"], asked.json["upload"]
    http_put(upload["url"], people(GOOD), upload["headers"])
    importer.map(import_id, mapping(start))
    http_put(upload["url"], people(GOOD.replace("Ali", "Abu")), upload["headers"])

    assert importer.start(import_id).problem == (409, "file_changed", None)

    importer.map(import_id, mapping(start))
    importer.start(import_id)
    http_put(upload["url"], people(GOOD.replace("Ali", "Eve")), upload["headers"])
    assert importer.work(import_id) == {"batchItemFailures": []}
    assert importer.show(import_id)["failure"]["code"] == "file_changed"
    assert all_subscribers(importer.tenant) == []


def test_an_expired_report_is_gone(importer: Importer, start: date) -> None:
    done = importer.run(people(GOOD), mapping(start))
    key = f"imports/{importer.tenant.tenant_id}/{done['import_id']}/report.csv"
    importer.services.blobs.delete(key=key)

    assert importer.tenant.api.get(f"/v1/imports/{done['import_id']}/errors").problem == (
        410,
        "file_expired",
        None,
    )


def test_a_foreign_import_answers_like_an_absent_one(importer: Importer, other_tenant: SignedIn) -> None:
    import_id = importer.upload(people(GOOD))
    absent = "imp_01JD0000000000000000000000"

    for one in (import_id, absent, "imp_x", "x" * 2_000, "imp_%00"):
        for path in ("", "/preview", "/errors"):
            assert other_tenant.api.get(f"/v1/imports/{one}{path}").status == 404, (one, path)
        assert other_tenant.api.post(f"/v1/imports/{one}/start").status == 404
    assert other_tenant.api.get("/v1/imports").json == {"items": [], "next_cursor": None}


@pytest.mark.parametrize(
    ("data", "limit", "state"),
    [
        (b"id\n" + b"C-%d\n" * 3 % (1, 2, 3), "ROWS_MAX", "succeeded"),
        (b"id\n" + b"C-%d\n" * 4 % (1, 2, 3, 4), "ROWS_MAX", "failed"),
        (b"id\n\n\nC-1\n", "LINES_MAX", "failed"),
        (b"id\nC-1\n\n\n", "LINES_MAX", "failed"),
    ],
)
def test_so_many_rows_and_no_more(
    data: bytes, limit: str, state: str, importer: Importer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_work, limit, 3)

    done = importer.run(data, {"columns": {"code": "id"}})

    assert done["state"] == state
    assert state == "succeeded" or done["failure"]["code"] == "file_too_large"


def test_an_import_that_was_not_started_can_be_withdrawn(importer: Importer, start: date) -> None:
    api = importer.tenant.api
    refused = importer.upload(b"\n")
    started = importer.upload(people(GOOD))
    assert importer.map(started, mapping(start)).status == 200
    assert importer.start(started).status == 202

    assert api.delete(f"/v1/imports/{refused}").status == 204

    assert [one["import_id"] for one in api.get("/v1/imports").json["items"]] == [started]
    assert api.delete(f"/v1/imports/{refused}").problem == (404, "not_found", "import_id")
    assert api.delete(f"/v1/imports/{started}").problem == (409, "import_started", None)
    assert importer.work(started) == {"batchItemFailures": []}
    assert api.delete(f"/v1/imports/{started}").problem == (409, "import_started", None)


def test_nobody_withdraws_another_tenant_s_import(importer: Importer, other_tenant: SignedIn) -> None:
    import_id = importer.upload(people(GOOD))

    assert other_tenant.api.delete(f"/v1/imports/{import_id}").problem == (404, "not_found", "import_id")
    assert importer.show(import_id)["state"] == "awaiting_upload"
