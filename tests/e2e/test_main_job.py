"""The main job on the deployed stack over HTTP: sign up, import, bill, export, download."""

from __future__ import annotations

import json
import re
import ssl
import urllib.request
from collections.abc import Callable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import boto3
import pytest

from chalicelib.local.engine import Engine
from tests.e2e.client import Api
from tests.e2e.deployment import Deployment

Eventually = Callable[[Callable[[], object]], object]
PASSWORD = "correct horse battery staple"
CUSTOMERS = 5
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


def all_pages(api: Api, path: str) -> list[Any]:
    """Every item of a list, page by page."""
    items: list[Any] = []
    cursor = ""
    while True:
        page = api.get(f"{path}?limit=50{cursor}")
        assert page.status == 200, page.text
        items += page.json["items"]
        if page.json["next_cursor"] is None:
            return items
        cursor = f"&cursor={page.json['next_cursor']}"


def mailed_code(engine: Engine, ca_file: str, address: str) -> str:
    """The code in the last mail to the address, from the engine's list of sent mail."""
    trust = ssl.create_default_context(cafile=ca_file)
    with urllib.request.urlopen(f"{engine.url}/_ministack/ses/messages", context=trust) as answer:
        sent = json.load(answer)
    mails = [text for text in _texts(sent) if "enter this code" in text]
    assert mails, f"no mail to {address}"
    found = re.search(r"enter this code:\s+(\S+)", mails[-1])
    assert found is not None
    return found[1]


def _texts(value: object) -> list[str]:
    """Every text in a document of any shape."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        value = list(value.values())
    return [text for item in value for text in _texts(item)] if isinstance(value, list) else []


@pytest.fixture(scope="session")
def isp(engine: Engine, anonymous: Api) -> Api:
    """An ISP that has signed up, verified its address and logged in."""
    address = "owner@lahore-net.example"
    signed_up = anonymous.post(
        "/v1/signups",
        {
            "company": "Lahore Net",
            "subdomain": "lahore-net",
            "owner": {"name": "Ayesha Khan", "email": address, "password": PASSWORD},
            "country": "PK",
            "currency": "PKR",
            "time_zone": "Asia/Karachi",
            "fiscal_year_start_month": 7,
        },
    )
    assert signed_up.status == 201, signed_up.text
    assert signed_up.json["mail_sent"] is True
    token = mailed_code(engine, anonymous.ca_file, address)
    verified = anonymous.post("/v1/signups/verify", {"token": token})
    assert verified.status == 200, verified.text
    session = anonymous.post(
        "/v1/sessions", {"subdomain": "lahore-net", "email": address, "password": PASSWORD}
    )
    assert session.status == 201, session.text
    assert "__Host-" in session.headers["set-cookie"]
    return anonymous.signed_in(session.json["token"])


@pytest.fixture(scope="session")
def package_id(isp: Api) -> str:
    """A package that is taxed, and a tenant that bills from midnight."""
    tenant = isp.get("/v1/tenant").json
    changed = isp.call("PATCH", "/v1/tenant", {"billing_hour": 0}, If_Match=f'"{tenant["version"]}"')
    assert changed.status == 200, changed.text
    taxes = {"starts_on": "2024-07-01", "components": TAXES}
    put = isp.call(
        "PUT",
        "/v1/tenant/tax-groups/internet",
        {"name": "Internet in Punjab", "rows": [taxes]},
        If_Match=changed.headers["etag"],
    )
    assert put.status == 200, put.text
    created = isp.post(
        "/v1/packages",
        {
            "name": "Home 20",
            "price": {"amount": PRICE, "currency": "PKR"},
            "cycle": "month",
            "download_kbps": 20_000,
            "upload_kbps": 10_000,
            "tax_group": "internet",
        },
    )
    assert created.status == 201, created.text
    return str(created.json["package_id"])


@pytest.fixture(scope="session")
def today(isp: Api) -> str:
    """The ISP's date."""
    zone = ZoneInfo(isp.get("/v1/tenant").json["time_zone"])
    return datetime.now(zone).date().isoformat()


@pytest.fixture(scope="session")
def customers(isp: Api, package_id: str, today: str) -> int:
    """How many subscribers have a subscription that is due today."""
    for number in range(CUSTOMERS):
        subscriber = isp.post("/v1/subscribers", {"code": f"C-{number}", "name": f"Customer {number}"})
        assert subscriber.status == 201, subscriber.text
        path = f"/v1/subscribers/{subscriber.json['subscriber_id']}/subscriptions"
        sold = isp.post(path, {"package_id": package_id, "starts_on": today})
        assert sold.status == 201, sold.text
    return CUSTOMERS


@pytest.fixture(scope="session")
def run(isp: Api, deployment: Deployment, customers: int, today: str, eventually: Eventually) -> Any:
    """Today's billing run, completed: the planner is invoked as the schedule does it."""
    event = {
        "version": "0",
        "id": "e2e",
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": "000000000000",
        "time": "2026-01-01T00:00:00Z",
        "region": "us-east-1",
        "resources": [],
        "detail": {},
    }
    client = boto3.client("lambda")

    def completed() -> object:
        answer = client.invoke(
            FunctionName=deployment.outputs["BillingPlannerName"], Payload=json.dumps(event)
        )
        assert "FunctionError" not in answer, answer["Payload"].read()
        found = isp.get(f"/v1/billing/runs/{today}")
        return found.json if found.status == 200 and found.json["state"] != "running" else None

    return eventually(completed)


def test_the_owner_is_logged_in(isp: Api) -> None:
    me = isp.get("/v1/me")
    assert me.status == 200, me.text
    assert me.json["tenant"]["company"] == "Lahore Net"
    assert me.json["staff"]["role"] == "owner"


def test_nobody_else_is(anonymous: Api) -> None:
    assert anonymous.get("/v1/me").status == 401


def test_the_run_bills_every_customer_once(isp: Api, run: Any, customers: int, package_id: str) -> None:
    assert run["state"] == "completed", run
    assert run["invoices"] == run["billed"] == customers
    assert run["quarantined"] == 0
    assert run["net"] == {"amount": customers * PRICE, "currency": "PKR"}
    assert run["total"] == {"amount": customers * PRICE_WITH_TAX, "currency": "PKR"}
    invoices = all_pages(isp, "/v1/invoices")
    numbers = sorted(int(invoice["number"].rpartition("-")[2]) for invoice in invoices)
    assert numbers == list(range(1, customers + 1))
    assert {invoice["total"]["amount"] for invoice in invoices} == {PRICE_WITH_TAX}


def test_asking_again_bills_nothing(isp: Api, run: Any, customers: int) -> None:
    assert isp.post("/v1/billing/runs").status == 202
    assert len(all_pages(isp, "/v1/invoices")) == customers
