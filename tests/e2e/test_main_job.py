"""The main job on the deployed stack over HTTP: sign up, import, bill, export, download."""

from __future__ import annotations

import json
from typing import Any

import pytest

from chalicelib.local.engine import Engine
from tests.e2e.client import Api
from tests.e2e.deployment import Deployment
from tests.e2e.steps import (
    Eventually,
    Isp,
    add_package,
    all_pages,
    bill,
    check_manifest,
    export,
    import_csv,
    put_taxes,
    sequence,
    sign_up,
)

GOOD_ROWS = 200
# The vector of a Pakistani bill: sales tax 19.5 %, and advance income tax 15 % on the sum.
PRICE = 164_900
PRICE_WITH_TAX = 226_614
TAXES = [
    {"code": "sales_tax", "name": "Punjab sales tax", "rate_millionths": 195_000},
    {
        "code": "income_tax",
        "name": "Advance income tax",
        "rate_millionths": 150_000,
        "base": "net_plus_previous",
    },
]


def csv_file() -> bytes:
    """200 customers, and rows that must not stop them: a duplicate, a bad price, a left-out one."""
    rows = [f"C-{n:03},Customer {n},0300{n:07},Home 20,Gulberg,yes" for n in range(GOOD_ROWS)]
    rows.insert(50, "C-000,Customer 0 again,,Home 20,Gulberg,yes")
    rows.insert(60, "C-900,No such package,,Home 2000,Gulberg,yes")
    rows.insert(70, "C-901,Left,,Home 20,Gulberg,no")
    return "\ufeff".encode() + "\r\n".join(["Id,Name,Phone,Package,Area,Active", *rows]).encode()


@pytest.fixture(scope="session")
def isp(engine: Engine, anonymous: Api) -> Isp:
    """An ISP that sells one taxed package."""
    isp = sign_up(
        engine, anonymous, subdomain="lahore-net", country="PK", currency="PKR", zone="Asia/Karachi"
    )
    put_taxes(isp, group="internet", components=TAXES)
    add_package(isp, name="Home 20", price=PRICE, tax_group="internet")
    return isp


@pytest.fixture(scope="session")
def date(isp: Isp) -> str:
    """The date that is billed."""
    return isp.today()


@pytest.fixture(scope="session")
def imported(isp: Isp, eventually: Eventually, date: str) -> Any:
    """The finished import of the file."""
    columns = {"code": "Id", "name": "Name", "phone": "Phone", "package": "Package", "area": "Area"}
    return import_csv(
        isp,
        eventually,
        data=csv_file(),
        mapping={
            "columns": columns,
            "defaults": {"start_date": date},
            "skip_when": [{"column": "Active", "values": ["No"], "reason": "has left"}],
        },
    )


@pytest.fixture(scope="session")
def run(isp: Isp, deployment: Deployment, imported: Any, date: str, eventually: Eventually) -> Any:
    """The completed billing run of the date."""
    assert imported["state"] == "succeeded"
    return bill(isp, deployment, eventually, date=date)


def test_the_owner_is_logged_in_and_nobody_else(isp: Isp, anonymous: Api) -> None:
    me = isp.api.get("/v1/me")
    assert me.status == 200, me.text
    assert me.json["staff"]["role"] == "owner"
    assert anonymous.get("/v1/me").status == 401


def test_good_rows_are_imported_and_bad_ones_reported(isp: Isp, imported: Any) -> None:
    progress = imported["progress"]
    assert progress["created"] == GOOD_ROWS
    assert progress["skipped"] == {"has left": 1}
    assert progress["rows_read"] == GOOD_ROWS + 3
    assert progress["existing"] + progress["failed_total"] == 2
    assert len(all_pages(isp, "/v1/subscribers")) == GOOD_ROWS
    report = isp.api.get(f"/v1/imports/{imported['import_id']}/errors")
    assert report.status == 200, report.text
    lines = isp.api.send("GET", report.json["url"], None, {})
    assert lines.status == 200
    assert "Home 2000" in lines.text or "C-900" in lines.text


def test_the_run_bills_every_customer_once(isp: Isp, run: Any) -> None:
    assert run["state"] == "completed", run
    assert run["invoices"] == run["billed"] == GOOD_ROWS
    assert run["quarantined"] == 0
    assert run["net"] == {"amount": GOOD_ROWS * PRICE, "currency": "PKR"}
    assert run["total"] == {"amount": GOOD_ROWS * PRICE_WITH_TAX, "currency": "PKR"}
    invoices = all_pages(isp, "/v1/invoices")
    assert sorted(map(sequence, invoices)) == list(range(1, GOOD_ROWS + 1))
    assert {invoice["total"]["amount"] for invoice in invoices} == {PRICE_WITH_TAX}


def test_asking_again_bills_nothing(isp: Isp, run: Any) -> None:
    assert isp.api.post("/v1/billing/runs").status == 202
    assert len(all_pages(isp, "/v1/invoices")) == run["invoices"]


def test_the_export_equals_the_books(isp: Isp, run: Any, eventually: Eventually) -> None:
    archive = export(isp, eventually)
    manifest = check_manifest(archive)
    invoices = all_pages(isp, "/v1/invoices")
    net, total = (sum(one[part]["amount"] for one in invoices) for part in ("net", "total"))
    assert (net, total) == (run["net"]["amount"], run["total"]["amount"])
    sums = manifest["sums"]["PKR"]
    postings, ledger = sums.pop("postings"), sums.pop("ledger")
    assert postings == ledger
    assert (ledger["receivable"], ledger["revenue:recurring"]) == (total, -net)
    assert sum(ledger.values()) == 0
    assert manifest["sums"] == {
        "PKR": {
            "invoices": {
                "count": GOOD_ROWS,
                "net": net,
                "tax": total - net,
                "total": total,
                "paid": 0,
                "credited": 0,
                "written_off": 0,
                "open": total,
            },
            "documents": {},
            "balances": total,
        }
    }
    rows = [json.loads(line) for line in archive.read("invoices.jsonl").splitlines()]
    assert {row["number"] for row in rows} == {invoice["number"] for invoice in invoices}
    assert sum(row["total"] for row in rows) == total


def test_one_isp_sees_nothing_of_another(engine: Engine, anonymous: Api, isp: Isp, run: Any) -> None:
    other = sign_up(
        engine, anonymous, subdomain="karachi-net", country="PK", currency="PKR", zone="Asia/Karachi"
    )
    assert all_pages(other, "/v1/subscribers") == all_pages(other, "/v1/invoices") == []
    invoice = isp.api.get("/v1/invoices?limit=1").json["items"][0]["invoice_id"]
    assert isp.api.get(f"/v1/invoices/{invoice}").status == 200
    assert other.api.get(f"/v1/invoices/{invoice}").status == 404
