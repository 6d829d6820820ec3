"""Exports end to end on the engine: what is downloaded is what the books hold."""

from __future__ import annotations

import contextlib
import csv
import io
import itertools
import json
import os
import random
import signal
import time
import urllib.error
import zipfile
from datetime import timedelta
from hashlib import sha256
from typing import Any

import pytest

from chalicelib.bootstrap import Services
from chalicelib.domain.export_tables import TABLES, Kind
from chalicelib.domain.exports import EXPORTED
from chalicelib.domain.money import parse_decimal
from chalicelib.domain.runs import RunState
from chalicelib.domain.spreadsheets import cell_text
from chalicelib.usecases.billing import plan_tenant, work_shard
from tests.fakes.clock import FakeClock
from tests.integration.conftest import EngineServices, SignedIn
from tests.integration.exporting import Exporter
from tests.integration.importing import Importer, add_package, http_get, mapping, people

FORMULA = '=HYPERLINK("http://evil.example","x")'


def bill(services: Services, tenant: SignedIn, at: Any) -> Any:
    """Bill everything that is due; return the last run."""
    store = services.stores.of(tenant_id=tenant.tenant_id)
    profile = store.profile()
    while tasks := plan_tenant(tenant=profile, store=store, at=at):
        while tasks:
            tasks = tasks[1:] + work_shard(
                task=tasks[0],
                tenant=profile,
                store=store,
                books=store.books(wire=services.wire),
                now=lambda: at,
                out_of_time=lambda: False,
            )
    return store.runs.list(limit=1, after=None).items[0]


@pytest.fixture
def exporter(services: EngineServices, signed_in: SignedIn) -> Exporter:
    """A tenant with 60 subscribers, billed, and one who is not."""
    add_package(signed_in, "Home", 164_900)
    importer = Importer(services, signed_in)
    start = signed_in.store.profile().local_date(at=services.clock.now()) + timedelta(days=1)
    done = importer.run(
        people(*(f"C-{n},Name {n},0300-{n:07d},Home,{n}.25" for n in range(60))), mapping(start)
    )
    assert done["progress"]["created"] == 60
    evil = {"code": "X-1", "name": FORMULA, "note": '\'quoted, "twice"\nin lines', "area": "-"}
    assert signed_in.api.post("/v1/subscribers", json=evil).status == 201
    clock = services.clock
    assert isinstance(clock, FakeClock)
    run = bill(services, signed_in, clock.now() + timedelta(days=2))
    assert run.state is RunState.COMPLETED
    return Exporter(services, signed_in)


def rows_of(archive: zipfile.ZipFile, name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in archive.read(f"{name}.jsonl").splitlines()]


def test_the_manifest_s_sums_equal_the_books(exporter: Exporter) -> None:
    runs = exporter.tenant.store.runs.list(limit=50, after=None).items
    billed, invoices = sum(run.total for run in runs), sum(run.invoices for run in runs)
    assert invoices == 60
    assert billed == sum(100 * n + 25 for n in range(60))

    shown, archive = exporter.run()

    manifest = json.loads(archive.read("manifest.json"))
    assert manifest["schema_version"] == 3
    assert manifest["tenant"]["tenant_id"] == exporter.tenant.tenant_id
    assert manifest["sums"] == {
        "PKR": {
            "invoices": {
                "count": 60,
                "net": billed,
                "tax": 0,
                "total": billed,
                "paid": 0,
                "credited": 0,
                "written_off": 0,
                "open": billed,
            },
            "documents": {},
            "balances": billed,
            "postings": {"receivable": billed, "revenue:recurring": -billed},
            "ledger": {"receivable": billed, "revenue:recurring": -billed},
        }
    }
    counts = {
        "subscribers": 61,
        "subscriptions": 60,
        "invoices": 60,
        "invoice_lines": 60,
        "documents": 0,
    }
    assert manifest["counts"] == shown["counts"]
    assert {name: shown["counts"][name] for name in counts} == counts
    invoiced = rows_of(archive, "invoices")
    assert sum(row["open"] for row in invoiced) == billed
    assert {row["overdue"] for row in invoiced} == {False}
    lines = rows_of(archive, "invoice_lines")
    assert {(row["kind"], row["quantity"], row["discount"], row["edition"]) for row in lines} == {
        ("recurring", 1, 0, 1)
    }
    assert all("price of the subscription's own" in row["calculation"] for row in lines)
    numbers = [row["number"] for row in invoiced]
    assert numbers == sorted(numbers)
    assert [int(number[-6:]) for number in numbers] == list(range(1, 61))


def test_every_file_is_what_the_manifest_says(exporter: Exporter) -> None:
    _, archive = exporter.run()

    assert archive.testzip() is None
    manifest = json.loads(archive.read("manifest.json"))
    named = {one["name"]: one for one in manifest["files"]}
    assert set(named) == set(archive.namelist()) - {"manifest.json"}
    for name, facts in named.items():
        data = archive.read(name)
        assert (facts["bytes"], facts["sha256"]) == (len(data), sha256(data).hexdigest()), name
        if name.endswith(".jsonl"):
            assert facts["rows"] == len(data.splitlines())


def test_csv_and_json_lines_hold_the_same_and_no_formula(exporter: Exporter) -> None:
    _, archive = exporter.run()

    for table in TABLES:
        wanted = rows_of(archive, table.name)
        text = archive.read(f"{table.name}.csv").decode()
        found = list(csv.DictReader(io.StringIO(text, newline="")))
        assert len(found) == len(wanted)
        for cells, row in zip(found, wanted, strict=True):
            assert list(cells) == list(table.columns) == list(row)
            for name, kind in table.columns.items():
                assert read_back(kind, cells[name], row.get("currency", "")) == row[name], name
                assert kind is Kind.AMOUNT or not cells[name].startswith(("=", "+", "-", "@"))
    assert [row["name"] for row in rows_of(archive, "subscribers") if row["code"] == "X-1"] == [FORMULA]


def read_back(kind: Kind, cell: str, currency: str) -> object:
    """Read a CSV cell as the note in the archive says."""
    if kind is Kind.TEXT:
        return cell_text(cell=cell)
    if not cell:
        return None
    if kind is Kind.AMOUNT:
        return parse_decimal(text=cell, currency=currency).amount
    if kind is Kind.JSON:
        return json.loads(cell)
    if cell in {"true", "false"}:
        return cell == "true"
    return int(cell) if cell.isdecimal() else cell


def test_a_tenant_without_anything_has_an_export_too(services: EngineServices, signed_in: SignedIn) -> None:
    _, archive = Exporter(services, signed_in).run()

    manifest = json.loads(archive.read("manifest.json"))
    assert manifest["sums"] == {}
    assert {manifest["counts"][table.name] for table in TABLES} == {0}
    assert archive.read("subscribers.csv").decode().startswith("subscriber_id,code,name,")


def test_an_export_is_not_there_before_it_is_made(services: EngineServices, signed_in: SignedIn) -> None:
    exporter = Exporter(services, signed_in)
    export_id = exporter.ask()
    path = f"/v1/exports/{export_id}/download"

    assert signed_in.api.get(path).problem == (409, "export_not_ready", None)
    exporter.work(export_id)
    exporter.work(export_id)
    assert signed_in.api.get(path).status == 200
    assert exporter.show(export_id)["state"] == "succeeded"


def test_the_download_address_lives_fifteen_minutes(services: EngineServices, signed_in: SignedIn) -> None:
    exporter = Exporter(services, signed_in)
    export_id = exporter.ask()
    exporter.work(export_id)

    found = signed_in.api.get(f"/v1/exports/{export_id}/download").json

    assert "X-Amz-Expires=900" in found["url"]
    with pytest.raises(urllib.error.HTTPError) as refused:
        http_get(found["url"].replace(export_id, "exp_01JD0000000000000000000000"))
    refused.value.close()
    assert refused.value.code == 403


def test_an_archive_is_gone_after_a_week(services: EngineServices, signed_in: SignedIn) -> None:
    exporter = Exporter(services, signed_in)
    export_id = exporter.ask()
    exporter.work(export_id)
    clock = services.clock
    assert isinstance(clock, FakeClock)
    made = clock.now()
    store = services.stores.of(tenant_id=signed_in.tenant_id)

    from chalicelib.domain.jobs import FileExpired
    from chalicelib.ports.store import AuditNote
    from chalicelib.usecases.exports import download_of

    def download(at: Any) -> object:
        note = AuditNote(actor_id="stf_x", action="export.downloaded", object_id=export_id, at=at)
        return download_of(
            store=store, blobs=services.blobs, export_id=export_id, permissions=EXPORTED, at=at, note=note
        )

    assert download(made + timedelta(days=7, seconds=-1))
    with pytest.raises(FileExpired):
        download(made + timedelta(days=7))
    services.blobs.delete(key=f"exports/{signed_in.tenant_id}/{export_id}-1.zip")
    assert signed_in.api.get(f"/v1/exports/{export_id}/download").problem == (410, "file_expired", None)


def test_a_foreign_export_answers_like_an_absent_one(
    services: EngineServices, signed_in: SignedIn, other_tenant: SignedIn
) -> None:
    export_id = Exporter(services, signed_in).ask()

    for one in (export_id, "exp_01JD0000000000000000000000", "exp_x", "x" * 2_000):
        assert other_tenant.api.get(f"/v1/exports/{one}").status == 404
        assert other_tenant.api.get(f"/v1/exports/{one}/download").status == 404
    assert other_tenant.api.get("/v1/exports").json["items"] == []


def test_so_many_exports_at_once_and_no_more(services: EngineServices, signed_in: SignedIn) -> None:
    exporter = Exporter(services, signed_in)
    ids = [exporter.ask() for _ in range(3)]

    assert signed_in.api.post("/v1/exports").problem == (409, "too_many_exports", None)

    exporter.work(ids[0])
    assert signed_in.api.post("/v1/exports").status == 202


def test_asking_twice_with_one_key_makes_one_export(services: EngineServices, signed_in: SignedIn) -> None:
    api = signed_in.api.with_headers(Idempotency_Key="one")

    first, second = api.post("/v1/exports"), api.post("/v1/exports")

    assert first.json == second.json
    assert len(signed_in.api.get("/v1/exports").json["items"]) == 1


def test_a_killed_worker_leaves_no_half_archive(exporter: Exporter) -> None:
    chance = random.Random()
    export_id = exporter.ask()
    ended: list[int] = []
    for _ in range(4):
        ended.append(killed_child(exporter, export_id, after_s=chance.uniform(0.2, 0.6)))
        for attempt in range(1, 6):
            key = f"exports/{exporter.tenant.tenant_id}/{export_id}-{attempt}.zip"
            if exporter.services.blobs.info(key=key):
                data = b"".join(exporter.services.blobs.read(key=key))
                assert zipfile.ZipFile(io.BytesIO(data)).testzip() is None

    assert exporter.work(export_id) == {"batchItemFailures": []}
    data = exporter.download(export_id)
    manifest = json.loads(zipfile.ZipFile(io.BytesIO(data)).read("manifest.json"))
    assert manifest["counts"]["invoices"] == 60, ended


def killed_child(exporter: Exporter, export_id: str, *, after_s: float) -> int:
    child = os.fork()
    if child == 0:
        try:
            earlier = FakeClock(exporter.services.clock.now() - timedelta(hours=1))
            fresh = Services(settings=exporter.services.settings, clock=earlier)
            Exporter(fresh, exporter.tenant).work(export_id)
        finally:
            os._exit(0)
    time.sleep(after_s)
    with contextlib.suppress(ProcessLookupError):
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    return status


def test_a_worker_that_was_overtaken_says_nothing(
    exporter: Exporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second delivery makes the export while the first is still at it."""
    export_id = exporter.ask()
    turns = itertools.count()
    blobs = exporter.services.blobs
    write = blobs.write

    def overtaken(**given: Any) -> int:
        if next(turns) == 0:
            exporter.work(export_id)
        return write(**given)

    monkeypatch.setattr(blobs, "write", overtaken)
    sent: list[int] = []

    def send(*, message: object, delay_seconds: int = 0) -> None:
        assert message == {"tenant_id": exporter.tenant.tenant_id, "export_id": export_id, "looks": 1}
        sent.append(delay_seconds)

    monkeypatch.setattr(exporter.services.export_queue, "send", send)

    assert exporter.work(export_id) == {"batchItemFailures": []}

    shown = exporter.show(export_id)
    assert shown["state"] == "succeeded"
    assert sha256(exporter.download(export_id)).hexdigest() == shown["sha256"]
    assert sent == [900]
