"""An ISP with one of everything that has an identifier."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from datetime import timedelta

from chalicelib.api.routing import Endpoint
from chalicelib.local.gateway import Gateway
from tests.fakes.api_client import ApiClient, Reply
from tests.integration.conftest import EngineServices, fresh_caller, sign_up_and_in
from tests.integration.counter import Counter, line, pkr
from tests.integration.field import held_money
from tests.integration.gatewaying import Till
from tests.integration.importing import Importer
from tests.integration.passkeys import device_for, register
from tests.integration.portal_user import with_portal
from tests.integration.rights import of_rights
from tests.integration.shop import Item, Shop, created, ok
from tests.integration.staffing import Company
from tests.integration.supporting import entered
from tests.integration.voucher_desk import VoucherDesk


@dataclass(frozen=True)
class Isp:
    """A tenant with one of everything that has an identifier."""

    shop: Shop
    ids: dict[str, str]
    prepaid: dict[str, str]

    def ids_for(self, one: Endpoint) -> dict[str, str]:
        """The identifiers that an operation is about: those of a recharge where it is about prepaid."""
        about_prepaid = re.search(r"prepaid|recharge", one.path) is not None
        return {**self.ids, **(self.prepaid if about_prepaid else {})}

    def stored(self) -> dict[tuple[str, str], Item]:
        """The tenant's raw items by key."""
        return {(item["pk"]["S"], item["sk"]["S"]): item for item in self.shop.items()}


def furnished(gateway: Gateway, services: EngineServices) -> Isp:
    """Make a tenant with one of everything; what a path names without an id of ours has its own names."""
    shop = Shop(sign_up_and_in(ApiClient(gateway, caller=fresh_caller()), services), services)
    api, now = shop.tenant.api, services.clock.now()
    package, prepaid = shop.package(), shop.package(kind="prepaid")
    counter = Counter(shop)
    subscription = shop.subscribe(counter.subscriber, package)
    rehearsed = {"through": f"{now.date() + timedelta(days=3)}"}
    rehearsal = answered(202, api.post("/v1/billing/rehearsals", json=rehearsed))
    invoice, receipt = counter.invoice(line(50_000)), counter.pay(1_000_000)
    recharge = created(counter.send("recharges", {"package_id": prepaid["package_id"]}))
    shop.bill(now)
    code = f"SECRET{secrets.token_hex(4).upper()}"
    created(api.post("/v1/coupons", json={"code": code, "share_millionths": 100_000, "periods": 1}))
    rule = created(api.post("/v1/late-fee-rules", json={"name": "Late", "grace_days": 5, "amount": 100}))
    role = created(api.post("/v1/roles", json={"name": "Desk", "permissions": ["subscribers:read"]}))
    key = created(api.post("/v1/api-keys", json={"name": "Till", "permissions": ["payments:record"]}))
    guest = {"email": f"guest@{shop.tenant.subdomain}.example", "role": "support"}
    # Not the owner: who has a second factor is asked for it at each password.
    helper = Company(shop.tenant, services, shop.tenant.api).join("support")
    file = {"channel": "bank_transfer", "on": "2026-10-01", "file_name": "x.csv", "size_bytes": 9}
    ids = {
        **held_money(counter),
        **of_rights(shop, counter.subscriber["subscriber_id"]),
        **sold_by_others(shop),
        **collected_online(Till.open(shop, ApiClient(gateway, caller=fresh_caller()), counter)),
        "access_id": entered(shop.tenant, services),
        "code": code,
        "date": ok(api.get("/v1/billing/runs"))["items"][0]["date"],
        "document_id": receipt["document_id"],
        "export_id": answered(202, api.post("/v1/exports"))["export_id"],
        "fiscal_year": invoice["number"].split("-")[1],
        "import_id": Importer(services, shop.tenant).upload(b"id\nA-1\n"),
        "invoice_id": invoice["invoice_id"],
        "invitation_id": created(api.post("/v1/invitations", json=guest))["invitation"]["invitation_id"],
        "key_id": key["api_key"]["key_id"],
        "kind": "INV",
        "line_id": "missing_here-1",
        "month": "2026-10",
        "package_id": package["package_id"],
        "passkey_id": register(helper.api, device_for(services))["passkey"]["passkey_id"],
        "rehearsal_id": rehearsal["rehearsal_id"],
        "role_id": role["role_id"],
        "rule": "access_log",
        "rule_id": rule["rule_id"],
        "session_id": ok(api.get("/v1/me/sessions"))["items"][0]["session_id"],
        "settlement_id": created(api.post("/v1/settlements", json=file))["settlement"]["settlement_id"],
        "staff_id": helper.staff_id,
        "subscriber_id": counter.subscriber["subscriber_id"],
        "subscription_id": subscription["subscription_id"],
    }
    bought = {
        "package_id": prepaid["package_id"],
        "invoice_id": recharge["invoice"]["invoice_id"],
        "subscription_id": recharge["line"]["subscription_id"],
    }
    shop.tenant = with_portal(shop.tenant, services, ids["subscriber_id"])
    return Isp(shop, ids, bought)


def sold_by_others(shop: Shop) -> dict[str, str]:
    """A batch of vouchers, and a dealer."""
    batch = VoucherDesk(shop).batch(1)
    dealer = created(shop.tenant.api.post("/v1/dealers", json={"code": "DLR-1", "name": "Gulberg"}))
    return {
        "batch_id": batch["batch_id"],
        "serial": f"{batch['number']:04d}-00001",
        "dealer_id": dealer["dealer_id"],
    }


def collected_online(till: Till) -> dict[str, str]:
    """A collection that is under way, and a notice that waits for a person."""
    begun = created(till.try_to_begin(amount=pkr(5_000)))
    assert till.notify(begun["collection"], reference="unknown") == "parked"
    return {
        "gateway": "sandbox",
        "callback_key": till.callback.rpartition("/")[2],
        "collection_id": begun["collection"]["collection_id"],
        "notice_id": till.parked()[0]["notice_id"],
        "reference": begun["collection"]["reference"],
        "tail": "BillInquiry",
        "token": begun["page_url"].rpartition("/")[2],
    }


def answered(status: int, reply: Reply) -> Item:
    assert reply.status == status, reply.text
    found: Item = reply.json
    return found
