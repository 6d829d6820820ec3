"""The steps of the main job over HTTP, as a client would take them."""

from __future__ import annotations

import hashlib
import io
import json
import re
import ssl
import urllib.request
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import boto3

from chalicelib.local.engine import Engine
from chalicelib.local.lambda_events import scheduled_event
from tests.e2e.client import Api
from tests.e2e.deployment import Deployment

Eventually = Callable[[Callable[[], object]], Any]
PASSWORD = "a lantern under the stairs"
PAGE_ITEMS = 50


@dataclass(frozen=True)
class Isp:
    """An ISP and the API as its owner has it."""

    api: Api
    currency: str

    def today(self) -> str:
        """The ISP's own date."""
        zone = ZoneInfo(self.api.get("/v1/tenant").json["time_zone"])
        return datetime.now(zone).date().isoformat()


def sign_up(engine: Engine, anonymous: Api, *, subdomain: str, country: str, currency: str, zone: str) -> Isp:
    """Sign up, verify by the mailed code, log in, and bill from midnight on."""
    address = f"owner@{subdomain}.example"
    signed_up = anonymous.post(
        "/v1/signups",
        {
            "company": subdomain.title(),
            "subdomain": subdomain,
            "owner": {"name": "Ayesha Khan", "email": address, "password": PASSWORD},
            "country": country,
            "currency": currency,
            "time_zone": zone,
            "fiscal_year_start_month": 7,
        },
    )
    assert signed_up.status == 201, signed_up.text
    assert signed_up.json["mail_sent"] is True
    token = mailed_code(engine, anonymous.ca_file, address)
    verified = anonymous.post("/v1/signups/verify", {"token": token, "password": PASSWORD})
    assert verified.status == 200, verified.text
    session = anonymous.post("/v1/sessions", {"subdomain": subdomain, "email": address, "password": PASSWORD})
    assert session.status == 201, session.text
    assert session.headers["set-cookie"].startswith("__Host-")
    api = anonymous.signed_in(session.json["token"])
    version = api.get("/v1/tenant").headers["etag"]
    changed = api.call("PATCH", "/v1/tenant", {"billing_hour": 0}, If_Match=version)
    assert changed.status == 200, changed.text
    return Isp(api, currency)


def mailed_code(engine: Engine, ca_file: str, address: str) -> str:
    """The code in the mail to the address, from the engine's list of sent mail."""
    trust = ssl.create_default_context(cafile=ca_file)
    with urllib.request.urlopen(f"{engine.url}/_ministack/ses/messages", context=trust) as answer:
        sent = json.load(answer)["messages"]
    mails = [json.dumps(mail) for of_account in sent.values() for mail in of_account]
    found = [mail for mail in mails if address in mail]
    assert found, f"no mail to {address} among {len(mails)}"
    code = re.search(r"svt_[\w-]+", found[-1])
    assert code is not None, found[-1]
    return code[0]


def put_taxes(isp: Isp, *, group: str, components: list[dict[str, Any]]) -> None:
    """Declare a group of taxes in force since 2024."""
    answer = isp.api.call(
        "PUT",
        f"/v1/tenant/tax-groups/{group}",
        {"name": "Internet", "rows": [{"starts_on": "2024-07-01", "components": components}]},
        If_Match=isp.api.get("/v1/tenant").headers["etag"],
    )
    assert answer.status == 200, answer.text


def add_package(isp: Isp, *, name: str, price: int, tax_group: str | None = None) -> None:
    """Offer a monthly package, paid in advance."""
    answer = isp.api.post(
        "/v1/packages",
        {
            "name": name,
            "price": {"amount": price, "currency": isp.currency},
            "cycle": "month",
            "download_kbps": 20_000,
            "upload_kbps": 10_000,
            "tax_group": tax_group,
        },
    )
    assert answer.status == 201, answer.text


def import_csv(isp: Isp, eventually: Eventually, *, data: bytes, mapping: dict[str, Any]) -> Any:
    """Upload, preview, map, start, and wait for the worker; the finished import."""
    asked = isp.api.post("/v1/imports", {"file_name": "customers.csv", "size_bytes": len(data)})
    assert asked.status == 201, asked.text
    upload = asked.json["upload"]
    stored = isp.api.send(upload["method"], upload["url"], data, upload["headers"])
    assert stored.status == 200, stored.text
    path = f"/v1/imports/{asked.json['import_id']}"
    preview = isp.api.get(f"{path}/preview")
    assert preview.status == 200, preview.text
    mapped = isp.api.call("PUT", f"{path}/mapping", mapping)
    assert mapped.status == 200, mapped.text
    started = isp.api.post(f"{path}/start")
    assert started.status == 202, started.text
    return eventually(lambda: _finished(isp, path))


def _finished(isp: Isp, path: str) -> Any:
    job = isp.api.get(path)
    assert job.status == 200, job.text
    return job.json if job.json["state"] in ("succeeded", "failed") else None


def bill(isp: Isp, deployment: Deployment, eventually: Eventually, *, date: str) -> Any:
    """Invoke the planner as the schedule does until the run of that date is complete."""
    client = boto3.client("lambda")

    def completed() -> Any:
        event = scheduled_event(
            rule="e2e", event_id="e2e", at=datetime.now(ZoneInfo("UTC")), region="us-east-1"
        )
        planner = deployment.outputs["BillingPlannerName"]
        answer: Any = client.invoke(FunctionName=planner, Payload=json.dumps(event))
        assert "FunctionError" not in answer, answer["Payload"].read()
        run = isp.api.get(f"/v1/billing/runs/{date}")
        return run.json if run.status == 200 and run.json["state"] != "running" else None

    return eventually(completed)


def export(isp: Isp, eventually: Eventually) -> zipfile.ZipFile:
    """Ask for an export, wait for the worker, and download it from the presigned address."""
    asked = isp.api.post("/v1/exports")
    assert asked.status == 202, asked.text
    path = f"/v1/exports/{asked.json['export_id']}"
    done = eventually(lambda: _finished(isp, path))
    assert done["state"] == "succeeded", done
    found = isp.api.get(f"{path}/download")
    assert found.status == 200, found.text
    archive = isp.api.send("GET", found.json["url"], None, {})
    assert archive.status == 200, archive.text
    assert hashlib.sha256(archive.content).hexdigest() == done["sha256"]
    return zipfile.ZipFile(io.BytesIO(archive.content))


def check_manifest(archive: zipfile.ZipFile) -> Any:
    """The manifest, once every file of the archive is what it says."""
    manifest = json.loads(archive.read("manifest.json"))
    for file in manifest["files"]:
        content = archive.read(file["name"])
        assert (len(content), hashlib.sha256(content).hexdigest()) == (file["bytes"], file["sha256"])
    return manifest


def all_pages(isp: Isp, path: str) -> list[Any]:
    """Every item of a list, page by page."""
    items: list[Any] = []
    cursor = ""
    while True:
        page = isp.api.get(f"{path}?limit={PAGE_ITEMS}{cursor}")
        assert page.status == 200, page.text
        items += page.json["items"]
        if page.json["next_cursor"] is None:
            return items
        cursor = f"&cursor={page.json['next_cursor']}"


def sequence(invoice: Any) -> int:
    """The running number within its series."""
    return int(invoice["number"].rpartition("-")[2])
