"""The counter of an ISP: invoices by hand, payments and corrections over HTTP, and the books after them."""

from __future__ import annotations

import secrets
from collections import Counter as Count
from typing import Any

from tests.fakes.api_client import Reply
from tests.integration.shop import Item, Shop, created, if_match, ok

TAX_ROWS = [
    {
        "starts_on": "2020-01-01",
        "components": [
            {"code": "sales_tax", "name": "Sales tax", "rate_millionths": 195_000},
            {"code": "ait", "name": "Income tax", "rate_millionths": 150_000, "base": "net_plus_previous"},
        ],
    }
]


def pkr(amount: int) -> Item:
    """An amount in paisa."""
    return {"amount": amount, "currency": "PKR"}


def line(amount: int, **changes: object) -> Item:
    """A line of a manual invoice."""
    return {"description": "Router", "unit_price": pkr(amount), **changes}


class Counter:
    """One subscriber at the counter."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.subscriber = shop.subscriber(name="Ali Raza", address="Street 7, Lahore")
        self.path = f"/v1/subscribers/{self.subscriber['subscriber_id']}"

    def tax(self) -> None:
        """Give the tenant the tax group ``internet``."""
        api = self.shop.tenant.api
        tenant = ok(api.get("/v1/tenant"))
        body = {"name": "Internet", "rows": TAX_ROWS}
        ok(api.put("/v1/tenant/tax-groups/internet", json=body, headers=if_match(tenant)))

    def send(self, path: str, body: Item, key: str | None = None) -> Reply:
        """POST with a key, a fresh one unless given; ``path`` begins with / or is the subscriber's."""
        where = path if path.startswith("/") else f"{self.path}/{path}"
        headers = {"Idempotency-Key": key or secrets.token_hex(8)}
        return self.shop.tenant.api.post(where, json=body, headers=headers)

    def invoice(self, *lines: Item, **changes: object) -> Item:
        """Issue an invoice."""
        return created(self.send("invoices", {"lines": list(lines), **changes}))

    def pay(self, amount: int, **changes: object) -> Item:
        """Take a payment in cash."""
        return created(self.send("payments", {"amount": pkr(amount), "channel": "cash", **changes}))

    def credit(self, invoice: Item, **changes: object) -> Item:
        """Credit an invoice."""
        return created(self.try_to_credit(invoice, **changes))

    def try_to_credit(self, invoice: Item, **changes: object) -> Reply:
        """Ask for a credit note."""
        body = {"reason": "error", **changes}
        return self.send(f"/v1/invoices/{invoice['invoice_id']}/credit-notes", body)

    def reverse(self, receipt: Item) -> Reply:
        """Ask for the reversal of a payment."""
        body = {"reason": "the cheque bounced"}
        return self.send(f"/v1/documents/{receipt['document_id']}/reversal", body)

    def now(self, invoice: Item) -> Item:
        """Return an invoice as it stands."""
        return ok(self.shop.tenant.api.get(f"/v1/invoices/{invoice['invoice_id']}"))

    def get(self, path: str) -> Item:
        """GET from the subscriber's path, or from one that begins with /."""
        return ok(self.shop.tenant.api.get(path if path.startswith("/") else f"{self.path}/{path}"))

    def books(self) -> Item:
        """Check that the ledger, the account and the invoices agree; return the account's money."""
        store = self.shop.services.stores.of(tenant_id=self.shop.tenant.tenant_id)
        account = store.subscribers.get(subscriber_id=self.subscriber["subscriber_id"]).account
        invoices = self.get("invoices?limit=200")["items"]
        documents = self.get("documents?limit=200")["items"]
        ledger: Count[str] = Count()
        for one in [*invoices, *documents]:
            assert sum(posting["amount"] for posting in one["postings"]) == 0
            for posting in one["postings"]:
                ledger[posting["account"]] += posting["amount"]
        assert account.balance == ledger["receivable"] + ledger["credit"]
        assert account.credit == -ledger["credit"] >= 0
        assert account.deposits == -ledger["deposits"] >= 0
        assert sum(one["open"]["amount"] for one in invoices) == ledger["receivable"]
        assert self.day_totals() == {name: amount for name, amount in ledger.items() if amount}
        for kind in {one["kind"] for one in [*invoices, *documents]}:
            numbers = sorted(one["number"] for one in [*invoices, *documents] if one["kind"] == kind)
            assert [int(number[-6:]) for number in numbers] == list(range(1, len(numbers) + 1))
        return {"balance": account.balance, "credit": account.credit, "deposits": account.deposits}

    def day_totals(self) -> dict[str, int]:
        """Return the tenant's day totals by ledger account."""
        found: Count[str] = Count()
        for item in self.shop.items("GL#"):
            for name, value in item.items():
                side, _, account = name.partition(":")
                if account:
                    found[account] += int(value["N"]) if side == "d" else -int(value["N"])
        return {name: amount for name, amount in found.items() if amount}

    def audited(self) -> int:
        """Return how many audit entries the tenant has."""
        return len(self.shop.items("AUD"))


def amounts(postings: list[Any]) -> dict[str, int]:
    """Return postings by ledger account."""
    return {one["account"]: one["amount"] for one in postings}
