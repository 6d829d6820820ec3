"""An ISP that sells through dealers."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

import pytest

from tests.fakes.api_client import ApiClient, Reply
from tests.integration.books_check import check_books
from tests.integration.conftest import EngineServices, SignedIn
from tests.integration.counter import Counter, pkr
from tests.integration.shop import Item, Shop, created, if_match, ok
from tests.integration.staffing import Company

TENTH = {"share_millionths": 100_000}
FIFTIETH = {"share_millionths": 20_000}
MONTH = "?first=2041-05&last=2041-05"


@dataclass
class Trade:
    """An ISP with a till, a dealer DLR-1 and its child DLR-2, which has a subscriber."""

    shop: Shop
    company: Company
    till: str = ""
    dealers: dict[str, Item] = field(default_factory=dict)

    @property
    def api(self) -> ApiClient:
        """The owner's client."""
        return self.shop.tenant.api

    def post(self, path: str, body: Item, by: ApiClient | None = None, key: str | None = None) -> Reply:
        """POST with a key."""
        headers = {"Idempotency-Key": key or secrets.token_hex(8)}
        return (by or self.api).post(path, json=body, headers=headers)

    def dealer(self, code: str, **changes: object) -> Item:
        """Add a dealer."""
        body = {"code": code, "name": f"Shop {code}", **changes}
        self.dealers[code] = created(self.post("/v1/dealers", body))
        return self.dealers[code]

    def path(self, code: str, part: str = "") -> str:
        """The path of a dealer, or of a part of it."""
        return f"/v1/dealers/{self.dealers[code]['dealer_id']}{part and f'/{part}'}"

    def move(self, code: str, what: str, amount: int) -> Reply:
        """Put money into a wallet (``top-ups``), or pay it out (``withdrawals``)."""
        return self.post(self.path(code, what), {"fund_id": self.till, "amount": pkr(amount)})

    def wallet(self, code: str) -> int:
        """What a wallet holds."""
        return int(ok(self.api.get(self.path(code)))["wallet"]["amount"])

    def statement(self, code: str) -> list[tuple[str, int, int]]:
        """A wallet's statement, the newest first."""
        items = ok(self.api.get(self.path(code, "movements")))["items"]
        return [(one["reason"], one["amount"], one["balance"]) for one in items]

    def customer(self, code: str) -> Counter:
        """A subscriber of a dealer."""
        counter = Counter(self.shop)
        path = f"/v1/subscribers/{counter.subscriber['subscriber_id']}"
        ok(self.api.patch(path, json={"dealer_id": code}, headers=if_match(counter.subscriber)))
        return counter

    def package(self, amount: int = 100_000) -> Item:
        """A prepaid package."""
        return self.shop.package(kind="prepaid", price=pkr(amount))

    def recharge(
        self, counter: Counter, package: Item, by: ApiClient | None = None, key: str | None = None
    ) -> Reply:
        """Sell a package out of a wallet."""
        body = {"package_id": package["package_id"]}
        return self.post(f"{counter.path}/dealer-recharges", body, by, key)

    def take_back(self, document_id: str) -> Reply:
        """Take a sale back."""
        return self.post(f"/v1/documents/{document_id}/dealer-reversal", {"reason": "the wrong subscriber"})

    def check(self) -> None:
        """Audit the books, of which wallets are a part."""
        check_books(self.shop.services, self.shop.tenant.tenant_id)


@pytest.fixture
def trade(signed_in: SignedIn, services: EngineServices, api: ApiClient) -> Trade:
    found = Trade(Shop(signed_in, services), Company(signed_in, services, api))
    found.till = created(found.api.post("/v1/funds", json={"name": "Till", "channel": "cash"}))["fund_id"]
    parent = found.dealer("DLR-1", commission=TENTH)
    found.dealer("DLR-2", parent_dealer_id=parent["dealer_id"], commission=TENTH, override=FIFTIETH)
    return found
