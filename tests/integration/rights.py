"""A request about somebody's data, and a breach of it, for tests that need one of each."""

from __future__ import annotations

import json
from datetime import timedelta

from chalicelib.domain.data_map import Category
from chalicelib.store import keys
from chalicelib.store.acting import acting_for
from chalicelib.store.base import to_iso
from chalicelib.store.gateway_collections import CollectionItem
from chalicelib.store.gateway_refunds import GatewayRefundItem
from chalicelib.store.late_fees import LateFeeItem
from chalicelib.store.parked_notices import ParkedItem
from chalicelib.store.usage import UsageRecordItem
from tests.integration.shop import Shop, created


def of_rights(shop: Shop, subscriber_id: str) -> dict[str, str]:
    """A request of a subscriber about their data, which waits, and a breach of the hour before."""
    api, now = shop.tenant.api, shop.services.clock.now()
    path = f"/v1/subscribers/{subscriber_id}/privacy-requests"
    request = created(api.post(path, json={"kind": "correction"}))
    at = f"{now:%Y-%m-%dT%H:%M:%SZ}"
    breach = {
        "noticed_at": at,
        "began_at": f"{now - timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}",
        "ended_at": at,
        "what": "a laptop was stolen",
        "categories": [Category.IDENTITY.value],
    }
    return {
        "privacy_request_id": request["privacy_request_id"],
        "breach_id": created(api.post("/v1/breaches", json=breach))["breach_id"],
    }


def plant_words(shop: Shop, subscriber_id: str, word: str) -> None:
    """Put what others wrote about a subscriber where vendors and rules of fees would have left it."""
    store, ulid = shop.tenant.store, subscriber_id.removeprefix("sbr_")
    tenant_id, at = shop.tenant.tenant_id, to_iso(shop.services.clock.now())
    account = keys.account(tenant_id, subscriber_id)

    def sealed(pk: str, sk: str, attribute: str, plain: str) -> bytes:
        place = f"tenants|{pk}|{sk}|{attribute}"
        return store.keys.seal(family="op", place=place, plain=plain.encode())

    fee, asked = "LATEFEE#20410501-201#lfr_1", "COL#AAAAAAAAAAAAAAAAAAAA"
    parked, notice = keys.parked_notices(tenant_id), f"pkn_{ulid}"
    refunds, refund = keys.gateway_refunds(tenant_id), f"rfd_{ulid}-20410515-201"
    told = json.dumps(["A1", "V1", f"{word}parked", f"{word}why"])
    items = (
        LateFeeItem(account, fee, amount=1, on="2041-05-01", state="waived",
                    reason=sealed(account, fee, "reason", f"{word}fee")),
        CollectionItem(account, asked, gateway="sandbox", state="failed", created_at=at, created_by="system",
                       expires_at=at, version=1, amount=1, currency="PKR",
                       reason=sealed(account, asked, "reason", f"{word}vendor")),
        UsageRecordItem(account, "USR#001#1", up_mib=1, down_mib=2, start="2041-05-01", actor_id="system"),
        ParkedItem(parked, notice, gateway="sandbox", reason="unknown", status="paid", arrived_at=at,
                   account_id=subscriber_id, state="waiting", told=sealed(parked, notice, "told", told)),
        GatewayRefundItem(refunds, refund, receipt_id="rcp", channel="sandbox", begun_at=at, state="refused",
                          version=1, amount=1, currency="PKR",
                          reason=sealed(refunds, refund, "reason", f"{word}refused")),
    )  # fmt: skip
    with acting_for(tenant_id):
        for item in items:
            item.save()
