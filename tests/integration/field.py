"""A round in the field: a collector with areas, the office's till, receipts and hand-overs over HTTP."""

from __future__ import annotations

import secrets
import uuid
from dataclasses import dataclass

from tests.fakes.api_client import ApiClient, Reply
from tests.integration.counter import Counter, line, pkr
from tests.integration.shop import Item, Shop, created, ok
from tests.integration.staffing import Company, Person

AREA = "Gulberg III"
TAKEN_AT = "2041-05-15T09:30:00+05:00"


def send(api: ApiClient, path: str, body: Item | None = None, key: str | None = None) -> Reply:
    """POST with an idempotency key, a fresh one unless given."""
    return api.post(path, json=body, headers={"Idempotency-Key": key or secrets.token_hex(8)})


def receipt(subscriber_id: str, amount: int, **changes: object) -> Item:
    """A receipt as a device sends it."""
    return {
        "receipt_id": str(uuid.uuid4()),
        "subscriber_id": subscriber_id,
        "amount": pkr(amount),
        "taken_at": TAKEN_AT,
        **changes,
    }


def sync(api: ApiClient, *receipts: Item) -> list[Item]:
    """Send receipts together; return what became of each."""
    found: list[Item] = ok(api.post("/v1/field-receipts", json={"receipts": list(receipts)}))["items"]
    return found


@dataclass
class Field:
    """A shop whose collector goes from door to door."""

    shop: Shop
    company: Company
    collector: Person
    till: Item

    @classmethod
    def of(cls, shop: Shop, company: Company) -> Field:
        """Invite a collector, and name the till."""
        till = created(shop.tenant.api.post("/v1/funds", json={"name": "Till", "channel": "cash"}))
        return cls(shop, company, company.join("collector", areas=[AREA]), till)

    @property
    def owner(self) -> ApiClient:
        """The owner's client."""
        return self.shop.tenant.api

    def customer(self, owes: int = 0, **changes: object) -> Counter:
        """A subscriber of the collector's area, who owes an invoice."""
        found = Counter(self.shop)
        found.subscriber = self.shop.subscriber(area=AREA, **changes)
        found.path = f"/v1/subscribers/{found.subscriber['subscriber_id']}"
        if owes:
            found.invoice(line(owes))
        return found

    def held(self, api: ApiClient | None = None) -> int:
        """What the collector holds."""
        fund_id = f"fnd_{self.collector.staff_id.removeprefix('stf_')}"
        amount: int = ok((api or self.owner).get(f"/v1/funds/{fund_id}"))["balance"]["amount"]
        return amount

    def in_till(self) -> int:
        """What the till holds by the books."""
        amount: int = ok(self.owner.get(f"/v1/funds/{self.till['fund_id']}"))["balance"]["amount"]
        return amount

    def offer(self, amount: int) -> Reply:
        """Offer cash to the office."""
        return send(self.collector.api, "/v1/hand-overs", {"amount": pkr(amount)})

    def count(self, hand_over: Item, amount: int, by: ApiClient | None = None) -> Reply:
        """Say what the office counted."""
        path = f"/v1/hand-overs/{hand_over['hand_over_id']}/count"
        return send(by or self.owner, path, {"counted": pkr(amount), "fund_id": self.till["fund_id"]})

    def accept(self, hand_over: Item, amount: int) -> Reply:
        """Accept the office's count."""
        path = f"/v1/hand-overs/{hand_over['hand_over_id']}/acceptance"
        return send(self.collector.api, path, {"counted": pkr(amount)})


def held_money(counter: Counter) -> dict[str, str]:
    """A fund, an expense that is owed, and cash that is offered to the office."""
    api, amount = counter.shop.tenant.api, pkr(5)
    fund = created(api.post("/v1/funds", json={"name": "Till", "channel": "cash"}))
    taken = receipt(counter.subscriber["subscriber_id"], 5)
    ok(api.post("/v1/field-receipts", json={"receipts": [taken]}))
    expense = created(counter.send("/v1/expenses", {"category": "rent", "amount": amount}))
    return {
        "expense_id": expense["expense_id"],
        "journal_id": expense["document_id"],
        "fund_id": fund["fund_id"],
        "hand_over_id": created(counter.send("/v1/hand-overs", {"amount": amount}))["hand_over_id"],
    }
